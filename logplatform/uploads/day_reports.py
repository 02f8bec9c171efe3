"""What a day of uploads came to: its figures, kept up with every upload in the transaction of its data.

What belongs here: adding one upload to its day's report. What does not: showing reports (`orchestration.metadata`),
and telling Dagster (`orchestration.reconcile`).

A day's report is the sum over all uploads received on that day. It grows by each upload, so that a commit costs the
same however many came before; an upload that is ingested again changes it by the difference.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date

import sqlalchemy as sa

from logplatform.orchestration.figures import FIRST_FAILURES, Cell, DayReport, FailureNote, Unit
from logplatform.stores.upload_record import UploadRecord
from logplatform.tenancy import Tenancy

RAW, DOCUMENTS, INDEXED = "uploaded_files", "upload_documents", "indexed_documents"
ALERTS, METRICS = "fraud_alerts", "ecommerce_metrics"
ARRIVAL = "uploads arriving"
"""The run that days are committed by when a file is received: no run of Dagster's has to be there for that."""


@dataclass(frozen=True, slots=True)
class Made:
    """What ingesting one upload gave. `first_day`, `last_day`: its documents' event days (`YYYY-MM-DD`), None: none."""

    documents: int
    dead_letters: int
    duplicates: int
    seconds: float
    failures: tuple[FailureNote, ...] = ()
    first_day: str | None = None
    last_day: str | None = None


def day_of(record: UploadRecord) -> date:
    """The day an upload was received (UTC): its partition."""
    return record.uploaded_at.astimezone(UTC).date()


def add_arrival(connection: sa.Connection, tenancy: Tenancy, record: UploadRecord) -> None:
    """Add an upload that was received to its day of `uploaded_files`."""
    before = _report(connection, tenancy, RAW, day_of(record), "files")
    duplicate, failed = record.status == "duplicate", record.status == "failed"
    refused = [FailureNote(tenancy.redactor.text(record.filename), record.error_message or "")] if failed else []
    report = replace(
        before,
        came=before.came + 1,
        out=before.out + (not (duplicate or failed)),
        duplicates=before.duplicates + duplicate,
        dead_letters=before.dead_letters + failed,
        bytes=before.bytes + record.file_size,
        failures=_first(before.failures, refused),
        facts=_more(before.facts, records=0 if duplicate else record.total_lines),
    )
    tenancy.days.commit(connection, f"{tenancy.domain}/{RAW}", report.day, ARRIVAL, report.counts())


def add_ingested(
    connection: sa.Connection,
    tenancy: Tenancy,
    before: UploadRecord,
    made: Made,
    run_id: str,
    batch_id: str | None,
) -> None:
    """Add what an upload gave to its day of the assets that come of it; `before` is its record until now."""
    again = before.processed
    day = day_of(before)
    read = _report(connection, tenancy, DOCUMENTS, day, "records")
    documents = made.documents - (before.documents or 0)
    report = replace(
        read,
        came=read.came + (0 if again else before.total_lines),
        out=read.out + documents,
        duplicates=read.duplicates + made.duplicates - (before.duplicates or 0),
        dead_letters=read.dead_letters + made.dead_letters - (before.dead_letters or 0),
        bytes=read.bytes + (0 if again else before.file_size),
        seconds=read.seconds + made.seconds,
        failures=_first(read.failures, made.failures),
        facts=_more(read.facts, uploads=0 if again else 1),
    )
    tenancy.days.commit(connection, f"{tenancy.domain}/{DOCUMENTS}", day, run_id, report.counts(), batch_id)
    kept = _report(connection, tenancy, INDEXED, day, "records")
    report = replace(
        kept,
        came=kept.came + documents,
        out=kept.out + documents,
        seconds=kept.seconds + made.seconds,
        facts=_spread(kept.facts, made),
    )
    tenancy.days.commit(connection, f"{tenancy.domain}/{INDEXED}", day, run_id, report.counts(), batch_id)


def _report(connection: sa.Connection, tenancy: Tenancy, asset: str, day: date, unit: Unit) -> DayReport:
    """The day's report until now, read in the transaction that changes it."""
    commit = tenancy.days.committed(connection, f"{tenancy.domain}/{asset}", day)
    return DayReport(day, unit, 0, 0) if commit is None else DayReport.restore(day, commit.counts)


def _more(facts: Mapping[str, Cell], **counts: int) -> dict[str, Cell]:
    """The facts with these counts added to theirs."""
    found = dict(facts)
    for name, count in counts.items():
        known = found.get(name)
        found[name] = count + (known if isinstance(known, int) else 0)
    return found


def _spread(facts: Mapping[str, Cell], made: Made) -> dict[str, Cell]:
    """The facts with the first and the last event day that any of the day's uploads holds."""
    found = dict(facts)
    for name, day, choose in (("first event day", made.first_day, min), ("last event day", made.last_day, max)):
        if day is not None:
            known = found.get(name)
            found[name] = choose(day, known) if isinstance(known, str) else day
    return found


def _first(known: Sequence[FailureNote], new: Sequence[FailureNote]) -> tuple[FailureNote, ...]:
    """The first few failures, each once."""
    return tuple(dict.fromkeys((*known, *new)))[:FIRST_FAILURES]
