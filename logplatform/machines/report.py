"""The day's report of a centre: one HTML page that needs nothing else.

What belongs here: what the page says, and its rendering. What does not: computing (`session`, `oee`, `suggestions`)
and where pages are put. Everything that came out of a log is escaped.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup

from logplatform.machines.anomalies import Anomaly
from logplatform.machines.columns import moment
from logplatform.machines.oee import Factor, Oee
from logplatform.machines.session import Session, hours, percent
from logplatform.machines.suggestions import Share, Suggestions


@dataclass(frozen=True, slots=True)
class ReportInput:
    """Everything that a page tells; `picture` is an SVG document of our own making."""

    centre: str
    centre_type: str
    source: str
    partial: bool
    session: Session
    anomalies: Sequence[Anomaly]
    suggestions: Suggestions
    oee: Oee
    picture: str


def render_report(given: ReportInput) -> str:
    """The page as HTML text."""
    return _template().render(
        centre=given.centre,
        centre_type=given.centre_type,
        source=given.source,
        partial=given.partial,
        day=given.session.day.isoformat(),
        picture=Markup(given.picture),  # noqa: S704 (our own drawing, its title escaped there)
        figures=_figures(given.session),
        oee=_oee_rows(given.oee),
        anomalies=[
            {"kind": found.kind.replace("_", " "), "at": _clock(found.at), "detail": found.detail}
            for found in given.anomalies
        ],
        suggestions=[
            {"title": "Largest stop causes", "rows": _shares(given.suggestions.stop_causes)},
            {"title": "Waits per job profile", "rows": _shares(given.suggestions.waits_by_job)},
        ],
        changeovers=_changeovers(given.suggestions),
    )


@cache
def _template() -> Template:
    loader = PackageLoader("logplatform.machines")
    return Environment(loader=loader, autoescape=True, undefined=StrictUndefined).get_template("report.html.j2")


def _figures(session: Session) -> list[dict[str, str]]:
    totals = session.totals
    duration, wait, stop, effective = (
        (None, None, None, None) if totals is None else (totals.duration, totals.wait, totals.stop, totals.effective)
    )
    told = (
        ("pieces", f"{len(session.pieces):,}"),
        ("production (h)", _text(hours(duration))),
        ("effective (h)", _text(hours(effective))),
        ("waiting (h)", _text(hours(wait))),
        ("voluntary stops (h)", _text(hours(stop))),
        ("occupation (%)", _text(percent(effective, duration))),
        ("waiting (%)", _text(percent(wait, duration))),
        ("voluntary stops (%)", _text(percent(stop, duration))),
        ("first piece", _time(session.first_piece, session.day)),
        ("last piece", _time(session.last_piece, session.day)),
        ("first machine start", _time(session.first_start, session.day)),
        ("last machine stop", _time(session.last_stop, session.day)),
    )
    return [{"name": name, "value": value} for name, value in told]


def _oee_rows(oee: Oee) -> list[dict[str, str]]:
    product = Factor(oee.trs, "availability x performance x quality")
    factors = (
        ("availability", oee.availability),
        ("performance", oee.performance),
        ("quality", oee.quality),
        ("OEE (TRS)", product),
    )
    return [
        {
            "name": name,
            "value": "–" if factor.value is None else f"{factor.value * 100:.2f} %",
            "source": factor.source,
        }
        for name, factor in factors
    ]


def _shares(shares: Sequence[Share]) -> list[dict[str, str]]:
    return [
        {"name": share.name, "count": f"{share.count:,}", "minutes": f"{share.total_ms / 60_000:,.1f}"}
        for share in shares
    ]


def _changeovers(suggestions: Suggestions) -> str:
    if not suggestions.changeovers:
        return "none"
    mean = suggestions.changeover_ms / suggestions.changeovers / 60_000
    return f"{suggestions.changeovers:,}, {mean:.1f} minutes each from the last piece to the next on average"


def _text(value: object) -> str:
    return "–" if value is None else str(value)


def _clock(milliseconds: int | None) -> str:
    at = moment(milliseconds)
    return "–" if at is None else at.isoformat(sep=" ", timespec="seconds")


def _time(milliseconds: int | None, day: dt.date) -> str:
    """The time of day, with its date where that is not the session's."""
    at = moment(milliseconds)
    return f"{at:%H:%M:%S}" if at is not None and at.date() == day else _clock(milliseconds)
