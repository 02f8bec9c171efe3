"""The queue of ingest jobs: which uploads wait, and who is at which.

What belongs here: the Protocol `JobQueue` and its SQL implementation. What does not: Redis (`redis_queue`), what a job
does (`uploads.worker`), and whether it is done already (`upload_ledger`).

A job is claimed, not popped: it stays in the queue until it is acknowledged, and comes back when its claim runs out,
so a killed worker loses none. A job may therefore be done twice; that its results are not is the worker's business.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from logplatform.stores.sql import Database
from logplatform.stores.upload_tables import upload_job as table

CLAIM = timedelta(seconds=60)
_FOREIGN = (table.c.file_id, table.c.file_path, table.c.file_type, table.c.total_lines)
_COLUMNS = (table.c.job_id, table.c.created_at, table.c.available_at, table.c.claims, *_FOREIGN)


@dataclass(frozen=True, slots=True)
class Foreign:
    """What a job tells of its file, for those that do not know the ledger: they may have put it into the upload folder.

    None of it is trusted; `file_path` None: it tells no file.
    """

    file_id: str | None = None
    file_path: str | None = None
    file_type: str | None = None
    total_lines: int | None = None


@dataclass(frozen=True, slots=True)
class QueuedJob:
    """A job in the queue; it can be claimed from `available_at` (UTC) on. `claims`: how often it was.

    `token` proves a claim where the number of claims does not.
    """

    job_id: str
    created_at: datetime
    available_at: datetime
    claims: int
    foreign: Foreign = Foreign()
    token: str = ""


@dataclass(frozen=True, slots=True)
class UnreadableJob:
    """What a producer has pushed that is no job: set aside at `at` (UTC), with the reason."""

    at: datetime
    reason: str
    raw: bytes


class JobQueue(Protocol):
    """The jobs of one tenant."""

    def push(self, job_id: str, foreign: Foreign = Foreign()) -> None:
        """Add a job at the end; one that waits already stays where it is."""
        ...

    def claim(self, lasting: timedelta = CLAIM, holder: str | None = None) -> QueuedJob | None:
        """Take the job that waits longest, for so long; None if none can be had now. Cheap where none is there."""
        ...

    def release(self, is_dead: Callable[[str], bool]) -> int:
        """Hand back the jobs whose claim's holder is known to be dead; how many they were."""
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

    def unreadable(self, limit: int) -> list[UnreadableJob]:
        """What was pushed and is no job, newest first; the oldest of very many are dropped."""
        ...

    def forget_unreadable(self) -> int:
        """Drop what is no job; how many there were."""
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

    def push(self, job_id: str, foreign: Foreign = Foreign()) -> None:
        """Insert unless it is there."""
        now = self.now()
        values = {"tenant": self.tenant, "job_id": job_id, "created_at": now, "available_at": now, "claims": 0}
        values |= asdict(foreign)
        with self.database.write() as connection:
            dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
            insert = dialect.insert(table).values(**values)
            connection.execute(insert.on_conflict_do_nothing(index_elements=["tenant", "job_id"]))

    def claim(self, lasting: timedelta = CLAIM, holder: str | None = None) -> QueuedJob | None:
        """Choose and mark in one statement: two workers never get the same job."""
        now = self.now()
        if not self._any(now):
            # Waiting workers ask all the time: a look stands in nobody's way, a write would.
            return None
        oldest = (
            sa.select(table.c.id)
            .where(self._mine(), table.c.available_at <= now)
            .order_by(table.c.available_at, table.c.id)
            .limit(1)
        )
        claimed = (
            table.update()
            .where(table.c.id == oldest.scalar_subquery())
            .values(available_at=now + lasting, claims=table.c.claims + 1, holder=holder)
            .returning(*_COLUMNS)
        )
        with self.database.write() as connection:
            row = connection.execute(claimed).first()
        return None if row is None else _job(row)

    def release(self, is_dead: Callable[[str], bool]) -> int:
        """Ask of each claim's holder; a job that somebody else has claimed meanwhile is left to them."""
        now = self.now()
        claimed = sa.and_(self._mine(), table.c.available_at > now, table.c.holder.is_not(None))
        with self.database.read() as connection:
            holders = list(connection.execute(sa.select(table.c.holder).distinct().where(claimed)).scalars())
        dead = [holder for holder in holders if is_dead(holder)]
        if not dead:
            return 0
        with self.database.write() as connection:
            freed = table.update().where(claimed, table.c.holder.in_(dead)).values(available_at=now, holder=None)
            return connection.execute(freed).rowcount

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
        available = {"available_at": self.now() + delay, "holder": None}
        with self.database.write() as connection:
            connection.execute(table.update().where(self._held(job)).values(**available))

    def waiting(self, limit: int) -> list[QueuedJob]:
        """What can be claimed, then what can be later, by its time."""
        query = sa.select(*_COLUMNS).where(self._mine()).order_by(table.c.available_at, table.c.id).limit(limit)
        with self.database.read() as connection:
            return [_job(row) for row in connection.execute(query)]

    def clear(self) -> int:
        """Remove the rows."""
        with self.database.write() as connection:
            return connection.execute(table.delete().where(self._mine())).rowcount

    def unreadable(self, limit: int) -> list[UnreadableJob]:  # noqa: ARG002 (the Protocol's signature)
        """Nothing but jobs comes into the table."""
        return []

    def forget_unreadable(self) -> int:
        """There is nothing."""
        return 0

    def __len__(self) -> int:
        with self.database.read() as connection:
            return connection.execute(sa.select(sa.func.count()).select_from(table).where(self._mine())).scalar_one()

    def _any(self, now: datetime) -> bool:
        query = sa.select(table.c.id).where(self._mine(), table.c.available_at <= now).limit(1)
        with self.database.read() as connection:
            return connection.execute(query).first() is not None

    def _mine(self) -> sa.ColumnElement[bool]:
        return table.c.tenant == self.tenant

    def _held(self, job: QueuedJob) -> sa.ColumnElement[bool]:
        return sa.and_(self._mine(), table.c.job_id == job.job_id, table.c.claims == job.claims)


def _job(row: sa.Row[Any]) -> QueuedJob:
    job_id, created_at, available_at, claims, *foreign = row
    return QueuedJob(job_id, created_at, available_at, claims, Foreign(*foreign))
