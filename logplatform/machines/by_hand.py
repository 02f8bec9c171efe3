"""What a person asks of machines by hand: failed files once more, one page, the workbook.

What belongs here: work that no batch does. What does not: printing (the command line).
"""

from datetime import date
from pathlib import Path

from logplatform.failures import PermanentFailure
from logplatform.machines.day_session import load
from logplatform.machines.job import days_job
from logplatform.machines.publish import render_day
from logplatform.machines.workbook import write_workbook
from logplatform.stores.schema import observation
from logplatform.stores.sessions import SqlSessions
from logplatform.tenancy import Tenancy


def reopen_failed(tenancy: Tenancy) -> int:
    """Give every file that failed new attempts, from the step that failed; returns how many."""
    return tenancy.ledger.reopen_failed(tenancy.ledger.find(observation.c.status == "error"))


def page_of(tenancy: Tenancy, centre: str, day: date) -> str:
    """A centre's page of a day, rendered from the stores; raises PermanentFailure where there is no such day."""
    with days_job(tenancy, (day,), "page") as job:
        for account in job.accounts.of_day(day):
            place = job.places.get((account.source, account.folder))
            if place is not None and place.centre.nom == centre:
                return render_day(job, load(job, account))
        known = sorted({place.centre.nom for place in job.places.values()})
    raise PermanentFailure(f"no session of centre {centre!r} on {day}; the settings' centres: {', '.join(known)}")


def workbook_of(tenancy: Tenancy, path: Path) -> int:
    """Write the workbook of all sessions to `path`; returns how many they are.

    Raises PermanentFailure where the file cannot be written.
    """
    sessions = SqlSessions(tenancy.database, tenancy.tenant, tenancy.now)
    try:
        return write_workbook(path, sessions.every())
    except OSError as error:
        raise PermanentFailure(f"{path}: {error.strerror or error}") from error
