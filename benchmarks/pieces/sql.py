"""Work of a database: many rows into a table of PostgreSQL.

What belongs here: one way each of the same rows into the same table. What does not: the server (`benchmarks.sql`).
"""

from collections.abc import Callable, Iterator
from contextlib import closing

import sqlalchemy as sa
from pydantic import SecretStr

from logplatform.settings.stores import SqlStore
from logplatform.stores.bulk import insert_columns
from logplatform.stores.places import PostgresSchema
from logplatform.stores.session_schema import piece_row

Piece = Callable[[], dict[str, float]]
Insert = Callable[[sa.Connection, list[list[object]]], int]

_BATCH = 20_000
"""Rows a transaction, as a session is written."""


def copy(url: str, password: str, rows: str) -> Piece:
    """The pieces of a machine's day as the platform writes them."""

    def insert(connection: sa.Connection, columns: list[list[object]]) -> int:
        return insert_columns(connection, piece_row, columns)

    return _work(url, password, int(rows), insert)


def executemany(url: str, password: str, rows: str) -> Piece:
    """The same by the driver's executemany, which sends statements without waiting for each answer."""
    names = ", ".join(piece_row.columns.keys())
    statement = f"INSERT INTO {piece_row.name} ({names}) VALUES ({', '.join(['%s'] * len(piece_row.columns))})"

    def insert(connection: sa.Connection, columns: list[list[object]]) -> int:
        return connection.exec_driver_sql(statement, list(zip(*columns, strict=True))).rowcount

    return _work(url, password, int(rows), insert)


def _work(url: str, password: str, rows: int, insert: Insert) -> Piece:
    place = PostgresSchema(SqlStore(type="postgresql", url=url, password=SecretStr(password)), "machines")
    database = place.open()
    with database.write() as connection:
        connection.execute(sa.text(f"TRUNCATE {piece_row.name}"))

    batches = list(_batches(rows))

    def run() -> dict[str, float]:
        count = 0
        with closing(database):
            for columns in batches:
                with database.write() as connection:
                    count += insert(connection, columns)
        return {"rows": count}

    return run


def _batches(rows: int) -> Iterator[list[list[object]]]:
    """The rows by columns, ready: making them is no database's work."""
    for first in range(0, rows, _BATCH):
        ranks = range(first, min(first + _BATCH, rows))
        moments = [f"2025-05-12 {rank // 3_600 % 24:02d}:{rank // 60 % 60:02d}:{rank % 60:02d}" for rank in ranks]
        same = len(ranks)
        yield [[1] * same, list(ranks), list(ranks), list(moments), [None] * same]
