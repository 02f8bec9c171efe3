"""Fixtures of databases: each case runs on SQLite and on PostgreSQL.

What belongs here: an own, migrated, otherwise empty database for each test. What does not: the server
(`logplatform_tests.servers`).

A folder of tests takes these fixtures by importing them in its conftest.
"""

from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from logplatform.landing.ledger import Ledger
from logplatform.settings.stores import SqlStore
from logplatform.stores.places import Place, PostgresSchema, SqliteFile
from logplatform.stores.sql import Database
from logplatform_tests.servers.addresses import PostgresAddress

SCHEMA = "archives"


def connect(store: SqlStore) -> "psycopg.Connection[tuple[Any, ...]]":
    """A connection beside the platform's own: to look at what it does, and to disturb it."""
    password = store.password.get_secret_value() if store.password else None
    return psycopg.connect(store.url, password=password, autocommit=True)


@contextmanager
def made(server: PostgresAddress, how: str = "") -> Generator[SqlStore]:
    """A database of its own; `how` follows CREATE DATABASE."""
    name = f"t_{uuid4().hex}"
    with connect(server.store("postgres")) as connection:
        connection.execute(f"CREATE DATABASE {name} {how}".encode())
        try:
            yield server.store(name)
        finally:
            connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)".encode())


@pytest.fixture(scope="session")
def migrated(postgres: PostgresAddress) -> Iterator[SqlStore]:
    """A database with a migrated schema, to be copied: migrating takes ten times as long."""
    with made(postgres) as store:
        PostgresSchema(store, SCHEMA).open().close()
        yield store


@pytest.fixture
def sql_store(postgres: PostgresAddress, migrated: SqlStore) -> Iterator[SqlStore]:
    """A database of PostgreSQL, with the schema of the archives and nothing in it."""
    with made(postgres, f"TEMPLATE {migrated.url.rpartition('/')[2]} STRATEGY FILE_COPY") as store:
        yield store


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Where an empty database is; may be given to other processes."""
    if request.param == "sqlite":
        return SqliteFile(tmp_path / "data" / f"{SCHEMA}.db")
    return PostgresSchema(request.getfixturevalue("sql_store"), SCHEMA)


@pytest.fixture(params=["sqlite", "postgresql"])
def new_place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    """Where no database is yet."""
    if request.param == "sqlite":
        return SqliteFile(tmp_path / "data" / f"{SCHEMA}.db")
    return PostgresSchema(request.getfixturevalue("postgres_store"), SCHEMA)


@pytest.fixture
def database(place: Place) -> Iterator[Database]:
    """An empty database."""
    with closing(place.open()) as opened:
        yield opened


@pytest.fixture
def ledger(database: Database) -> Ledger:
    """The archives' ledger in it."""
    return Ledger(database, "archives", "default")
