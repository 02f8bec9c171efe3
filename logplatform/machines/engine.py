"""The work of machines from source to reports, without Dagster: a batch, or days derived again.

What belongs here: the order of the steps. What does not: the steps (`collect`, `events`, `deliver`, `judge`,
`publish`, `finish`), and finding new files.

Every step may be killed at any line and run again: what is committed is left alone or made again as it was. A file is
`processed` only when all that is made of its day is committed, so a batch that died is taken up again as a whole.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import date

from logplatform.machines.collect import collect, landed
from logplatform.machines.deliver import derive_sessions
from logplatform.machines.events import derive_events
from logplatform.machines.finish import remove_finished
from logplatform.machines.job import Job, batch_job, days_job
from logplatform.machines.judge import derive_anomalies
from logplatform.machines.publish import publish_reports
from logplatform.orchestration.figures import DayReport
from logplatform.tenancy import Tenancy

Step = Callable[[Job], Iterator[DayReport]]


def raw_step(job: Job) -> Iterator[DayReport]:
    """Land what of a batch is not here yet; of days derived again, tell what is landed."""
    yield from collect(job) if job.batch_id is not None else landed(job)


def report_step(job: Job) -> Iterator[DayReport]:
    """Publish reports; then files that are done with may leave their sources."""
    yield from publish_reports(job)
    if job.batch_id is not None:
        remove_finished(job.tenancy)


STEPS: tuple[Step, ...] = (raw_step, derive_events, derive_sessions, derive_anomalies, report_step)


def run_batch(tenancy: Tenancy, batch_id: str, run_id: str) -> list[DayReport]:
    """All of a batch; the steps' reports one after the other.

    Raises LeaseHeld if another run works on it, LeaseLost if another one took it over.
    """
    with batch_job(tenancy, batch_id, run_id) as job:
        return [report for step in STEPS for report in step(job)]


def derive_days(tenancy: Tenancy, days: Sequence[date], run_id: str) -> list[DayReport]:
    """Days again, from their landed bytes, whatever their files' status.

    Raises PermanentFailure where retention took bytes that a day is made of; that day stays as it was.
    """
    with days_job(tenancy, tuple(days), run_id) as job:
        return [report for step in STEPS for report in step(job)]


def derive_day(tenancy: Tenancy, day: date, run_id: str) -> list[DayReport]:
    """As `derive_days`, for one."""
    return derive_days(tenancy, (day,), run_id)
