"""SQL databases by SQLAlchemy: opening, transactions, schema version.

What belongs here: what every database does, and SQLite. What does not: PostgreSQL (`postgres.py`), which of them it is
(`places.py`), tables (`schema.py` and its neighbours) and queries.

On SQLite every write begins with BEGIN IMMEDIATE: a transaction that reads first and then writes would fail at once
with "database is locked", whatever the busy timeout (https://www.sqlite.org/lang_transaction.html).
"""

import sqlite3
import threading
import time
from collections.abc import Generator, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
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
_BUSY_PAUSE_SECONDS = 0.01
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
    """One SQL database: `read()` for a snapshot, `write()` for a transaction. This one is SQLite.

    `name` is what people are told of it.
    """

    def __init__(self, engine: sa.Engine, name: str) -> None:
        self.engine = engine
        self.name = name

    @classmethod
    def open(cls, url: str | sa.URL) -> "Database":
        """Open an SQLite `url`; its file and the folder are made if missing."""
        url = sa.make_url(url)
        if url.database:
            Path(url.database).parent.mkdir(parents=True, exist_ok=True)
        engine = sa.create_engine(url, connect_args={"timeout": BUSY_TIMEOUT_SECONDS}, hide_parameters=True)
        event.listen(engine, "connect", _configure_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return cls(engine, url.render_as_string())

    @classmethod
    def at(cls, path: Path) -> "Database":
        """Open the SQLite file `path` and bring its schema up to date."""
        database = cls.open(sa.URL.create("sqlite", database=str(path)))
        database.upgrade()
        return database

    @contextmanager
    def read(self) -> Generator[sa.Connection]:
        """A connection whose statements all see one snapshot; nothing written through it is kept."""
        with self._failures(), self.engine.connect() as connection:
            self._begin_reading(connection)
            yield connection

    @contextmanager
    def write(self) -> Generator[sa.Connection]:
        """A transaction: committed as a whole when the context ends well, else rolled back as a whole.

        There is one at a time: whoever begins another waits for its end.
        """
        with self._failures(), self.engine.connect() as connection, self._writing(connection) as transaction:
            yield connection
            self._commit(connection, transaction)

    def upgrade(self, revision: str = "head") -> None:
        """Bring the schema to `revision`; two processes may do so at once.

        Raises PermanentFailure if a newer logplatform has written this database.
        """
        current = self.revision()
        if revision == "head" and current == head():
            return
        if current is not None and not is_known(current):
            raise PermanentFailure(
                f"{self.name} has schema {current}, which this logplatform does not know: "
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
        with (
            self._failures(),
            _ALEMBIC,
            self.engine.connect() as connection,
            self._changing_tables(connection),
            self._writing(connection) as transaction,
        ):
            self._make_schema(connection)
            config.attributes["connection"] = connection
            yield config
            self._commit(connection, transaction)

    @contextmanager
    def _writing(self, connection: sa.Connection) -> Generator[sa.RootTransaction]:
        """A write transaction; it is rolled back unless it was committed when the context ends."""
        connection.execution_options(logplatform_write=True)
        with connection.begin() as transaction:
            self._begin_writing(connection)
            yield transaction

    def _failures(self) -> AbstractContextManager[None]:
        """Turns what the server's driver raises into failures that say what helps."""
        return nullcontext()

    def _begin_reading(self, connection: sa.Connection) -> None:
        """What comes before the first statement of a reading."""

    def _begin_writing(self, connection: sa.Connection) -> None:
        """What comes before the first statement of a write transaction."""

    def _commit(self, connection: sa.Connection, transaction: sa.RootTransaction) -> None:  # noqa: ARG002 (PostgreSQL asks for it)
        transaction.commit()

    def _make_schema(self, connection: sa.Connection) -> None:
        """What comes before the first table."""

    def _changing_tables(self, connection: sa.Connection) -> AbstractContextManager[None]:
        """What stands around a transaction that changes tables."""
        return _without_foreign_keys(connection)

    def close(self) -> None:
        """Close every pooled connection."""
        self.engine.dispose()


def head() -> str | None:
    """The newest revision that this logplatform knows."""
    return ScriptDirectory(str(MIGRATIONS)).get_current_head()


def _configure_sqlite(connection: sqlite3.Connection, _record: ConnectionPoolEntry) -> None:
    # None hands BEGIN to us: the driver would otherwise begin on its own, and only before a write.
    connection.isolation_level = None
    _keep_a_write_ahead_log(connection)
    connection.execute("PRAGMA synchronous=FULL")
    connection.execute("PRAGMA foreign_keys=ON")


def _keep_a_write_ahead_log(connection: sqlite3.Connection) -> None:
    # A new file goes over to its log but once, and of all statements this one does not wait for the busy timeout when
    # another process is at it too (or writes): SQLite sees a deadlock coming and gives up at once.
    deadline = time.monotonic() + BUSY_TIMEOUT_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(_BUSY_PAUSE_SECONDS)
        else:
            return


def is_known(revision: str) -> bool:
    """Whether this logplatform knows a revision; one that it does not was made by a newer one."""
    try:
        return ScriptDirectory(str(MIGRATIONS)).get_revision(revision) is not None
    except CommandError:
        return False


@contextmanager
def _without_foreign_keys(connection: sa.Connection) -> Generator[None]:
    # SQLite changes a table by copying it and dropping the old one, which would delete what refers to it. The pragma
    # does nothing inside a transaction, and SQLAlchemy begins one with its first statement: it goes to the driver.
    driver: Any = connection.connection.driver_connection
    driver.execute("PRAGMA foreign_keys=OFF")
    try:
        yield
    finally:
        driver.execute("PRAGMA foreign_keys=ON")


def _begin_sqlite(connection: sa.Connection) -> None:
    write = connection.get_execution_options().get("logplatform_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
