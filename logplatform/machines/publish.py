"""The day's report pages and the workbook, where people find them; and the end of a day's files.

What belongs here: `reports/<tenant>/machines/<centre>/<day>.html` and `reports/<tenant>/machines/sessions.xlsx` in
the files store, replaced whole. What does not: rendering (`report`, `workbook`).

A page is the last thing that is made of a day, so it is here that the day's files are done with.
"""

from collections.abc import Iterator
from datetime import date
from typing import cast
from urllib.parse import quote

from logplatform.landing.observations import Observation
from logplatform.machines.anomalies import Anomaly, Kind
from logplatform.machines.day_session import DaySession, derived_days, load
from logplatform.machines.job import REPORT, DayWork, Job
from logplatform.machines.oee import compute_oee
from logplatform.machines.places import folder_and_name
from logplatform.machines.report import ReportInput, render_report
from logplatform.machines.suggestions import suggest
from logplatform.machines.timeline import timeline
from logplatform.machines.timestamps import milliseconds_of
from logplatform.machines.workbook import write_workbook
from logplatform.orchestration.figures import Cell, DayReport
from logplatform.stores.sessions import StoredSession


def publish_reports(job: Job) -> Iterator[DayReport]:
    """Publish a page for each folder of the job's days, and then the workbook of all sessions; a report a day.

    With a day's pages its files are done with: they become `processed`.
    """
    published = False
    for day, accounts in derived_days(job):
        work = job.day(day)
        # One session at a time is in memory.
        pages = [_publish(job, load(job, account)) for account in accounts]
        report = _report(day, pages, work.seconds)
        _finish(work, {(account.source, account.folder) for account in accounts}, report)
        published = True
        yield report
    if published:
        publish_workbook(job)


def page_key(tenant: str, centre: str, day: date) -> str:
    """Where a centre's page of a day stands in the files store."""
    # A name of dots alone would be a folder above.
    folder = quote(centre, safe=" ()") if centre.strip(".") else centre.replace(".", "%2E")
    return f"{reports_folder(tenant)}/{folder}/{day}.html"


def workbook_key(tenant: str) -> str:
    """Where the workbook stands in the files store."""
    return f"{reports_folder(tenant)}/sessions.xlsx"


def reports_folder(tenant: str) -> str:
    """The folder of all pages and the workbook."""
    return f"reports/{tenant}/machines"


def publish_workbook(job: Job) -> int:
    """Write the workbook anew from all stored sessions; returns how many they are."""
    with job.tenancy.files.part() as part:
        count = write_workbook(part.path, job.sessions.every())
        part.publish(workbook_key(job.tenancy.tenant))
    return count


def render_day(job: Job, one: DaySession) -> str:
    """The page of a folder's day, with the anomalies that are stored for it."""
    centre = one.place.centre
    stored = job.sessions.find(centre.nom, one.account.day)
    return render_report(
        ReportInput(
            centre=centre.nom,
            centre_type=centre.type_cu,
            source=one.account.path,
            partial=not one.account.final,
            session=one.session,
            anomalies=_anomalies(job, stored),
            suggestions=suggest(one.session, one.events.texts),
            oee=compute_oee(one.session, one.place.oee),
            picture=timeline(one.session, f"{centre.nom} {one.account.day}"),
        )
    )


def _anomalies(job: Job, stored: StoredSession | None) -> list[Anomaly]:
    if stored is None:
        return []
    return [
        Anomaly(cast("Kind", kind), milliseconds_of(at), job.tenancy.redactor.text(detail))
        for kind, at, detail in job.sessions.anomalies(stored.id)
    ]


def _publish(job: Job, one: DaySession) -> dict[str, Cell]:
    page = render_day(job, one).encode()
    key = page_key(job.tenancy.tenant, one.place.centre.nom, one.account.day)
    with job.tenancy.files.part() as part:
        part.write(page)
        part.publish(key)
    return {
        "centre": one.place.centre.nom,
        "pieces": len(one.session.pieces),
        "page": key,
        "bytes": len(page),
    }


def _report(day: date, pages: list[dict[str, Cell]], seconds: float) -> DayReport:
    return DayReport(
        day=day,
        unit="sessions",
        came=len(pages),
        out=len(pages),
        unit_out="files",
        used=len(pages),
        bytes=sum(int(page["bytes"] or 0) for page in pages),
        seconds=seconds,
        preview=pages,
    )


def _finish(work: DayWork, done: set[tuple[str, str]], report: DayReport) -> None:
    ledger = work.job.tenancy.ledger
    mine: list[Observation] = [
        found
        for found in ledger.of_day(work.day, "extracted")
        if (found.source, folder_and_name(found.path)[0]) in done and work.job.batch_id in {None, found.batch_id}
    ]
    with work.transaction() as connection:
        ledger.advance(connection, mine, "processed", work.job.run_id)
        work.commit(connection, REPORT, report)
