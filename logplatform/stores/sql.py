"""SQL databases by SQLAlchemy: opening, transactions, schema version.

What belongs here: how a connection behaves. What does not: tables (`schema.py` and its neighbours) and queries.

On SQLite every write begins with BEGIN IMMEDIATE: a transaction that reads first and then writes would fail at once
with "database is locked", whatever the busy timeout (https://www.sqlite.org/lang_transaction.html).
"""

import threading
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import event
from sqlalchemy.pool import ConnectionPoolEntry

from logplatform.failures import PermanentFailure

BUSY_TIMEOUT_SECONDS = 30
T = TypeVar("T")
MIGRATIONS = Path(__file__).parent / "migrations"

_ALEMBIC = threading.Lock()
"""Alembic's `op` and `context` are one for the whole process: two threads that migrate at once (Dagster ticks its
sensors in threads) would each run parts of their revisions on the other's database."""


def chunks(items: Iterable[T], size: int = 1_000) -> Iterator[list[T]]:
    """Lists of at most `size` items, in order: a statement's parameters are bounded in number."""
    stream = iter(items)
    while chunk := list(islice(stream, size)):
        yield chunk


class UtcDateTime(sa.TypeDecorator[datetime]):
    """An aware datetime, stored in UTC (SQLite has no zones: there it is a naive UTC text)."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        """Convert to UTC; a naive datetime is a programming error (ValueError)."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"a stored time needs a zone: {value!r}")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:  # noqa: ARG002 (SQLAlchemy's signature)
        """Return the time in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Database:
    """One SQL database: `read()` for a snapshot, `write()` for a transaction."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine

    @classmethod
    def open(cls, url: str | sa.URL) -> "Database":
        """Open `url`; the file of an SQLite database and its folder are made if missing."""
        url = sa.make_url(url)
        if url.get_backend_name() == "sqlite":
            if url.database:
                Path(url.database).parent.mkdir(parents=True, exist_ok=True)
            engine = sa.create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_SECONDS}, hide_parameters=True)
            event.listen(engine, "connect", _configure_sqlite)
            event.listen(engine, "begin", _begin_sqlite)
        else:
            engine = sa.create_engine(url, pool_pre_ping=True, hide_parameters=True)
        return cls(engine)

    @classmethod
    def at(cls, path: Path) -> "Database":
        """Open the SQLite file `path` and bring its schema up to date."""
        database = cls.open(sa.URL.create("sqlite", database=str(path)))
        database.upgrade()
        return database

    @contextmanager
    def read(self) -> Generator[sa.Connection]:
        """A connection whose statements all see one snapshot; nothing written through it is kept."""
        with self.engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Generator[sa.Connection]:
        """A transaction: committed as a whole when the context ends well, else rolled back as a whole."""
        with self.engine.connect() as connection:
            connection.execution_options(logplatform_write=True)
            with connection.begin():
                yield connection

    def upgrade(self, revision: str = "head") -> None:
        """Bring the schema to `revision`; two processes may do so at once.

        Raises PermanentFailure if a newer logplatform has written this database.
        """
        current = self.revision()
        if revision == "head" and current == ScriptDirectory(str(MIGRATIONS)).get_current_head():
            return
        if current is not None and not _is_known(current):
            raise PermanentFailure(
                f"{self.engine.url.render_as_string()} has schema {current}, which this logplatform does not know: "
                "it was written by a newer one; upgrade logplatform, or restore a backup"
            )
        with self._migrating() as config:
            command.upgrade(config, revision)

    def downgrade(self, revision: str) -> None:
        """Take the schema back to `revision` (`base`: no tables); what newer tables hold is lost."""
        with self._migrating() as config:
            command.downgrade(config, revision)

    def revision(self) -> str | None:
        """The schema's revision, None for an empty database."""
        with self.read() as connection:
            return MigrationContext.configure(connection).get_current_revision()

    @contextmanager
    def _migrating(self) -> Generator[Config]:
        """Alembic's configuration on a write transaction of its own."""
        config = Config()
        config.set_main_option("script_location", str(MIGRATIONS))
        with _ALEMBIC, self.engine.connect() as connection:
            # SQLite changes a table by copying it and dropping the old one, which would delete what refers to it.
            _foreign_keys(connection, on=False)
            try:
                connection.execution_options(logplatform_write=True)
                with connection.begin():
                    config.attributes["connection"] = connection
                    yield config
            finally:
                _foreign_keys(connection, on=True)

    def close(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()


def _configure_sqlite(connection: Any, _record: ConnectionPoolEntry) -> None:  # noqa: ANN401 (a DB-API connection has no type)
    # None hands BEGIN to us: the driver would otherwise begin on its own, and only before a write.
    connection.isolation_level = None
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        connection.execute(f"PRAGMA {pragma}")


def _is_known(revision: str) -> bool:
    try:
        return ScriptDirectory(str(MIGRATIONS)).get_revision(revision) is not None
    except CommandError:
        return False


def _foreign_keys(connection: sa.Connection, *, on: bool) -> None:
    # The pragma does nothing inside a transaction, and SQLAlchemy begins one with its first statement.
    driver: Any = connection.connection.driver_connection
    if connection.dialect.name == "sqlite":
        driver.execute(f"PRAGMA foreign_keys={'ON' if on else 'OFF'}")


def _begin_sqlite(connection: sa.Connection) -> None:
    write = connection.get_execution_options().get("logplatform_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
