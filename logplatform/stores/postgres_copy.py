"""Many rows into PostgreSQL by COPY (https://www.postgresql.org/docs/current/sql-copy.html).

What belongs here: the way of rows into a table. What does not: which rows (`bulk.py`). It is imported only where the
database is PostgreSQL.

Rows go as text by the driver, columns as CSV by Arrow, which takes half the time (`benchmarks/pieces/sql.py`).
"""

from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from typing import Any

import psycopg
import pyarrow as pa
import sqlalchemy as sa
from psycopg.sql import SQL, Composed, Identifier
from pyarrow import csv
from sqlalchemy.exc import IntegrityError

from logplatform.stores.bulk import Columns, row_count
from logplatform.stores.postgres_connection import NUL_SHOWN

_ROWS_AT_ONCE = 5_000
"""Few, so that the server works on some while the next are written."""
_NO_HEADER = csv.WriteOptions(include_header=False)


def copy_rows(connection: sa.Connection, table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> int:
    """Insert rows in the transaction of `connection`; returns how many.

    Raises IntegrityError, as an INSERT does, if a row breaks a constraint.
    """
    count = 0
    with _copying(connection, table, columns, "text") as copy:
        for row in rows:
            copy.write_row(row)
            count += 1
    return count


def copy_columns(connection: sa.Connection, table: str, names: Sequence[str], columns: Columns) -> int:
    """As `copy_rows`, of columns whose values are numbers, texts or null; an empty text is not null."""
    count = row_count(columns)
    arrays = [pa.array(column) if isinstance(column, Sequence) else pa.repeat(column, count) for column in columns]
    rows = pa.table(arrays, names=names)
    with _copying(connection, table, names, "csv") as copy:
        for first in range(0, count, _ROWS_AT_ONCE):
            buffer = pa.BufferOutputStream()
            # Arrow puts every text in quotes, and null is the only thing that is empty without them.
            csv.write_csv(rows.slice(first, _ROWS_AT_ONCE), buffer, _NO_HEADER)
            # PostgreSQL keeps no NUL: see `postgres_connection`.
            copy.write(buffer.getvalue().to_pybytes().replace(b"\0", NUL_SHOWN.encode()))
    return count


@contextmanager
def _copying(connection: sa.Connection, table: str, columns: Sequence[str], form: str) -> Generator[Any]:
    statement: Composed = SQL("COPY {} ({}) FROM STDIN (FORMAT {})").format(
        Identifier(table), SQL(", ").join(map(Identifier, columns)), Identifier(form)
    )
    driver: Any = connection.connection.driver_connection
    try:
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            yield copy
    except psycopg.IntegrityError as error:
        raise IntegrityError(f"COPY {table}", None, error) from error
