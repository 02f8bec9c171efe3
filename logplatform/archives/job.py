"""One piece of work on archives: for which batch or days, by which run, under which lease.

What belongs here: what every step is given, and how it commits. What does not: any step.
"""

import logging
import os
import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import date

import sqlalchemy as sa

from logplatform.archives.places import label, server_of
from logplatform.landing.leases import Lease, batch_lease, holder_name
from logplatform.landing.observations import Observation, Status
from logplatform.landing.retry import RetryPolicy
from logplatform.orchestration.figures import DayReport
from logplatform.tenancy import Tenancy

GROUP_FILES = 200
"""So many files at most are committed together,"""
GROUP_SECONDS = 2.0
"""and a finished file waits for its commit about so long."""

_WAIT_SECONDS = 1.0
_logger = logging.getLogger("logplatform.archives")


@dataclass(frozen=True, slots=True)
class Job:
    """A batch (`batch_id`), or days that are derived again from landed bytes (`batch_id` None, `days`).

    `lease` must be held as long as the job goes on; every commit checks it.
    """

    tenancy: Tenancy
    run_id: str
    lease: Lease
    batch_id: str | None
    days: tuple[date, ...] = ()
    _begun: float = field(default_factory=time.monotonic)

    @property
    def again(self) -> bool:
        """Whether days are derived again, whatever their files' status."""
        return self.batch_id is None

    @property
    def seconds(self) -> float:
        """Since the job began."""
        return time.monotonic() - self._begun

    @property
    def workers(self) -> int:
        """Threads for work that keeps a core busy; one where the settings allow one file at a time."""
        settings = self.tenancy.settings.archives
        return min(os.cpu_count() or 1, 4, settings.parallel_servers * settings.parallel_files)

    def found(self, *statuses: Status) -> Iterator[Observation]:
        """The job's files, all or those in `statuses`, by day."""
        if self.batch_id is not None:
            yield from self.tenancy.ledger.batch(self.batch_id, *statuses)
            return
        for day in self.days:
            yield from self.tenancy.ledger.of_day(day, *statuses)

    def touched_days(self) -> list[date]:
        """The days that hold any of the job's files, in order."""
        days: list[date] = []
        for found in self.found():
            if not days or days[-1] != found.day:
                days.append(found.day)
        return days

    @contextmanager
    def transaction(self) -> Generator[sa.Connection]:
        """A write transaction that the lease covers; raises LeaseLost if it was taken over."""
        with self.tenancy.ledger.transaction(self.lease) as connection:
            yield connection

    def commit_day(self, connection: sa.Connection, asset: str, report: DayReport) -> None:
        """Record a day of `archives/<asset>` in the transaction of its data."""
        name = f"{self.tenancy.domain}/{asset}"
        self.tenancy.days.commit(connection, name, report.day, self.run_id, report.counts(), self.batch_id)

    def copy_policy(self) -> RetryPolicy:
        """How often and how late copying is tried again."""
        return self.tenancy.settings.archives.retry.copying()

    def extract_policy(self) -> RetryPolicy:
        """How often and how late extracting and parsing are tried again."""
        return self.tenancy.settings.archives.retry.extracting()


@contextmanager
def batch_job(tenancy: Tenancy, batch_id: str, run_id: str) -> Generator[Job]:
    """The job of a batch, its lease held; raises LeaseHeld if another run works on it."""
    with tenancy.ledger.leases.hold(batch_lease(batch_id), holder_name(run_id), _WAIT_SECONDS) as lease:
        yield Job(tenancy, run_id, lease, batch_id)


@contextmanager
def days_job(tenancy: Tenancy, days: tuple[date, ...], run_id: str) -> Generator[Job]:
    """The job of deriving days again, one such job at a time; raises LeaseHeld if another one goes on."""
    name = f"derive/{tenancy.domain}/{tenancy.tenant}"
    with tenancy.ledger.leases.hold(name, holder_name(run_id), _WAIT_SECONDS) as lease:
        yield Job(tenancy, run_id, lease, None, days)


def log_file(level: int, found: Observation, operation: str, message: str, error_type: str | None = None) -> None:
    """One line of the platform's log about one file; `operation` is copy, extract or parse."""
    told = {
        "server": server_of(found.source),
        "file": found.path,
        "operation": operation,
        "retry_count": found.attempts,
        "error_type": error_type,
    }
    _logger.log(level, "%s: %s", label(found), message, extra=told)


def one_day(job: Job, day: date) -> Job:
    """The same job for one of its days (derived again)."""
    return replace(job, days=(day,))
