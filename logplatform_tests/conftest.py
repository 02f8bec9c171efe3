"""Fixtures that tests of every part share."""

from pathlib import Path

import pytest

from logplatform.landing.ledger import Ledger
from logplatform.stores.files import LocalFiles
from logplatform.stores.sql import Database


@pytest.fixture
def files(tmp_path: Path) -> LocalFiles:
    return LocalFiles(tmp_path / "data")


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database.at(tmp_path / "data" / "archives.db")


@pytest.fixture
def ledger(database: Database) -> Ledger:
    return Ledger(database, "archives", "default")
