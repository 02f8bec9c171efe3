"""A real Dagster instance and the toy's settings, both in the test's own folder."""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from logplatform.orchestration.home import opened_instance
from logplatform.settings.model import Settings
from logplatform_tests.orchestration.toy import toy_settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return toy_settings(tmp_path)


@pytest.fixture
def instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    with opened_instance(settings) as made:
        yield made
