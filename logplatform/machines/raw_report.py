"""What of a day's logs is landed, as people read it.

What belongs here: counting a day's versions of files. What does not: fetching them (`collect`).
"""

from collections import Counter
from datetime import date

from logplatform.landing.observations import Observation
from logplatform.orchestration.figures import FIRST_FAILURES, PREVIEW_ROWS, Cell, DayReport, FailureNote
from logplatform.tenancy import Tenancy


def raw_report(tenancy: Tenancy, day: date, seconds: float) -> DayReport:
    """The files of a day, each version of a growing one by itself: landed, replaced before they came, failed."""
    counts: Counter[str] = Counter()
    size = 0
    failures: list[FailureNote] = []
    preview: list[dict[str, Cell]] = []
    for found in tenancy.ledger.of_day(day):
        counts[_standing(found)] += 1
        if found.sha256 is not None:
            size += found.size
            preview = [*preview[-PREVIEW_ROWS + 1 :], _row(found)]
        if found.status == "error" and len(failures) < FIRST_FAILURES:
            what = tenancy.redactor.text(f"{found.source}/{found.path}")
            failures.append(FailureNote(what, tenancy.redactor.text(found.error or "")))
    return DayReport(
        day=day,
        unit="files",
        came=counts.total(),
        out=counts["landed"],
        duplicates=counts["superseded"],
        dead_letters=counts["failed"],
        bytes=size,
        seconds=seconds,
        failures=failures,
        preview=preview,
        facts=_facts(counts, seconds),
    )


def _facts(counts: Counter[str], seconds: float) -> dict[str, Cell]:
    """How well and how fast files came: landed ones of those that could come, and the pace of this work."""
    tried = counts["landed"] + counts["failed"] + counts["waiting"]
    facts: dict[str, Cell] = {"files that wait": counts["waiting"]} if counts["waiting"] else {}
    if tried:
        facts["success rate (%)"] = round(100 * counts["landed"] / tried, 2)
    if counts["landed"] and seconds > 0:
        facts["files a minute"] = round(60 * counts["landed"] / seconds, 1)
        facts["seconds a file"] = round(seconds / counts["landed"], 3)
    return facts


def _standing(found: Observation) -> str:
    if found.sha256 is not None:
        return "landed"
    if found.status == "superseded":
        return "superseded"
    return "failed" if found.status == "error" and found.error_type == "permanent" else "waiting"


def _row(found: Observation) -> dict[str, Cell]:
    return {"source": found.source, "file": found.path, "bytes": found.size, "status": found.status}
