"""Many rows into PostgreSQL by COPY (https://www.postgresql.org/docs/current/sql-copy.html).

What belongs here: the way of rows into a table. What does not: which rows (`bulk.py`). It is imported only where the
database is PostgreSQL.

Rows go as text, for the driver's own way of writing them takes less than a microsecond a row; measured beside
`executemany`, of which a row costs 25 times as much CPU (`benchmarks/pieces/sql.py`).
"""

from collections.abc import Iterable, Sequence
from typing import Any

import psycopg
import sqlalchemy as sa
from psycopg.sql import SQL, Identifier
from sqlalchemy.exc import IntegrityError


def copy_rows(connection: sa.Connection, table: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> int:
    """Insert rows in the transaction of `connection`; returns how many.

    Raises IntegrityError, as an INSERT does, if a row breaks a constraint.
    """
    statement = SQL("COPY {} ({}) FROM STDIN").format(Identifier(table), SQL(", ").join(map(Identifier, columns)))
    driver: Any = connection.connection.driver_connection
    try:
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            count = 0
            for row in rows:
                copy.write_row(row)
                count += 1
    except psycopg.IntegrityError as error:
        raise IntegrityError(f"COPY {table}", None, error) from error
    return count
