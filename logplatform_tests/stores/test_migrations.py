"""The schema's history: what the tables say is what the revisions make, and nobody's data is lost on the way."""

import importlib
import multiprocessing
import pkgutil
import shutil
import sqlite3
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

import logplatform.stores
from logplatform.failures import PermanentFailure
from logplatform.landing.days import DayCommits
from logplatform.landing.dead_letters import DeadLetters
from logplatform.landing.ledger import Ledger
from logplatform.stores import sql
from logplatform.stores.places import Place, PostgresSchema, SqliteFile
from logplatform.stores.schema import metadata
from logplatform.stores.sql import MIGRATIONS, Database
from logplatform_tests.databases import connect

STATES = Path(__file__).parent / "states"
SCRIPTS = ScriptDirectory(str(MIGRATIONS))
REVISIONS = [script.revision for script in reversed(list(SCRIPTS.walk_revisions()))]
SPAWN = multiprocessing.get_context("spawn")


def _restore(state: str, place: Place) -> None:
    """Make the database of an earlier state at a place where none is."""
    if isinstance(place, SqliteFile):
        place.path.parent.mkdir(parents=True, exist_ok=True)
        _restore_file(state, place.path)
        return
    with TemporaryDirectory() as folder, closing(place.connect()) as database:
        _restore_file(state, Path(folder) / "x.db")
        database.upgrade(state)
        with closing(sqlite3.connect(Path(folder) / "x.db")) as source, connect(place.store) as target:
            _copy_rows(source, target, place.schema)


def _restore_file(state: str, path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript((STATES / f"{state}.sql").read_text(encoding="utf-8"))


def _copy_rows(source: sqlite3.Connection, target: "psycopg.Connection[Any]", schema: str) -> None:
    """The dumps are SQLite's; what PostgreSQL held at the same revision is the same rows."""
    target.execute(f"SET search_path TO {schema}; SET session_replication_role TO replica".encode())
    found = source.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    for (table,) in found.fetchall():
        if table == "alembic_version":
            continue
        rows = source.execute(f"SELECT * FROM {table}")
        names = ", ".join(f'"{column[0]}"' for column in rows.description)
        marks = ", ".join(["%s"] * len(rows.description))
        for row in rows:
            values = [value if value is None or isinstance(value, bytes) else str(value) for value in row]
            target.execute(f"INSERT INTO {table} ({names}) VALUES ({marks})".encode(), values)


def _schema(place: Place) -> list[tuple[Any, ...]]:
    """Tables, indexes and views as the database tells them."""
    if isinstance(place, SqliteFile):
        with closing(sqlite3.connect(place.path)) as connection:
            return connection.execute(
                "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL "
                "AND name != 'alembic_version' AND name NOT LIKE 'sqlite_%' ORDER BY name"
            ).fetchall()
    with connect(place.store) as connection:
        return [row for query in _TOLD for row in connection.execute(query.encode(), {"schema": place.schema})]


_TOLD = (
    """SELECT table_name, column_name, data_type, is_nullable, column_default, collation_name
    FROM information_schema.columns
    WHERE table_schema = %(schema)s AND table_name != 'alembic_version' ORDER BY 1, 2""",
    "SELECT indexdef FROM pg_indexes WHERE schemaname = %(schema)s AND tablename != 'alembic_version' ORDER BY 1",
    """SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE connamespace = to_regnamespace(%(schema)s) AND conname != 'alembic_version_pkc' ORDER BY 1""",
    "SELECT viewname, definition FROM pg_views WHERE schemaname = %(schema)s ORDER BY 1",
)


def test_the_tables_in_the_code_are_those_that_the_revisions_make(database: Database) -> None:
    """A column added to the code alone would fail at the first user, whose database is not made by the code."""
    for module in pkgutil.iter_modules(logplatform.stores.__path__, "logplatform.stores."):
        if not module.ispkg:
            importlib.import_module(module.name)
    with database.read() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_the_history_is_one_line(database: Database) -> None:
    assert len(SCRIPTS.get_heads()) == 1
    assert database.revision() == REVISIONS[-1]


@pytest.mark.parametrize("state", sorted(path.stem for path in STATES.glob("*.sql")))
def test_a_database_of_an_earlier_state_is_brought_up_with_its_rows(state: str, new_place: Place) -> None:
    """The states are dumps of databases as they were; a new revision leaves the state before it here."""
    _restore(state, new_place)
    with closing(new_place.open()) as database:
        _assert_rows(state, database)
    if isinstance(new_place, SqliteFile):
        with closing(sqlite3.connect(new_place.path)) as raw:
            assert raw.execute("PRAGMA foreign_key_check").fetchall() == []
            assert raw.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def _assert_rows(state: str, database: Database) -> None:
    assert database.revision() == REVISIONS[-1]
    ledger = Ledger(database, "archives", "default")
    assert ledger.count() == {"error": 1, "pending": 1, "processed": 1}
    assert [found.path for found in ledger.waiting()] == ["new.log"]
    assert [found.error for found in ledger.find() if found.error] == ["app/cut.log.gz: ends inside a member"]
    content = ledger.content("ab" * 32)
    assert content is not None
    assert (content.lines, content.format) == (3, "gzip")
    (letter,) = DeadLetters(ledger).find()
    assert (letter.raw, letter.reasons) == (b"\xff\0", ["line 2 begins no event"])
    assert list(DayCommits(ledger).unreported()) == []
    with database.read() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM dataset_origin")).scalar_one() == 1
        pieces = connection.execute(sa.text("SELECT session_id, numero_piece FROM piece_production")).all()
        assert pieces == ([] if state == "0001" else [(1, 7)])


def test_uploads_of_an_earlier_state_are_known_contents(new_place: Place) -> None:
    """Retention takes landed bytes that no content row names: an upload that waits would lose its own."""
    _restore("0006", new_place)
    with closing(new_place.open()) as database:
        content = Ledger(database, "uploads", "default").content("12" * 32)
    assert content is not None
    assert (content.size, content.lines, content.format, content.removed_at) == (321, 3, "json", None)
    assert content.object_key == f"landing/default/uploads/12/{'12' * 32}"


def test_every_state_but_the_newest_is_kept_for_the_test_above() -> None:
    assert {path.stem for path in STATES.glob("*.sql")} >= set(REVISIONS[:-1])


def test_an_upgraded_database_has_the_schema_of_a_new_one(new_place: Place) -> None:
    old = _beside(new_place, "archives")
    new = _beside(new_place, "archives_new")
    _restore(REVISIONS[0], old)
    for one in (old, new):
        one.open().close()
    text = repr(_schema(new)).replace("archives_new.", "archives.")
    assert repr(_schema(old)) == text


def test_every_revision_can_be_taken_back_and_made_again(place: Place, database: Database) -> None:
    newest = _schema(place)
    for revision in [*reversed(REVISIONS[:-1]), "base"]:
        database.downgrade(revision)
        assert database.revision() == (None if revision == "base" else revision)
    assert _schema(place) == []
    database.upgrade()
    assert _schema(place) == newest


def _upgrade(place: Place) -> None:
    assert place.open().revision() == REVISIONS[-1]


@pytest.mark.parametrize("state", [None, REVISIONS[0]], ids=["empty", "earlier"])
def test_processes_that_upgrade_at_once_do_it_once(state: str | None, new_place: Place) -> None:
    """The webserver, the daemon and a command may all start after an update."""
    if state is not None:
        _restore(state, new_place)
    children = [SPAWN.Process(target=_upgrade, args=(new_place,)) for _ in range(4)]
    for child in children:
        child.start()
    for child in children:
        child.join()
    assert [child.exitcode for child in children] == [0, 0, 0, 0]


def test_a_new_sqlite_file_that_another_process_writes_is_waited_for(tmp_path: Path) -> None:
    """SQLite's own timeout does not stand for the step from a new file to one with a write-ahead log."""
    path = tmp_path / "archives.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as other, ThreadPoolExecutor(1) as pool:
        other.execute("BEGIN IMMEDIATE")
        opened = pool.submit(lambda: SqliteFile(path).open().revision())
        with pytest.raises(TimeoutError):
            opened.result(timeout=0.3)
        other.execute("COMMIT")
        assert opened.result() == REVISIONS[-1]


def test_a_database_of_a_newer_logplatform_is_refused_with_what_to_do(database: Database) -> None:
    with database.write() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(PermanentFailure, match="written by a newer one; upgrade logplatform"):
        database.upgrade()


BREAKING = """
import sqlalchemy as sa
from alembic import op

revision = "9999"
down_revision = "{head}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("dataset_file") as table:
        table.add_column(sa.Column("note", sa.Text(), nullable=True))
    {then}
"""


@pytest.mark.parametrize("fails", [False, True], ids=["done", "failed half-way"])
def test_changing_a_table_keeps_what_refers_to_it(
    fails: bool, database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SQLite changes a table by copying and dropping it, and dropping deletes what refers to it by cascade."""
    with database.write() as connection:
        connection.execute(
            sa.text("INSERT INTO dataset_file VALUES (1, 'd', 't', 'p', 'k', 1, 1, '2025-01-01 00:00:00', NULL)")
        )
        connection.execute(sa.text("INSERT INTO dataset_origin VALUES ('o', 1, 1)"))
    migrations = tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, migrations)
    then = "raise ZeroDivisionError" if fails else ""
    (migrations / "versions" / "9999_note.py").write_text(BREAKING.format(head=REVISIONS[-1], then=then))
    monkeypatch.setattr(sql, "MIGRATIONS", migrations)
    if fails:
        with pytest.raises(ZeroDivisionError):
            database.upgrade()
    else:
        database.upgrade()
    assert database.revision() == (REVISIONS[-1] if fails else "9999")
    with database.read() as connection:
        columns = {column["name"] for column in sa.inspect(connection).get_columns("dataset_file")}
    assert ("note" in columns) is not fails
    with database.write() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM dataset_origin")).scalar_one() == 1
        connection.execute(sa.text("DELETE FROM dataset_file"))
        # Foreign keys are on again afterwards.
        assert connection.execute(sa.text("SELECT count(*) FROM dataset_origin")).scalar_one() == 0


def test_threads_that_open_new_databases_at_once_get_whole_ones(new_place: Place) -> None:
    """Dagster ticks the domains' sensors in threads of one process; Alembic's own state is the process's."""
    names = [f"x{number}" for number in range(4)] * 2
    with ThreadPoolExecutor(len(names)) as pool:
        opened = list(pool.map(lambda name: _beside(new_place, name).open(), names))
    assert len({database.revision() for database in opened}) == 1
    tables = {frozenset(sa.inspect(database.engine).get_table_names()) for database in opened}
    for database in opened:
        database.close()
    assert len(tables) == 1
    assert {"observation", "alembic_version"} <= next(iter(tables))


def _beside(place: Place, name: str) -> Place:
    if isinstance(place, SqliteFile):
        return SqliteFile(place.path.with_name(f"{name}.db"))
    return PostgresSchema(place.store, name)
