"""Every case runs on SQLite and on PostgreSQL; those of retention on a disk that the test fills."""

from pathlib import Path

import pytest

from logplatform.stores.sql import Database
from logplatform_tests.databases import database, ledger, migrated, new_place, place, sql_store
from logplatform_tests.landing.houses import House, TightFiles

__all__ = ["database", "ledger", "migrated", "new_place", "place", "sql_store"]


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(TightFiles(tmp_path / "data"), Database.at(tmp_path / "data" / "archives.db"))
