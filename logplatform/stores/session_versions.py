"""The versions that a session's rows are written under, and how they come and go.

What belongs here: writing rows that nobody sees yet, and deleting those that nobody sees any more. What does not:
which version is current (`sessions.py`).
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from itertools import chain

import sqlalchemy as sa

from logplatform.stores.bulk import Columns, insert_columns, row_count
from logplatform.stores.session_schema import VERSIONED, job_row, piece_row, session_version, stop_row, wait_row
from logplatform.stores.sql import Database

SMALL_ROWS = 20_000
"""Up to so many rows a session is written in one transaction, beyond in transactions of about so many."""

Begin = Callable[[], AbstractContextManager[sa.Connection]]
"""Opens a write transaction that commits only for who still holds the day's lease."""


@dataclass(frozen=True, slots=True)
class SessionRows:
    """The rows of a session, in batches of columns in the tables' order (`bulk.Columns`), and how many in all.

    jobs: reference, longueur, couleur, details, timestamp_debut. waits and stops: timestamp_debut, timestamp_fin,
    duree_secondes. pieces: numero_piece, timestamp_production, details.
    """

    jobs: Iterable[Columns]
    waits: Iterable[Columns]
    stops: Iterable[Columns]
    pieces: Iterable[Columns]
    count: int


def new_version(connection: sa.Connection, centre_id: int, day: date, now: datetime) -> int:
    """A version of this centre's day that no row has been written under yet."""
    values = {"centre_usinage_id": centre_id, "date_production": day, "created_at": now}
    return connection.execute(session_version.insert().values(**values).returning(session_version.c.id)).scalar_one()


def write_rows(connection: sa.Connection, version: int, rows: SessionRows) -> None:
    """Write all rows under a version, in the caller's transaction."""
    for batch in _batches(version, rows):
        batch.insert(connection)


def stage_rows(begin: Begin, version: int, rows: SessionRows) -> None:
    """Write the rows under a version, in transactions of about SMALL_ROWS."""
    batches = _batches(version, rows)
    for batch in batches:
        with begin() as connection:
            written = 0
            for following in chain((batch,), batches):
                written += following.insert(connection)
                if written >= SMALL_ROWS:
                    break


def delete_versions(database: Database, begin: Begin, centre_id: int, day: date, current: int | None) -> None:
    """Delete every version of a centre's day but `current`, with its rows, in bounded transactions."""
    mine = sa.select(session_version.c.id).where(
        session_version.c.centre_usinage_id == centre_id, session_version.c.date_production == day
    )
    with database.read() as connection:
        versions = [version for version in connection.execute(mine).scalars() if version != current]
        tops = {version: _top(connection, version) for version in versions}
    for version, top in tops.items():
        for first in range(0, top + 1, SMALL_ROWS):
            with begin() as connection:
                for table in VERSIONED:
                    rank = table.c.rang.between(first, first + SMALL_ROWS - 1)
                    connection.execute(table.delete().where(table.c.version_id == version, rank))
                if first + SMALL_ROWS > top:
                    connection.execute(session_version.delete().where(session_version.c.id == version))


@dataclass(frozen=True, slots=True)
class _Batch:
    """Some rows of one table; `first` is the rank of the first."""

    table: sa.Table
    version: int
    first: int
    columns: Columns

    def insert(self, connection: sa.Connection) -> int:
        ranks = range(self.first, self.first + row_count(self.columns))
        return insert_columns(connection, self.table, [self.version, ranks, *self.columns])


def _batches(version: int, rows: SessionRows) -> Iterator[_Batch]:
    tables = ((job_row, rows.jobs), (wait_row, rows.waits), (stop_row, rows.stops), (piece_row, rows.pieces))
    for table, batches in tables:
        first = 0
        for columns in batches:
            yield _Batch(table, version, first, columns)
            first += row_count(columns)


def _top(connection: sa.Connection, version: int) -> int:
    """The highest rank of a version's rows, 0 where it has none."""
    tops = (
        connection.execute(sa.select(sa.func.max(table.c.rang)).where(table.c.version_id == version)).scalar()
        for table in VERSIONED
    )
    return max((top for top in tops if top is not None), default=0)
