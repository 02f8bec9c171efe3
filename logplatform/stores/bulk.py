"""Bulk insertion: many rows by few statements.

What belongs here: the fastest plain way of each database to take rows. What does not: transactions, and what rows
mean.

SQLite spends most of an `executemany` on starting and resetting a statement for each row: one statement with many
rows of VALUES takes a quarter of the time (700,000 rows of 5 columns: 0.5 against 2.0 CPU-seconds).
"""

from collections.abc import Sequence
from itertools import chain, islice, repeat

import sqlalchemy as sa

ROWS_A_STATEMENT = 1_000
# SQLite takes 32,766 parameters in one statement (https://www.sqlite.org/limits.html).
PARAMETERS_A_STATEMENT = 32_766

Columns = Sequence[Sequence[object]]
"""One sequence of plain values for each column, all of one length."""


def insert_columns(connection: sa.Connection, table: sa.Table, columns: Columns) -> int:
    """Insert rows given column by column, in the table's order; returns how many.

    Values are handed to the driver as they are (moments as `YYYY-MM-DD HH:MM:SS[.fff]` text).
    """
    count = len(columns[0])
    size = min(ROWS_A_STATEMENT, PARAMETERS_A_STATEMENT // len(columns))
    values = chain.from_iterable(zip(*columns, strict=True))
    for first in range(0, count, size):
        rows = min(size, count - first)
        connection.exec_driver_sql(_statement(connection, table, rows), tuple(islice(values, rows * len(columns))))
    return count


def numbered(version_id: int, first: int, columns: Columns) -> Columns:
    """The same columns behind two more: a version and the rows' ranks, counted from `first`."""
    count = len(columns[0])
    return [list(repeat(version_id, count)), range(first, first + count), *columns]


def _statement(connection: sa.Connection, table: sa.Table, rows: int) -> str:
    mark = {"qmark": "?", "format": "%s", "pyformat": "%s"}[connection.dialect.paramstyle]
    names = [column.name for column in table.columns]
    one = f"({', '.join(mark for _ in names)})"
    return f"INSERT INTO {table.name} ({', '.join(names)}) VALUES {', '.join(repeat(one, rows))}"  # noqa: S608 (names are ours)
