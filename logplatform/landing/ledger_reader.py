"""Reading the ledger: what is new, what waits, what was found out.

What belongs here: queries over observations and contents. What does not: their transitions (`ledger.py`).

Reads open their own snapshot and page by key, so a backlog of any length takes constant memory.
"""

from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from logplatform.landing.leases import Leases, batch_lease, utc_now
from logplatform.landing.observations import Content, Observation, Status, content_of, fingerprints, observation_of
from logplatform.sources.base import Entry
from logplatform.stores.schema import content as content_table
from logplatform.stores.schema import observation as table
from logplatform.stores.schema import open_observation
from logplatform.stores.sql import Database, chunks

LOOKUP_CHUNK = 30_000
_SQLITE_KNOWN = "SELECT fingerprint FROM observation WHERE fingerprint IN ({})"
# All of them as one value, taken apart there: as an array PostgreSQL needs ten times as long to read them. OFFSET 0
# keeps the planner from reading the whole table instead of looking each one up.
_POSTGRES_KNOWN = """SELECT known.fingerprint FROM (SELECT CAST(%s AS bytea) AS marks) AS given
CROSS JOIN generate_series(1, length(given.marks), 16) AS mark(at)
CROSS JOIN LATERAL (
  SELECT fingerprint FROM observation WHERE fingerprint = substr(given.marks, mark.at, 16) OFFSET 0
) AS known"""
PAGE = 1_000

SAME_CONTENT = sa.and_(
    content_table.c.domain == table.c.domain,
    content_table.c.tenant == table.c.tenant,
    content_table.c.sha256 == table.c.sha256,
)
"""Joins an observation with what is known of its bytes."""


@dataclass(frozen=True, slots=True)
class LedgerReader:
    """What can be read from the ledger of one domain and tenant in `database`."""

    database: Database
    domain: str
    tenant: str
    now: Callable[[], datetime] = utc_now

    @property
    def leases(self) -> Leases:
        """The leases beside the ledger."""
        return Leases(self.database, now=self.now)

    def unknown(self, source: str, entries: Iterable[Entry]) -> Iterator[Entry]:
        """Those of `entries` that were never recorded, in their order; memory does not grow with the listing."""
        for chunk in chunks(entries, LOOKUP_CHUNK):
            marks = dict(zip(fingerprints(self.domain, self.tenant, source, chunk), chunk, strict=True))
            with self.database.read() as connection:
                for known in _known(connection, marks):
                    del marks[known]
            yield from marks.values()

    def waiting(self) -> Iterator[Observation]:
        """What has to be done and is in nobody's hands: not finished, due now, and its batch's lease not live.

        Ordered by day, then id. These are files that were proposed but never claimed, files of a run that died,
        and transient errors whose wait is over.
        """
        due = sa.or_(table.c.next_attempt_at.is_(None), table.c.next_attempt_at <= self.now())
        unfinished = sa.or_(table.c.status != "error", table.c.error_type == "transient")
        live: dict[str, bool] = {}
        for found in self.find(open_observation, unfinished, due, by_day=True):
            batch = found.batch_id
            if batch is None:
                yield found
                continue
            if batch not in live:
                if len(live) >= PAGE:
                    live.clear()
                live[batch] = self.leases.live(batch_lease(batch))
            if not live[batch]:
                yield found

    def find(self, *conditions: sa.ColumnElement[bool] | sa.TextClause, by_day: bool = False) -> Iterator[Observation]:
        """Observations that meet every condition (on `schema.observation`), by id or by (day, id), page by page."""
        order = (table.c.day, table.c.id) if by_day else (table.c.id,)
        base = sa.select(table).where(table.c.domain == self.domain, table.c.tenant == self.tenant, *conditions)
        after: tuple[Any, ...] | None = None
        while True:
            query = base.order_by(*order).limit(PAGE)
            if after is not None:
                query = query.where(sa.tuple_(*order) > sa.tuple_(*map(sa.literal, after)))
            with self.database.read() as connection:
                page = [observation_of(row) for row in connection.execute(query)]
            yield from page
            if len(page) < PAGE:
                return
            after = (page[-1].day, page[-1].id) if by_day else (page[-1].id,)

    def batch(self, batch_id: str, *statuses: Status) -> Iterator[Observation]:
        """The observations of a batch, all or those in `statuses`, by day."""
        conditions = [table.c.batch_id == batch_id]
        if statuses:
            conditions.append(table.c.status.in_(statuses))
        return self.find(*conditions, by_day=True)

    def of_day(self, day: date, *statuses: Status) -> Iterator[Observation]:
        """The observations that belong to a day, all or those in `statuses`."""
        conditions = [table.c.day == day]
        if statuses:
            conditions.append(table.c.status.in_(statuses))
        return self.find(*conditions)

    def days(self, first: date, last: date, *statuses: Status) -> list[date]:
        """The days from `first` to `last` that hold observations, in order."""
        query = (
            sa.select(table.c.day)
            .distinct()
            .where(table.c.domain == self.domain, table.c.tenant == self.tenant, table.c.day.between(first, last))
            .order_by(table.c.day)
        )
        if statuses:
            query = query.where(table.c.status.in_(statuses))
        with self.database.read() as connection:
            return list(connection.execute(query).scalars())

    def versions(self, source: str, path: str) -> Iterator[Observation]:
        """Every version of one file that was seen, oldest first."""
        return self.find(table.c.source == source, table.c.path == path)

    def count(self, *conditions: sa.ColumnElement[bool]) -> dict[Status, int]:
        """How many observations stand in each status; statuses without any are missing."""
        query = (
            sa.select(table.c.status, sa.func.count())
            .where(table.c.domain == self.domain, table.c.tenant == self.tenant, *conditions)
            .group_by(table.c.status)
        )
        with self.database.read() as connection:
            return dict(connection.execute(query).tuples().all())

    def content(self, sha256: str) -> Content | None:
        """What is known of these landed bytes."""
        query = sa.select(content_table).where(*self._content_key(sha256))
        with self.database.read() as connection:
            row = connection.execute(query).first()
        return None if row is None else content_of(row)

    def contents(self, sha256s: Iterable[str]) -> dict[str, Content]:
        """What is known of these landed bytes (as many as the caller can hold), by their hash."""
        mine = (content_table.c.domain == self.domain, content_table.c.tenant == self.tenant)
        found: dict[str, Content] = {}
        for chunk in chunks(sha256s):
            with self.database.read() as connection:
                rows = connection.execute(sa.select(content_table).where(*mine, content_table.c.sha256.in_(chunk)))
                found |= {row.sha256: content_of(row) for row in rows}
        return found

    def _content_key(self, sha256: str) -> tuple[sa.ColumnElement[bool], ...]:
        return (
            content_table.c.domain == self.domain,
            content_table.c.tenant == self.tenant,
            content_table.c.sha256 == sha256,
        )


def _known(connection: sa.Connection, marks: Collection[bytes]) -> Iterator[bytes]:
    """Those of `marks` that are fingerprints of observations.

    Asked of the driver's own cursor, in index order: this is asked of every file at every tick, and SQLAlchemy's way
    to a million rows takes twice as long as all else.
    """
    wanted = sorted(marks)
    with closing(connection.connection.cursor()) as cursor:
        if connection.dialect.name == "postgresql":
            cursor.execute(_POSTGRES_KNOWN, (b"".join(wanted),))
        else:
            cursor.execute(_SQLITE_KNOWN.format(", ".join("?" * len(wanted))), wanted)
        for (known,) in cursor.fetchall():
            yield bytes(known)
