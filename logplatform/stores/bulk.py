"""Bulk insertion: many rows by few statements.

What belongs here: the fastest plain way of each database to take rows. What does not: transactions, and what rows
mean.

SQLite spends most of an `executemany` on starting and resetting a statement for each row: one statement with many
rows of VALUES takes half of the time, and half again with what is constant written into it (700,000 rows of 5
columns, 2 of them constant: 2.1, 1.0 and 0.55 CPU-seconds).
"""

from collections.abc import Sequence
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
    bound = [column for column in columns if isinstance(column, Sequence)]
    count, width = len(bound[0]), len(bound)
    size = min(ROWS_A_STATEMENT, PARAMETERS_A_STATEMENT // width)
    values = chain.from_iterable(zip(*bound, strict=True))
    whole, rest = divmod(count, size)
    if whole:
        parameters = [tuple(islice(values, size * width)) for _ in range(whole)]
        connection.exec_driver_sql(_statement(connection, table, columns, size), parameters)
    if rest:
        connection.exec_driver_sql(_statement(connection, table, columns, rest), tuple(values))
    return count


def row_count(columns: Columns) -> int:
    """How many rows the columns make."""
    return next(len(column) for column in columns if isinstance(column, Sequence))


def _statement(connection: sa.Connection, table: sa.Table, columns: Columns, rows: int) -> str:
    mark = {"qmark": "?", "format": "%s", "pyformat": "%s"}[connection.dialect.paramstyle]
    names = ", ".join(column.name for column in table.columns)
    one = f"({', '.join(_value(column, mark) for column in columns)})"
    return f"INSERT INTO {table.name} ({names}) VALUES {', '.join(repeat(one, rows))}"  # noqa: S608 (names are ours)


def _value(column: Column, mark: str) -> str:
    if isinstance(column, Sequence):
        return mark
    return "NULL" if column is None else str(int(column))
