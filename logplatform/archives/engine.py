"""The work of archives from source to events, without Dagster: a batch, or days derived again.

What belongs here: the order of the steps. What does not: the steps (`collect`, `unpack`, `deliver`), and finding new
files.

Every step may be killed at any line and run again: what is committed is left alone, what is not is done again under
the same keys.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import date

from logplatform.archives.collect import collect, remove_at_sources
from logplatform.archives.compaction import compact_events
from logplatform.archives.deliver import deliver
from logplatform.archives.job import Job, batch_job, days_job, one_day
from logplatform.archives.places import label
from logplatform.archives.reports import RAW, raw_report
from logplatform.archives.unpack import unpack
from logplatform.archives.unshown import catch_up, shown_after
from logplatform.failures import PermanentFailure
from logplatform.landing.observations import Observation
from logplatform.orchestration.figures import DayReport
from logplatform.tenancy import Tenancy

Step = Callable[[Job], Iterator[DayReport]]


def run_batch(tenancy: Tenancy, batch_id: str, run_id: str) -> list[DayReport]:
    """All of a batch: collect, unpack, deliver; the reports in that order.

    Raises LeaseHeld if another run works on it, LeaseLost if another one took it over.
    """
    steps: tuple[Step, ...] = (collect_step, unpack_step, deliver_step)
    with batch_job(tenancy, batch_id, run_id) as job:
        return [report for step in steps for report in step(job)]


def derive_day(tenancy: Tenancy, day: date, run_id: str) -> list[DayReport]:
    """A day again, from its landed bytes; raises PermanentFailure, and changes nothing, if retention took any."""
    return derive_days(tenancy, (day,), run_id)


def derive_days(tenancy: Tenancy, days: Sequence[date], run_id: str) -> list[DayReport]:
    """Days again, one after the other, from their landed bytes."""
    steps: tuple[Step, ...] = (landed_step, unpack_step, deliver_step)
    with days_job(tenancy, tuple(days), run_id) as job:
        return [report for day in days for step in steps for report in step(one_day(job, day))]


def collect_step(job: Job) -> Iterator[DayReport]:
    """Fetch what of a batch is not here yet; see `collect`."""
    catch_up(job.tenancy)
    with shown_after(job):
        yield from collect(job)


def landed_step(job: Job) -> Iterator[DayReport]:
    """Days again: the landed bytes are what everything is derived from, so they must be there.

    Raises PermanentFailure if retention has removed any of a day's.
    """
    for day in job.touched_days():
        for found in job.tenancy.ledger.of_day(day, "copied", "extracted", "processed"):
            _require(job.tenancy, found)
        with job.transaction() as connection:
            report = raw_report(connection, job.tenancy, day, job.seconds)
            job.commit_day(connection, RAW, report)
        yield report


def unpack_step(job: Job) -> Iterator[DayReport]:
    """Verify and extract; see `unpack`. What is verified may leave its source then."""
    with shown_after(job):
        yield from unpack(job)
    if not job.again:
        remove_at_sources(job)


def deliver_step(job: Job) -> Iterator[DayReport]:
    """Parse and deliver; see `deliver`. Event days that became many small files are merged then."""
    with shown_after(job):
        yield from deliver(job)
    compact_events(job.tenancy)


def _require(tenancy: Tenancy, found: Observation) -> None:
    known = tenancy.ledger.content(found.sha256 or "")
    if known is None or known.removed_at is not None:
        raise PermanentFailure(
            f"{found.day} cannot be derived again: the landed bytes of {label(found)} are gone (retention)"
        )
