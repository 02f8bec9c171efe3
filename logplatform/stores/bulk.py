"""Bulk insertion: many rows by few statements.

What belongs here: the fastest plain way of each database to take rows. What does not: transactions, what rows mean,
and PostgreSQL's COPY itself (`postgres_copy.py`).

SQLite spends most of an `executemany` on starting and resetting a statement for each row: one statement with many
rows of VALUES takes half of the time, and half again with what is constant written into it (700,000 rows of 5
columns, 2 of them constant: 2.1, 1.0 and 0.55 CPU-seconds).
"""

from collections.abc import Iterable, Sequence
from itertools import chain, islice, repeat

import sqlalchemy as sa

ROWS_A_STATEMENT = 1_000
# SQLite takes 32,766 parameters in one statement (https://www.sqlite.org/limits.html).
PARAMETERS_A_STATEMENT = 32_766

Column = Sequence[object] | int | None
"""The values of one column, or one number (or NULL) that all rows have: the statement names it, nothing is bound."""

Columns = Sequence[Column]
"""One for each column of a table, all of one length where they are sequences."""


def insert_columns(connection: sa.Connection, table: sa.Table, columns: Columns) -> int:
    """Insert rows given column by column, in the table's order; returns how many.

    At least one column must be a sequence. Values are handed to the driver as they are (moments as
    `YYYY-MM-DD HH:MM:SS[.fff]` text).
    """
    if connection.dialect.name == "postgresql":
        from logplatform.stores.postgres_copy import copy_columns  # noqa: PLC0415 (psycopg is in the extra `server`)

        return copy_columns(connection, table.name, table.columns.keys(), columns)
    bound = [column for column in columns if isinstance(column, Sequence)]
    count, width = len(bound[0]), len(bound)
    size = min(ROWS_A_STATEMENT, PARAMETERS_A_STATEMENT // width)
    values = chain.from_iterable(zip(*bound, strict=True))
    whole, rest = divmod(count, size)
    if whole:
        parameters = [tuple(islice(values, size * width)) for _ in range(whole)]
        connection.exec_driver_sql(_statement(table, columns, size), parameters)
    if rest:
        connection.exec_driver_sql(_statement(table, columns, rest), tuple(values))
    return count


def insert_rows(connection: sa.Connection, table: sa.Table, rows: Iterable[Sequence[object]]) -> int:
    """Insert rows whose values stand in the table's order; returns how many.

    Values are handed to the driver as they are. Raises SQLAlchemy's IntegrityError if a row breaks a constraint.
    """
    if connection.dialect.name == "postgresql":
        from logplatform.stores.postgres_copy import copy_rows  # noqa: PLC0415 (psycopg is in the extra `server`)

        return copy_rows(connection, table.name, table.columns.keys(), rows)
    names, stream, count = table.columns.keys(), iter(rows), 0
    while chunk := list(islice(stream, ROWS_A_STATEMENT)):
        connection.execute(table.insert(), [dict(zip(names, row, strict=True)) for row in chunk])
        count += len(chunk)
    return count


def row_count(columns: Columns) -> int:
    """How many rows the columns make."""
    return next(len(column) for column in columns if isinstance(column, Sequence))


def _statement(table: sa.Table, columns: Columns, rows: int) -> str:
    names = ", ".join(column.name for column in table.columns)
    one = f"({', '.join(map(_value, columns))})"
    return f"INSERT INTO {table.name} ({names}) VALUES {', '.join(repeat(one, rows))}"  # noqa: S608 (names are ours)


def _value(column: Column) -> str:
    if isinstance(column, Sequence):
        return "?"
    return "NULL" if column is None else str(int(column))
