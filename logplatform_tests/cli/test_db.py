"""`logplatform db`: where the schemas stand, and bringing them up to date."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from logplatform.cli import main
from logplatform.databases import DATABASES
from logplatform.settings.stores import SqlStore
from logplatform.stores.places import PostgresSchema, SqliteFile
from logplatform.stores.sql import head
from logplatform_tests.databases import connect


def _run(file: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["--config", str(file), "db", *arguments])


@pytest.fixture
def postgres_file(tmp_path: Path, postgres_store: SqlStore, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Settings of a platform on PostgreSQL."""
    assert postgres_store.password is not None
    monkeypatch.setenv("LOGPLATFORM_STORES__SQL__PASSWORD", postgres_store.password.get_secret_value())
    file = tmp_path / "logplatform.yaml"
    url = postgres_store.url
    file.write_text(f"stores:\n  sql:\n    type: postgresql\n    url: {url}\n    schema_prefix: lp_\n")
    return file


def test_schemas_of_postgresql_are_made_and_told(postgres_file: Path, postgres_store: SqlStore) -> None:
    before = json.loads(_run(postgres_file, "status", "--json").output)
    assert [it["state"] for it in before["databases"]] == ["not there yet"] * len(DATABASES)
    made = _run(postgres_file, "upgrade")
    assert made.exit_code == 0, made.output
    assert "lp_alerts" in made.output
    assert "is up to date" in _run(postgres_file, "upgrade").output
    with connect(postgres_store) as connection:
        found = connection.execute("SELECT nspname FROM pg_namespace WHERE nspname LIKE 'lp%' ORDER BY 1").fetchall()
    assert [name for (name,) in found] == sorted(f"lp_{name}" for name in DATABASES)
    assert _run(postgres_file, "status").exit_code == 0


def test_a_schema_that_is_behind_is_told_and_brought_up(postgres_file: Path, postgres_store: SqlStore) -> None:
    place = PostgresSchema(postgres_store, "lp_machines")
    database = place.connect()
    database.upgrade("0003")
    database.close()
    told = _run(postgres_file, "status")
    assert told.exit_code == 1
    assert "logplatform db upgrade" in told.output
    assert f"machines: 0003 -> {head()}" in _run(postgres_file, "upgrade").output
    assert place.revision() == head()


def test_files_of_sqlite_are_not_made_by_asking(tmp_path: Path) -> None:
    file = tmp_path / "logplatform.yaml"
    file.write_text("data_root: data\n")
    SqliteFile(tmp_path / "data" / "machines.db").open().close()
    assert _run(file, "status").exit_code == 0
    assert "machines: is up to date" in _run(file, "upgrade").output
    assert [path.name for path in (tmp_path / "data").glob("*.db")] == ["machines.db"]


def test_a_server_that_is_away_is_one_line(tmp_path: Path) -> None:
    file = tmp_path / "logplatform.yaml"
    file.write_text("stores:\n  sql:\n    type: postgresql\n    url: postgresql://u@127.0.0.1:1/x\n")
    told = _run(file, "status")
    assert told.exit_code == 2
    assert "cannot be reached (stores.sql.url)" in told.output
