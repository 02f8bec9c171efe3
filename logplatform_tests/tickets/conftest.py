"""A real Dagster instance in the test's own folder, for the tests of tickets that need one."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from logplatform.orchestration.home import opened_instance
from logplatform_tests.tickets.outcome import settings_in


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with opened_instance(settings_in(tmp_path)) as made:
        yield made
