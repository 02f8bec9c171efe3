"""What a day of each asset holds, counted over the ledger: the figures people read.

What belongs here: counting files by status into a DayReport. What does not: events' figures, which `deliver` counts.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa

from logplatform.archives.places import server_of
from logplatform.landing.ledger_reader import SAME_CONTENT
from logplatform.orchestration.figures import FIRST_FAILURES, PREVIEW_ROWS, Cell, DayReport, FailureNote
from logplatform.stores.schema import content, observation
from logplatform.tenancy import Tenancy

RAW, EXTRACTED, EVENTS = "raw_archives", "extracted_logs", "archive_events"

_failed_copy = sa.and_(observation.c.status == "error", observation.c.error_kind == "copy")
_failed_later = sa.and_(observation.c.status == "error", observation.c.error_kind != "copy")
_waits = observation.c.error_type == "transient"

LANDED = sa.or_(observation.c.status.in_(["copied", "extracted", "processed", "seen"]), _failed_later)
"""Files whose bytes are here."""


@dataclass(frozen=True, slots=True)
class FileCounts:
    """Files by where they stand, and the bytes (compressed) of those that are landed."""

    seen: int = 0
    superseded: int = 0
    pending: int = 0
    copy_waiting: int = 0
    copy_failed: int = 0
    landed: int = 0
    copied: int = 0
    extracted: int = 0
    duplicates: int = 0
    extract_waiting: int = 0
    extract_failed: int = 0
    landed_bytes: int = 0


def file_counts(connection: sa.Connection, tenancy: Tenancy, day: date | None = None) -> FileCounts:
    """Files of a day, or of the whole store, by where they stand; one query."""

    def counted(*conditions: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
        return sa.func.coalesce(sa.func.sum(sa.case((sa.and_(*conditions), 1), else_=0)), 0)

    status = observation.c.status
    query = sa.select(
        sa.func.count(),
        counted(status == "superseded"),
        counted(status == "pending"),
        counted(_failed_copy, _waits),
        counted(_failed_copy, sa.not_(_waits)),
        counted(LANDED),
        counted(status == "copied"),
        counted(status.in_(["extracted", "processed"])),
        counted(status == "seen"),
        counted(_failed_later, _waits),
        counted(_failed_later, sa.not_(_waits)),
        sa.func.coalesce(sa.func.sum(sa.case((LANDED, observation.c.size), else_=0)), 0),
    ).where(*_of(tenancy, day))
    return FileCounts(*(int(value) for value in connection.execute(query).one()))


def raw_report(connection: sa.Connection, tenancy: Tenancy, day: date, seconds: float) -> DayReport:
    """What of a day's files is landed."""
    files = file_counts(connection, tenancy, day)
    return DayReport(
        day=day,
        unit="files",
        came=files.seen,
        out=files.landed,
        duplicates=files.superseded,
        dead_letters=files.copy_failed,
        bytes=files.landed_bytes,
        seconds=seconds,
        failures=_failures(connection, tenancy, day, _failed_copy),
        preview=_preview(connection, tenancy, day, _raw_row),
        facts=_facts(waiting=files.pending + files.copy_waiting),
    )


def extracted_report(connection: sa.Connection, tenancy: Tenancy, day: date, seconds: float) -> DayReport:
    """What of a day's landed files is verified and extracted; duplicates are known content under another name."""
    files = file_counts(connection, tenancy, day)
    return DayReport(
        day=day,
        unit="files",
        came=files.landed,
        out=files.extracted,
        duplicates=files.duplicates,
        dead_letters=files.extract_failed,
        bytes=files.landed_bytes,
        seconds=seconds,
        failures=_failures(connection, tenancy, day, _failed_later),
        preview=_preview(connection, tenancy, day, _extracted_row),
        facts=_facts(waiting=files.copied + files.extract_waiting),
    )


def _of(tenancy: Tenancy, day: date | None) -> list[sa.ColumnElement[bool]]:
    mine = [observation.c.domain == tenancy.domain, observation.c.tenant == tenancy.tenant]
    return mine if day is None else [*mine, observation.c.day == day]


def _facts(waiting: int) -> dict[str, Cell]:
    return {"files that wait": waiting} if waiting else {}


def _failures(
    connection: sa.Connection, tenancy: Tenancy, day: date, failed: sa.ColumnElement[bool]
) -> Sequence[FailureNote]:
    query = (
        sa.select(observation.c.source, observation.c.path, observation.c.error)
        .where(*_of(tenancy, day), failed)
        .order_by(observation.c.id)
        .limit(FIRST_FAILURES)
    )
    hide = tenancy.redactor.text
    return [
        FailureNote(hide(f"{source}/{path}"), hide(error or "")) for source, path, error in connection.execute(query)
    ]


def _preview(
    connection: sa.Connection, tenancy: Tenancy, day: date, row: Callable[[sa.RowMapping], dict[str, Cell]]
) -> list[dict[str, Cell]]:
    joined = observation.outerjoin(content, SAME_CONTENT)
    columns = (
        observation.c.source,
        observation.c.path,
        observation.c.size,
        observation.c.status,
        content.c.format,
        content.c.content_size,
        content.c.lines,
    )
    query = (
        sa.select(*columns)
        .select_from(joined)
        .where(*_of(tenancy, day), LANDED)
        .order_by(observation.c.id)
        .limit(PREVIEW_ROWS)
    )
    return [row(found) for found in connection.execute(query).mappings()]


def _raw_row(values: sa.RowMapping) -> dict[str, Cell]:
    return {"server": server_of(values["source"]), "file": values["path"], "bytes": values["size"]}


def _extracted_row(values: sa.RowMapping) -> dict[str, Cell]:
    return {
        **_raw_row(values),
        "format": values["format"],
        "extracted bytes": values["content_size"],
        "lines": values["lines"],
        "status": values["status"],
    }
