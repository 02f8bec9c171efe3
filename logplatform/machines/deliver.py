"""From `machine_events` to sessions in their tables, committed by day.

What belongs here: storing sessions. What does not: loading a day (`day_session`), the rules (`session`).
"""

from collections.abc import Iterator

from logplatform.machines.day_session import DaySession, bytes_read, derived_days, load
from logplatform.machines.job import SESSIONS, DayWork, Job
from logplatform.machines.rows import session_digest, session_rows
from logplatform.machines.session_report import SessionTold, session_day_report, told_of
from logplatform.orchestration.figures import DayReport
from logplatform.stores.sessions import SessionRecord


def derive_sessions(job: Job) -> Iterator[DayReport]:
    """Compute and store the sessions of the job's days; a report a day."""
    for day, accounts in derived_days(job):
        work = job.day(day)
        # One session at a time is in memory: what is told of it is taken before the next is loaded.
        told = [_store(work, load(job, account)) for account in accounts]
        report = session_day_report(day, told, bytes_read(job, day), work.seconds)
        with work.transaction() as connection:
            work.commit(connection, SESSIONS, report)
        yield report


def _store(work: DayWork, found: DaySession) -> SessionTold:
    columns = found.columns
    record = SessionRecord(
        centre=found.place.centre,
        day=work.day,
        columns=dict(columns),
        digest=session_digest(found.session, columns),
        partial=not found.account.final,
    )
    work.job.sessions.replace(work.transaction, record, session_rows(found.session))
    return told_of(work.job.tenancy.redactor, found)
