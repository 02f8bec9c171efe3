"""Every case runs on SQLite and on PostgreSQL; those of log indices on either of them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from logplatform.stores.log_index import LogIndex
from logplatform_tests.contracts.log_indices import KINDS, PARQUET, opened
from logplatform_tests.databases import database, ledger, migrated, new_place, place, sql_store

__all__ = ["database", "ledger", "migrated", "new_place", "place", "sql_store"]


@pytest.fixture(params=KINDS)
def own_index(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[LogIndex]:
    """An index for one test alone."""
    store = PARQUET if request.param == "parquet" else request.getfixturevalue("elasticsearch_store")
    with opened(tmp_path, store) as found:
        yield found
