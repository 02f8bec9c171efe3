"""Fixtures that tests of every part share."""

import os
import shutil
import threading
from collections.abc import Iterator
from contextlib import suppress
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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files with slow tests come first: one that begins at the end leaves the other workers waiting."""
    slow = {item.path for item in items if item.get_closest_marker("slow") is not None}
    items.sort(key=lambda item: item.path not in slow)


@pytest.fixture(autouse=True, scope="session")
def copied_databases(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A new SQLite file begins as a copy of one that is migrated: migrating takes twenty times as long."""
    made = tmp_path_factory.mktemp("migrated") / "new.db"
    Database.at(made).close()
    at = Database.at

    def copied(path: Path) -> Database:
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            part = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident()}")
            shutil.copyfile(made, part)
            # Another may have made it meanwhile.
            with suppress(FileExistsError):
                path.hardlink_to(part)
            part.unlink()
        return at(path)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Database, "at", copied)
        yield


@pytest.fixture(autouse=True)
def dagster_variables() -> Iterator[None]:
    """Instances and commands name Dagster's home and storage in the environment; the next test has others."""
    before = _taken_variables()
    yield
    _taken_variables()
    os.environ.update(before)


def _taken_variables() -> dict[str, str]:
    return {name: os.environ.pop(name) for name in list(os.environ) if name.startswith("DAGSTER_")}


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
