"""Fixtures that tests of every part share."""

from pathlib import Path

import pytest
from hypothesis import settings as hypothesis_settings

from logplatform.landing.ledger import Ledger
from logplatform.stores.files import LocalFiles
from logplatform.stores.sql import Database

# How long one example takes tells how busy the machine is, not whether the code is right.
hypothesis_settings.register_profile("unhurried", deadline=None)
hypothesis_settings.load_profile("unhurried")


@pytest.fixture
def files(tmp_path: Path) -> LocalFiles:
    return LocalFiles(tmp_path / "data")


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database.at(tmp_path / "data" / "archives.db")


@pytest.fixture
def ledger(database: Database) -> Ledger:
    return Ledger(database, "archives", "default")
