"""The ledger: every file that was ever seen, and where it stands.

What belongs here: queries over observations, contents and day commits, and their transitions. What does not:
deciding what to do next (the domains and the batches do).

Reads open their own snapshot and page by key, so a backlog of any length takes constant memory. Writes take the
connection of a transaction that the caller holds, so a transition commits together with the data it speaks of;
`transaction(lease)` is that transaction, refused when the lease was lost.
"""

from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from logplatform.failures import LeaseLost, LogplatformError, PermanentFailure, TransientFailure
from logplatform.landing.leases import Lease, Leases, utc_now
from logplatform.landing.observations import (
    Content,
    ErrorKind,
    Observation,
    Status,
    content_of,
    fingerprint,
    observation_of,
)
from logplatform.landing.retry import RetryPolicy
from logplatform.sources.base import Entry, Landed
from logplatform.stores.files import Files
from logplatform.stores.schema import content as content_table
from logplatform.stores.schema import observation as table
from logplatform.stores.schema import open_observation
from logplatform.stores.sql import Database, chunks

LOOKUP_CHUNK = 30_000
PAGE = 1_000


@dataclass(frozen=True, slots=True)
class Ledger:
    """The ledger of one domain and tenant in `database`."""

    database: Database
    domain: str
    tenant: str
    now: Callable[[], datetime] = utc_now

    @property
    def leases(self) -> Leases:
        """The leases beside the ledger."""
        return Leases(self.database, now=self.now)

    @contextmanager
    def transaction(self, lease: Lease | None = None) -> Generator[sa.Connection]:
        """A write transaction; raises LeaseLost, and writes nothing, if `lease` is not the newest of its name."""
        with self.database.write() as connection:
            if lease is not None:
                self.leases.check(connection, lease)
            yield connection

    # Discovery

    def unknown(self, source: str, entries: Iterable[Entry]) -> Iterator[Entry]:
        """Those of `entries` that were never recorded, in their order; memory does not grow with the listing."""
        for chunk in chunks(entries, LOOKUP_CHUNK):
            marks = {fingerprint(self.domain, self.tenant, source, entry): entry for entry in chunk}
            with self.database.read() as connection:
                for known in _known(connection, marks):
                    del marks[known]
            yield from marks.values()

    def record(
        self,
        connection: sa.Connection,
        source: str,
        entries: Iterable[tuple[Entry, date]],
        batch_id: str | None,
    ) -> int:
        """Add observations as pending under `batch_id`, each with its day; known ones are left as they are."""
        now = self.now()
        rows = [
            {
                "fingerprint": fingerprint(self.domain, self.tenant, source, entry),
                "domain": self.domain,
                "tenant": self.tenant,
                "source": source,
                "path": entry.path,
                "size": entry.size,
                "mtime_ns": entry.mtime_ns,
                "day": day,
                "status": "pending",
                "batch_id": batch_id,
                "first_seen": now,
                "updated": now,
            }
            for entry, day in entries
        ]
        if not rows:
            return 0
        dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
        insert = dialect.insert(table).on_conflict_do_nothing(index_elements=["fingerprint"])
        return connection.execute(insert, rows).rowcount

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

    def assign(self, connection: sa.Connection, ids: Collection[int], batch_id: str) -> None:
        """Put observations into another batch: the old batch's holder can no longer commit them."""
        for chunk in chunks(ids):
            connection.execute(table.update().where(table.c.id.in_(chunk)).values(batch_id=batch_id))

    # Reading

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

    # Transitions, in the caller's transaction

    def land(
        self,
        connection: sa.Connection,
        files: Files,
        found: Observation,
        landed: Landed,
        run_id: str,
        lines: int | None = None,
    ) -> None:
        """The bytes are published in `files`: pending → copied, and the content is known.

        Raises LeaseLost if the observation is no longer of the batch it was read in, TransientFailure if retention
        has taken equal bytes away since they were published.
        """
        dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
        values = {
            "domain": self.domain,
            "tenant": self.tenant,
            "sha256": landed.sha256,
            "size": landed.size,
            "object_key": landed.object_key,
            "landed_at": self.now(),
            "lines": lines,
        }
        # Bytes that come back after retention took them are there again.
        connection.execute(
            dialect.insert(content_table)
            .values(**values)
            .on_conflict_do_update(
                index_elements=["domain", "tenant", "sha256"],
                set_={"removed_at": None, "object_key": landed.object_key},
            )
        )
        # Retention removes inside a transaction of its own, so the answer holds until this one ends.
        if not files.exists(landed.object_key):
            raise TransientFailure(f"{found.source}: {found.path}: its bytes were removed while they landed")
        self.advance(connection, [found], "copied", run_id, sha256=landed.sha256)

    def advance(
        self, connection: sa.Connection, found: Sequence[Observation], status: Status, run_id: str, **values: object
    ) -> None:
        """Bring observations to `status`, clearing their error; raises LeaseLost if a batch was reassigned."""
        self._update(
            connection,
            found,
            status=status,
            run_id=run_id,
            error_kind=None,
            error_type=None,
            error=None,
            next_attempt_at=None,
            **values,
        )

    def fail(
        self,
        connection: sa.Connection,
        found: Observation,
        kind: ErrorKind,
        failure: LogplatformError | str,
        run_id: str,
        policy: RetryPolicy,
    ) -> None:
        """Record a failure; a transient one gets its next attempt until the policy is exhausted, then is permanent."""
        attempt = found.attempts + 1
        final = isinstance(failure, str | PermanentFailure) or policy.exhausted(attempt)
        self._update(
            connection,
            [found],
            status="error",
            run_id=run_id,
            error_kind=kind,
            error_type="permanent" if final else "transient",
            error=str(failure),
            attempts=attempt,
            next_attempt_at=None if final else self.now() + policy.wait(attempt),
        )

    def reopen(self, connection: sa.Connection, found: Sequence[Observation], status: Status = "pending") -> None:
        """Give failed observations a new set of attempts, from `status` on; they join no batch yet."""
        for chunk in chunks([observation.id for observation in found]):
            connection.execute(
                table.update()
                .where(table.c.id.in_(chunk))
                .values(status=status, attempts=0, next_attempt_at=None, batch_id=None, updated=self.now())
            )

    def describe(self, connection: sa.Connection, sha256: str, **values: object) -> None:
        """Add what was found out about landed bytes (`format`, `content_sha256`, `lines`, `parser_version`, …)."""
        connection.execute(content_table.update().where(*self._content_key(sha256)).values(**values))

    def _update(self, connection: sa.Connection, found: Sequence[Observation], **values: object) -> None:
        for batch_id in {observation.batch_id for observation in found}:
            ids = [observation.id for observation in found if observation.batch_id == batch_id]
            for chunk in chunks(ids):
                same_batch = table.c.batch_id.is_(None) if batch_id is None else table.c.batch_id == batch_id
                changed = connection.execute(
                    table.update().where(table.c.id.in_(chunk), same_batch).values(updated=self.now(), **values)
                ).rowcount
                if changed != len(chunk):
                    raise LeaseLost(f"{self.domain}: files of batch {batch_id} were given to another batch")

    def _content_key(self, sha256: str) -> tuple[sa.ColumnElement[bool], ...]:
        return (
            content_table.c.domain == self.domain,
            content_table.c.tenant == self.tenant,
            content_table.c.sha256 == sha256,
        )


def _known(connection: sa.Connection, marks: Collection[bytes]) -> Iterator[bytes]:
    """Those of `marks` that are fingerprints of observations.

    Asked of the driver itself, in index order: this is asked of every file at every tick, and SQLAlchemy's own IN
    with 10,000 parameters takes three times as long.
    """
    mark = "?" if connection.dialect.paramstyle == "qmark" else "%s"
    query = f"SELECT fingerprint FROM observation WHERE fingerprint IN ({', '.join([mark] * len(marks))})"  # noqa: S608 (only marks)
    for (known,) in connection.exec_driver_sql(query, tuple(sorted(marks))):
        yield bytes(known)


def batch_lease(batch_id: str) -> str:
    """The name of the lease that a run holds on its batch."""
    return f"batch/{batch_id}"
