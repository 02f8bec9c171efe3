"""The figures of parsed files: lines in, events out, dead letters, and what to show of them.

What belongs here: adding them up and making a day's report of them. What does not: parsing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from logplatform.archives.lines.columns import Events
from logplatform.landing.redaction import Redactor
from logplatform.orchestration.figures import FIRST_FAILURES, PREVIEW_ROWS, Cell, DayReport, FailureNote

_FILES, _CONTINUATION = "files parsed", "continuation lines"
_SHOWN_CHARACTERS = 160


@dataclass(frozen=True, slots=True)
class EventFigures:
    """Figures of some files; `lines` were counted by the extraction, `used` of them are in `events`."""

    files: int = 0
    lines: int = 0
    used: int = 0
    events: int = 0
    dead_letters: int = 0
    bytes: int = 0
    failures: Sequence[FailureNote] = ()
    preview: Sequence[Mapping[str, Cell]] = ()

    def plus(self, other: "EventFigures") -> "EventFigures":
        """Both together; the first few failures and preview rows are kept."""
        return EventFigures(
            self.files + other.files,
            self.lines + other.lines,
            self.used + other.used,
            self.events + other.events,
            self.dead_letters + other.dead_letters,
            self.bytes + other.bytes,
            (*self.failures, *other.failures)[:FIRST_FAILURES],
            (*self.preview, *other.preview)[:PREVIEW_ROWS],
        )


def event_report(day: date, figures: EventFigures, seconds: float) -> DayReport:
    """The report of a day that was landed, as its archives' events: lines in, events out."""
    return DayReport(
        day=day,
        unit="lines",
        came=figures.lines,
        out=figures.events,
        unit_out="events",
        used=figures.used,
        dead_letters=figures.dead_letters,
        bytes=figures.bytes,
        seconds=seconds,
        failures=figures.failures,
        preview=figures.preview,
        facts={_FILES: figures.files, _CONTINUATION: figures.used - figures.events},
    )


def event_figures(report: DayReport) -> EventFigures:
    """The figures that a committed report was made of, without its preview."""
    files = report.facts.get(_FILES)
    return EventFigures(
        files=files if isinstance(files, int) else 0,
        lines=report.came,
        used=report.out if report.used is None else report.used,
        events=report.out,
        dead_letters=report.dead_letters,
        bytes=report.bytes,
        failures=report.failures,
    )


def preview(events: Events, redactor: Redactor) -> list[dict[str, Cell]]:
    """The first rows as people see them, redacted."""
    rows = events.rows.slice(0, PREVIEW_ROWS).select(["server", "log", "line", "time", "level", "message"]).to_pylist()
    shown: list[dict[str, Cell]] = []
    for row in rows:
        text = redactor.text(row["message"] or "")[:_SHOWN_CHARACTERS]
        time = None if row["time"] is None else row["time"].isoformat()
        cells = {name: value for name, value in row.items() if name not in {"time", "message"}}
        shown.append({**cells, "time": time, "message": text})
    return shown
