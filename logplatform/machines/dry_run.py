"""A machine log read and judged without storing anything.

What belongs here: `session_report`, the answer of `logplatform machines session FILE.LOG`. What does not: printing
it, and anything that writes.
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import TypedDict

import numpy as np

from logplatform.failures import PermanentFailure
from logplatform.machines.anomalies import AnomalyRules, find_anomalies
from logplatform.machines.columns import SessionColumns, moment, period_rows, session_columns
from logplatform.machines.day import DayBuilder
from logplatform.machines.moments import moment_texts
from logplatform.machines.naming import required_day
from logplatform.machines.reading import ReadingLimits, chunks_of, read_events
from logplatform.machines.session import Periods, Session, compute_session

Value = str | int | float | None
Row = dict[str, Value]

NO_LIMITS = ReadingLimits()
NO_RULES = AnomalyRules()


class SessionReport(TypedDict):
    """What `session_report` answers, ready for JSON."""

    events: int
    dead_letters: list[Row]
    session: Row
    jobs: list[Row]
    waits: list[Row]
    stops: list[Row]
    anomalies: list[Row]


def session_report(path: Path, *, limits: ReadingLimits = NO_LIMITS, rules: AnomalyRules = NO_RULES) -> SessionReport:
    """What one file, taken as it stands, makes: its events are counted, unknown types included.

    Moments are ISO 8601 in plant-local time, hours and rates numbers, durations seconds. Columns that only a store
    gives (`id`, `centre_usinage_id`, `date_creation`) are null. Raises `PermanentFailure` where the name is no
    `YYYYMMDD.LOG`, the file cannot be read, or it holds more events than a day can.
    """
    day = required_day(path.name)
    builder, dead, count = DayBuilder(), list[Row](), 0
    # What is told of a refused line is its place and reason: its bytes need not be kept.
    for events, refused in read_events(_read(path), replace(limits, raw_bytes=0), final=True):
        builder.append(events)
        dead.extend({"line": letter.line, "reason": letter.reason} for letter in refused)
        count += len(events)
    columns = builder.build()
    session = compute_session(day, columns)
    return SessionReport(
        events=count,
        dead_letters=dead,
        session=_session_row(session_columns(session, path.name)),
        jobs=_job_rows(session),
        waits=_period_rows(session.waits),
        stops=_period_rows(session.stops),
        anomalies=[
            {"kind": found.kind, "at": _iso(found.at), "detail": found.detail}
            for found in find_anomalies(columns, session, rules)
        ],
    )


def _read(path: Path) -> Iterator[bytes]:
    try:
        with path.open("rb") as stream:
            yield from chunks_of(stream)
    except OSError as error:
        raise PermanentFailure(f"{path}: cannot be read: {error.strerror}") from error


def _session_row(columns: SessionColumns) -> Row:
    known = {name: _plain(value) for name, value in columns.items()}
    return {"id": None, "centre_usinage_id": None, **known, "date_creation": None}


def _plain(value: object) -> Value:
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, dt.date):
        return value.isoformat()
    return value if isinstance(value, int | str) else None


def _job_rows(session: Session) -> list[Row]:
    moments = moment_texts(np.array([job.at for job in session.jobs], np.int64), "T")
    return [
        {
            "reference": job.text.reference,
            "longueur": None if job.text.longueur is None else float(job.text.longueur),
            "couleur": job.text.couleur,
            "timestamp_debut": at,
        }
        for job, at in zip(session.jobs, moments, strict=True)
    ]


def _period_rows(periods: Periods) -> list[Row]:
    return [
        {"timestamp_debut": start, "timestamp_fin": end, "duree_secondes": seconds}
        for batch in period_rows(periods)
        for start, end, seconds in batch
    ]


def _iso(milliseconds: int | None) -> str | None:
    at = moment(milliseconds)
    return None if at is None else at.isoformat()
