"""Where a domain's rows are: the SQLite file or the PostgreSQL schema, opened or only asked for.

What belongs here: the choice between the two by the settings' section. What does not: what a connection does
(`sql.py`, `postgres.py`).
"""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from logplatform.failures import PermanentFailure
from logplatform.settings.stores import SqlStore
from logplatform.stores.sql import Database, head


@dataclass(frozen=True, slots=True)
class SqliteFile:
    """A file of this machine."""

    path: Path

    def __str__(self) -> str:
        return str(self.path)

    def exists(self) -> bool:
        """Whether anything was ever stored here."""
        return self.path.exists()

    def connect(self) -> Database:
        """The database as it is; its file is made if missing."""
        return Database.open(sa.URL.create("sqlite", database=str(self.path)))

    def open(self) -> Database:
        """The database, its schema brought up to date."""
        return Database.at(self.path)

    def revision(self) -> str | None:
        """The schema's revision; None if nothing is here. Nothing is made by asking."""
        if not self.exists():
            return None
        with closing(sqlite3.connect(f"{self.path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
            there = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone()
            found = there and connection.execute("SELECT version_num FROM alembic_version").fetchone()
        return str(found[0]) if found else None


@dataclass(frozen=True, slots=True)
class PostgresSchema:
    """A schema of the database that `store` names."""

    store: SqlStore
    schema: str

    def __str__(self) -> str:
        return f"{self.store.url}, schema {self.schema}"

    def exists(self) -> bool:
        """Whether anything was ever stored here; raises Unreachable if the server cannot be asked."""
        return self.revision() is not None

    def connect(self) -> Database:
        """The database as it is; nothing is connected yet."""
        try:
            from logplatform.stores.postgres import PostgresDatabase  # noqa: PLC0415 (psycopg is in the extra `server`)
        except ModuleNotFoundError as error:
            raise PermanentFailure(
                f"stores.sql.type is postgresql, and {error.name} is not installed: pip install 'logplatform[server]'"
            ) from error
        return PostgresDatabase(self.store, self.schema)

    def open(self) -> Database:
        """The database, its schema brought up to date."""
        database = self.connect()
        try:
            database.upgrade()
        except BaseException:
            database.close()
            raise
        return database

    def revision(self) -> str | None:
        """The schema's revision; None if nothing is here. Nothing is made by asking."""
        database = self.connect()
        try:
            return database.revision()
        finally:
            database.close()


Place = SqliteFile | PostgresSchema


def place_of(store: SqlStore, folder: Path, name: str) -> Place:
    """Where the rows of `name` (a domain, or the alerts) are; SQLite's files are in `folder`."""
    if store.type == "postgresql":
        return PostgresSchema(store, f"{store.schema_prefix}{name}")
    return SqliteFile(folder / f"{name}.db")


def check_sql(store: SqlStore) -> None:
    """Check at start that PostgreSQL can be used as `store` says; SQLite needs nothing.

    Raises Unreachable, or PermanentFailure for wrong credentials, a version that is too old, or missing rights.
    """
    if store.type == "sqlite":
        return
    database = PostgresSchema(store, f"{store.schema_prefix}archives").connect()
    try:
        with database.read() as connection:
            may = connection.execute(
                sa.text("SELECT has_database_privilege(current_database(), 'CREATE'), to_regnamespace(:schema)::text"),
                {"schema": f"{store.schema_prefix}archives"},
            ).one()
    finally:
        database.close()
    if not may[0] and may[1] is None:
        raise PermanentFailure(
            f"{store.url}: its user may not make schemas (stores.sql.url): GRANT CREATE ON DATABASE … TO that user, or "
            "make the schemas archives, machines, uploads, tickets and alerts as its own"
        )


__all__ = ["Place", "PostgresSchema", "SqliteFile", "check_sql", "head", "place_of"]
