"""One piece of work on machines: for which batch or days, by which run, under which leases.

What belongs here: what every step is given, and how it commits. What does not: any step.
"""

import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date

import sqlalchemy as sa

from logplatform.landing.leases import Lease, batch_lease, holder_name
from logplatform.landing.observations import Observation, Status
from logplatform.machines.places import Place, places
from logplatform.orchestration.figures import DayReport
from logplatform.stores.machine_days import MachineDays
from logplatform.stores.sessions import Sessions, SqlSessions
from logplatform.tenancy import Tenancy

_WAIT_SECONDS = 60.0
TURN_SECONDS = 20.0
# Longer than a waiting holder sleeps between two tries.
_PAUSE_SECONDS = 0.5

RAW, EVENTS, SESSIONS = "raw_machine_logs", "machine_events", "machine_sessions"
ANOMALIES, REPORT = "machine_anomalies", "machine_report"


@dataclass(frozen=True, slots=True)
class Job:
    """A batch (`batch_id`), or days that are derived again from landed bytes (`batch_id` None, `days`).

    `lease` is the batch's, held as long as the job goes on.
    """

    tenancy: Tenancy
    run_id: str
    turns: "Turns"
    batch_id: str | None
    days: tuple[date, ...] = ()
    lease: Lease | None = None
    places: Mapping[tuple[str, str], Place] = field(default_factory=dict)

    @property
    def sessions(self) -> Sessions:
        """The store of sessions."""
        return SqlSessions(self.tenancy.database, self.tenancy.tenant, self.tenancy.now)

    @property
    def accounts(self) -> MachineDays:
        """The accounts of days."""
        return MachineDays(self.tenancy.database, self.tenancy.tenant)

    def found(self, *statuses: Status) -> Iterator[Observation]:
        """The job's files, all or those in `statuses`, by day."""
        if self.batch_id is not None:
            yield from self.tenancy.ledger.batch(self.batch_id, *statuses)
            return
        for day in self.days:
            yield from self.tenancy.ledger.of_day(day, *statuses)

    def by_day(self, *statuses: Status) -> Iterator[tuple[date, list[Observation]]]:
        """The job's files in `statuses`, a day at a time (one day's versions are few)."""
        day: date | None = None
        gathered: list[Observation] = []
        for found in self.found(*statuses):
            if day is not None and found.day != day:
                yield day, gathered
                gathered = []
            day = found.day
            gathered.append(found)
        if day is not None:
            yield day, gathered

    def day(self, day: date) -> "DayWork":
        """Begin work on one day, in a turn of deriving; raises LeaseHeld if somebody else keeps at it."""
        return DayWork(self, day, self.turns.lease())


@dataclass(frozen=True, slots=True)
class DayWork:
    """A job's work on one day: what it commits counts only while its leases are the newest."""

    job: Job
    day: date
    lease: Lease
    _begun: float = field(default_factory=time.monotonic)

    @property
    def seconds(self) -> float:
        """Since the work on the day began."""
        return time.monotonic() - self._begun

    @contextmanager
    def transaction(self) -> Generator[sa.Connection]:
        """A write transaction; raises LeaseLost, and writes nothing, if the turn or the batch was taken over."""
        ledger = self.job.tenancy.ledger
        with ledger.transaction(self.lease) as connection:
            if self.job.lease is not None:
                ledger.leases.check(connection, self.job.lease)
            yield connection

    def commit(self, connection: sa.Connection, asset: str, report: DayReport) -> None:
        """Record the day of `machines/<asset>` in the transaction of its data."""
        job = self.job
        name = f"{job.tenancy.domain}/{asset}"
        job.tenancy.days.commit(connection, name, self.day, job.run_id, report.counts(), job.batch_id)


class Turns:
    """The right to change a tenant's machine days, taken in turns, so that a long backfill lets new files through.

    One lease for all days costs two commits a turn; one for each day would cost two a day and step.
    """

    def __init__(self, tenancy: Tenancy, run_id: str) -> None:
        self._leases = tenancy.ledger.leases
        self._name = f"derive/{tenancy.domain}/{tenancy.tenant}"
        self._holder = holder_name(run_id)
        self._held = ExitStack()
        self._lease: Lease | None = None
        self._until = 0.0

    def lease(self) -> Lease:
        """The turn's lease; past TURN_SECONDS it is given back first, and whoever waits has time to take it."""
        if self._lease is not None and time.monotonic() < self._until:
            return self._lease
        if self._lease is not None:
            self.close()
            time.sleep(_PAUSE_SECONDS)
        self._lease = self._held.enter_context(self._leases.hold(self._name, self._holder, _WAIT_SECONDS))
        self._until = time.monotonic() + TURN_SECONDS
        return self._lease

    def close(self) -> None:
        """Give the lease back."""
        self._lease = None
        self._held.close()


@contextmanager
def batch_job(tenancy: Tenancy, batch_id: str, run_id: str) -> Generator[Job]:
    """The job of a batch, its lease held; raises LeaseHeld if another run works on it."""
    leases = tenancy.ledger.leases
    with (
        leases.hold(batch_lease(batch_id), holder_name(run_id), _WAIT_SECONDS) as lease,
        _turns(tenancy, run_id) as turns,
    ):
        yield Job(tenancy, run_id, turns, batch_id, lease=lease, places=places(tenancy.settings))


@contextmanager
def days_job(tenancy: Tenancy, days: tuple[date, ...], run_id: str) -> Generator[Job]:
    """The job of deriving days again, whatever their files' status."""
    with _turns(tenancy, run_id) as turns:
        yield Job(tenancy, run_id, turns, None, days, places=places(tenancy.settings))


@contextmanager
def _turns(tenancy: Tenancy, run_id: str) -> Generator[Turns]:
    turns = Turns(tenancy, run_id)
    try:
        yield turns
    finally:
        turns.close()
