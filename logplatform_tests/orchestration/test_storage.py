"""Dagster's storage on PostgreSQL: its tables beside the platform's, its password in no file."""

import multiprocessing
import os
from multiprocessing.synchronize import Barrier
from pathlib import Path

import dagster as dg
import psycopg
import pytest
from pydantic import SecretStr

from logplatform.failures import PermanentFailure
from logplatform.orchestration.home import INSTANCE_FILE, prepare_home
from logplatform.orchestration.storage import check_storage
from logplatform.settings.model import DagsterSettings, DagsterStorage, Settings
from logplatform.settings.stores import SqlStore, StoresSettings
from logplatform.tenancy import open_tenancy


def on_postgres(folder: Path, store: SqlStore) -> Settings:
    storage = DagsterSettings(storage=DagsterStorage(type="postgresql"))
    return Settings(data_root=folder, stores=StoresSettings(sql=store), dagster=storage)


def _open(settings: Settings, together: Barrier) -> None:
    together.wait(120)
    prepare_home(settings, os.environ)
    for _ in range(2):
        with dg.DagsterInstance.get() as instance:
            assert instance.get_runs_count() == 0
            assert instance.all_instigator_state() == []


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_programs_that_start_at_once_make_a_new_storage_together(
    kind: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """As the units of systemd do, or two commands on a new platform."""
    settings = Settings(data_root=tmp_path)
    if kind == "postgresql":
        settings = on_postgres(tmp_path, request.getfixturevalue("postgres_store"))
    spawn = multiprocessing.get_context("spawn")
    together = spawn.Barrier(3)
    children = [spawn.Process(target=_open, args=(settings, together)) for _ in range(3)]
    for child in children:
        child.start()
    for child in children:
        child.join()
    assert [child.exitcode for child in children] == [0, 0, 0]


def connected(store: SqlStore) -> "psycopg.Connection[tuple[str]]":
    assert store.password is not None
    return psycopg.connect(store.url, password=store.password.get_secret_value(), autocommit=True)


def test_runs_are_kept_by_the_server_and_the_password_in_no_file(
    tmp_path: Path, postgres_store: SqlStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = on_postgres(tmp_path, postgres_store)
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("DAGSTER_POSTGRES_URL", "")
    home = prepare_home(settings, os.environ)

    @dg.job
    def plain() -> None: ...

    with dg.DagsterInstance.get() as instance:
        plain.execute_in_process(instance=instance)
        assert instance.get_runs_count() == 1
    assert postgres_store.password is not None
    assert postgres_store.password.get_secret_value() not in (home / INSTANCE_FILE).read_text()
    assert not list(home.rglob("*.db"))
    with open_tenancy(settings, "machines"), connected(postgres_store) as connection:
        tables = connection.execute("SELECT schemaname FROM pg_tables WHERE tablename = 'runs'").fetchall()
        assert tables == [("public",)]
        ours = connection.execute("SELECT schemaname FROM pg_tables WHERE tablename = 'observation'").fetchall()
        assert ours == [("machines",)]


def test_an_address_of_its_own_is_taken(tmp_path: Path, postgres_store: SqlStore) -> None:
    storage = DagsterStorage(type="postgresql", url=postgres_store.url, password=postgres_store.password)
    settings = Settings(data_root=tmp_path, dagster=DagsterSettings(storage=storage))
    check_storage(settings)
    wrong = storage.model_copy(update={"password": SecretStr("not the one")})
    refused = Settings(data_root=tmp_path, dagster=DagsterSettings(storage=wrong))
    with pytest.raises(PermanentFailure) as told:
        check_storage(refused)
    assert "not the one" not in str(told.value)


def test_a_user_who_may_make_no_tables_is_told(tmp_path: Path, postgres_store: SqlStore) -> None:
    with connected(postgres_store) as connection:
        connection.execute("REVOKE CREATE ON SCHEMA public FROM PUBLIC")
        connection.execute("DROP ROLE IF EXISTS logplatform_guest")
        connection.execute("CREATE ROLE logplatform_guest LOGIN PASSWORD 'guest'")
    host = postgres_store.url.partition("@")[2]
    guest = SqlStore(type="postgresql", url=f"postgresql://logplatform_guest@{host}", password=SecretStr("guest"))
    try:
        with pytest.raises(PermanentFailure, match="GRANT CREATE ON SCHEMA public"):
            check_storage(on_postgres(tmp_path, guest))
    finally:
        with connected(postgres_store) as connection:
            connection.execute("DROP ROLE logplatform_guest")


def test_sqlite_is_not_asked(tmp_path: Path) -> None:
    check_storage(Settings(data_root=tmp_path))
