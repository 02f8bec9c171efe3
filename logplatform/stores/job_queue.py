"""The queue of ingest jobs: which uploads wait, and who is at which.

What belongs here: the Protocol `JobQueue` and its SQL implementation. What does not: what a job does
(`uploads.worker`), and whether it is done already (`upload_ledger`).

A job is claimed, not popped: it stays in the queue until it is acknowledged, and comes back when its claim runs out,
so a killed worker loses none. A job may therefore be done twice; that its results are not is the worker's business.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from logplatform.stores.sql import Database
from logplatform.stores.upload_tables import upload_job as table

CLAIM = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class QueuedJob:
    """A job in the queue; it can be claimed from `available_at` (UTC) on. `claims`: how often it was."""

    job_id: str
    created_at: datetime
    available_at: datetime
    claims: int


class JobQueue(Protocol):
    """The jobs of one tenant."""

    def push(self, job_id: str) -> None:
        """Add a job at the end; one that waits already stays where it is."""
        ...

    def claim(self, lasting: timedelta = CLAIM) -> QueuedJob | None:
        """Take the job that waits longest, for so long; None if none can be had now."""
        ...

    def extend(self, job: QueuedJob, lasting: timedelta = CLAIM) -> None:
        """Prolong a claim; nothing happens if it ran out and somebody else has the job."""
        ...

    def acknowledge(self, job: QueuedJob) -> None:
        """The job is done: it leaves the queue, unless somebody else has it by now."""
        ...

    def hand_back(self, job: QueuedJob, delay: timedelta = timedelta()) -> None:
        """Give a claimed job back; it can be claimed again after `delay`."""
        ...

    def waiting(self, limit: int) -> list[QueuedJob]:
        """The jobs at the head of the queue, claimed ones among them."""
        ...

    def clear(self) -> int:
        """Remove all jobs; how many they were. Their uploads stay pending, and are queued again from the ledger."""
        ...

    def __len__(self) -> int:
        """How many jobs, claimed ones among them."""
        ...


@dataclass(frozen=True, slots=True)
class SqlJobQueue:
    """The queue in the domain's database; see `JobQueue`."""

    database: Database
    tenant: str
    now: Callable[[], datetime]

    def push(self, job_id: str) -> None:
        """Insert unless it is there."""
        now = self.now()
        values = {"tenant": self.tenant, "job_id": job_id, "created_at": now, "available_at": now, "claims": 0}
        with self.database.write() as connection:
            dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
            insert = dialect.insert(table).values(**values)
            connection.execute(insert.on_conflict_do_nothing(index_elements=["tenant", "job_id"]))

    def claim(self, lasting: timedelta = CLAIM) -> QueuedJob | None:
        """Choose and mark in one statement: two workers never get the same job."""
        now = self.now()
        oldest = (
            sa.select(table.c.id)
            .where(self._mine(), table.c.available_at <= now)
            .order_by(table.c.available_at, table.c.id)
            .limit(1)
        )
        claimed = (
            table.update()
            .where(table.c.id == oldest.scalar_subquery())
            .values(available_at=now + lasting, claims=table.c.claims + 1)
            .returning(table.c.job_id, table.c.created_at, table.c.available_at, table.c.claims)
        )
        with self.database.write() as connection:
            row = connection.execute(claimed).first()
        return None if row is None else QueuedJob(*row)

    def extend(self, job: QueuedJob, lasting: timedelta = CLAIM) -> None:
        """The number of claims tells whose it is."""
        with self.database.write() as connection:
            connection.execute(table.update().where(self._held(job)).values(available_at=self.now() + lasting))

    def acknowledge(self, job: QueuedJob) -> None:
        """Remove the row."""
        with self.database.write() as connection:
            connection.execute(table.delete().where(self._held(job)))

    def hand_back(self, job: QueuedJob, delay: timedelta = timedelta()) -> None:
        """Make it available."""
        with self.database.write() as connection:
            connection.execute(table.update().where(self._held(job)).values(available_at=self.now() + delay))

    def waiting(self, limit: int) -> list[QueuedJob]:
        """By the time from which they can be claimed."""
        columns = (table.c.job_id, table.c.created_at, table.c.available_at, table.c.claims)
        query = sa.select(*columns).where(self._mine()).order_by(table.c.available_at, table.c.id).limit(limit)
        with self.database.read() as connection:
            return [QueuedJob(*row) for row in connection.execute(query)]

    def clear(self) -> int:
        """Remove the rows."""
        with self.database.write() as connection:
            return connection.execute(table.delete().where(self._mine())).rowcount

    def __len__(self) -> int:
        with self.database.read() as connection:
            return connection.execute(sa.select(sa.func.count()).select_from(table).where(self._mine())).scalar_one()

    def _mine(self) -> sa.ColumnElement[bool]:
        return table.c.tenant == self.tenant

    def _held(self, job: QueuedJob) -> sa.ColumnElement[bool]:
        return sa.and_(self._mine(), table.c.job_id == job.job_id, table.c.claims == job.claims)
