"""Fixtures that tests of every part share."""

from pathlib import Path

import pytest
from hypothesis import settings as hypothesis_settings

from logplatform.landing.ledger import Ledger
from logplatform.settings.stores import FilesStore
from logplatform.stores.file_places import open_files
from logplatform.stores.files import Files, LocalFiles
from logplatform.stores.sql import Database
from logplatform_tests.servers import own_plugin, plugin

# How long one example takes tells how busy the machine is, not whether the code is right.
hypothesis_settings.register_profile("unhurried", deadline=None)
hypothesis_settings.load_profile("unhurried")


def pytest_configure(config: pytest.Config) -> None:
    for module in (plugin, own_plugin):
        config.pluginmanager.register(module)


@pytest.fixture
def files(tmp_path: Path) -> LocalFiles:
    return LocalFiles(tmp_path / "data")


@pytest.fixture(params=["folder", "s3"])
def files_anywhere(request: pytest.FixtureRequest, tmp_path: Path) -> Files:
    """Files in a folder, and in an object store: what is built on `Files` must not care."""
    store = FilesStore() if request.param == "folder" else request.getfixturevalue("s3_store")
    return open_files(store, tmp_path / "data")


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database.at(tmp_path / "data" / "archives.db")


@pytest.fixture
def ledger(database: Database) -> Ledger:
    return Ledger(database, "archives", "default")
