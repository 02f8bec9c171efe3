"""PostgreSQL: a `Database` that is one schema of a server's database.

What belongs here: transactions, and tables' texts. What does not: the connection (`postgres_connection.py`), what its
errors mean (`postgres_failures.py`), bulk rows (`bulk.py`). It is imported only where the settings choose it: psycopg
is in the extra `server`.

A write transaction first takes an advisory lock that stands for its schema, so there is one writer at a time, as on
SQLite: what looks first and changes then needs no thought of others. The lock goes with the transaction, whatever
becomes of its process. Each statement after it sees all that was committed before (READ COMMITTED); a reading sees one
moment (REPEATABLE READ).
"""

import hashlib
import time
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import Any

import psycopg
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql.base import PGTypeCompiler
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnectionFree
from sqlalchemy.schema import CreateSchema

from logplatform.failures import LogplatformError, PermanentFailure
from logplatform.settings.stores import SqlStore
from logplatform.stores.postgres_connection import connect, named
from logplatform.stores.postgres_failures import meaning, unclear
from logplatform.stores.sql import Database, head

SPARE_CONNECTIONS = 10
"""Beyond `stores.sql.connections`, for a moment: a reading may be made while its thread holds a transaction."""

_POLL_SECONDS = 0.2
_NO_RIGHTS = (psycopg.errors.InsufficientPrivilege, psycopg.errors.InvalidSchemaName)


class PostgresDatabase(Database):
    """The schema `schema` of the database that `store` names; nothing is connected before it is used."""

    def __init__(self, store: SqlStore, schema: str) -> None:
        engine = sa.create_engine(
            "postgresql+psycopg://",
            creator=partial(connect, store, schema),
            pool_pre_ping=True,
            pool_size=store.connections,
            max_overflow=SPARE_CONNECTIONS,
            pool_timeout=store.timeout_seconds,
            hide_parameters=True,
            # Else SQLAlchemy says -1 of an INSERT that may have found its row there already.
            execution_options={"preserve_rowcount": True},
        )
        # Before a connection is made, for its first look at the server takes the compiler as it is.
        engine.dialect.type_compiler_instance = _OrderedTexts(engine.dialect)
        super().__init__(engine, named(store, schema))
        self.schema = schema
        self._patience = store.timeout_seconds

    @contextmanager
    def _failures(self) -> Generator[None]:
        try:
            yield
        except (DBAPIError, NoConnectionFree, psycopg.Error) as error:
            failure = meaning(self.name, error)
            if failure is None:
                raise
            raise failure from error

    def _begin_reading(self, connection: sa.Connection) -> None:
        connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)

    @contextmanager
    def _writing(self, connection: sa.Connection) -> Generator[sa.RootTransaction]:
        connection.execution_options(isolation_level="READ COMMITTED")
        with super()._writing(connection) as transaction:
            yield transaction

    def _begin_writing(self, connection: sa.Connection) -> None:
        lock = sa.select(sa.func.pg_advisory_xact_lock(lock_key(self.schema)), sa.text("pg_current_xact_id()::text"))
        connection.info["logplatform_transaction"] = connection.execute(lock).one()[1]

    def _commit(self, connection: sa.Connection, transaction: sa.RootTransaction) -> None:
        number = connection.info["logplatform_transaction"]
        try:
            transaction.commit()
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
            # The server knows what became of it, so nobody has to guess or do it twice.
            committed = self._was_committed(number)
            if committed is None:
                raise unclear(self.name, error) from error
            if not committed:
                raise

    def _was_committed(self, number: str) -> bool | None:
        """Whether the transaction of this number was committed; None if the server does not tell in time."""
        asked = sa.text("SELECT pg_xact_status(CAST(:number AS xid8))")
        deadline = time.monotonic() + self._patience
        while time.monotonic() < deadline:
            try:
                with self.engine.connect() as connection:
                    status = connection.execute(asked, {"number": number}).scalar_one()
            except (DBAPIError, NoConnectionFree, LogplatformError):
                status = "unknown"
            if status in ("committed", "aborted"):
                return status == "committed"
            time.sleep(_POLL_SECONDS)
        return None

    def upgrade(self, revision: str = "head") -> None:
        """As `Database.upgrade`; raises PermanentFailure, telling the way out, if the user may not change it."""
        try:
            super().upgrade(revision)
        except PermanentFailure as failure:
            if not isinstance(getattr(failure.__cause__, "orig", None), _NO_RIGHTS):
                raise
            raise PermanentFailure(
                f"{self.name} is not of this version ({self.revision() or 'nothing is there'}, not {head()}), and its "
                "user may not change that: run `logplatform db upgrade` with the schema's owner in stores.sql.url, or "
                f"GRANT CREATE ON DATABASE … TO that user ({failure})"
            ) from failure

    def _make_schema(self, connection: sa.Connection) -> None:
        there = connection.execute(sa.select(sa.func.to_regnamespace(self.schema))).scalar_one()
        if there is None:
            connection.execute(CreateSchema(self.schema))

    def _changing_tables(self, connection: sa.Connection) -> AbstractContextManager[None]:  # noqa: ARG002 (SQLite asks for it)
        return nullcontext()


def lock_key(schema: str) -> int:
    """The advisory lock that stands for a schema: 64 bits of its name's hash, with a sign."""
    digest = hashlib.blake2b(f"logplatform/{schema}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)


class _OrderedTexts(PGTypeCompiler):
    """Texts in tables are ordered by their code points, as SQLite does it, whatever the database's locale is.

    Pages are read by key, and days and versions are compared as texts: an order of its own would skip or repeat rows.
    """

    def visit_TEXT(self, type_: sa.Text, type_expression: object = None, **keywords: Any) -> str:  # noqa: ANN401, N802 (SQLAlchemy's signature)
        text = super().visit_TEXT(type_, **keywords)
        return f'{text} COLLATE "C"' if isinstance(type_expression, sa.Column) else text
