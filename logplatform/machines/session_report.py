"""The sessions of a day, as people read them: a table, and the timeline picture.

What belongs here: a day's report of `machine_sessions`. What does not: the report page (`report`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from logplatform.landing.redaction import Redactor
from logplatform.machines.day_session import DaySession
from logplatform.machines.timeline import timeline
from logplatform.orchestration.figures import Cell, DayReport

_PICTURE_COLUMNS: Final = 400
_MOST_PICTURES: Final = 12
_PICTURE_HEIGHT: Final = 130


@dataclass(frozen=True, slots=True)
class SessionTold:
    """What is told of one session: a row of the preview and its picture, not the day it was made of."""

    centre: str
    events: int
    pieces: int
    row: Mapping[str, Cell]
    picture: str


def told_of(redactor: Redactor, one: DaySession) -> SessionTold:
    """What is told of a session; a day's arrays need not be kept for it."""
    title = f"{one.place.centre.nom} {one.session.day}"
    picture = timeline(one.session, title, columns=_PICTURE_COLUMNS)
    return SessionTold(one.place.centre.nom, len(one.events), len(one.session.pieces), _row(redactor, one), picture)


def session_day_report(day: date, told: Sequence[SessionTold], size: int, seconds: float) -> DayReport:
    """Events in (`size` bytes of event files), sessions out, of those that were computed just now."""
    events = sum(one.events for one in told)
    return DayReport(
        day=day,
        unit="events",
        came=events,
        out=len(told),
        unit_out="sessions",
        used=events,
        bytes=size,
        seconds=seconds,
        preview=[one.row for one in told],
        picture=_picture(told),
        facts={
            "pieces": sum(one.pieces for one in told),
            "sessions a minute": round(60 * len(told) / seconds, 1) if seconds else None,
            "seconds a session": round(seconds / len(told), 3) if told else None,
        },
    )


def _row(redactor: Redactor, one: DaySession) -> dict[str, Cell]:
    columns = one.columns
    return {
        "centre": one.place.centre.nom,
        "pieces": columns["total_pieces"],
        "duration (h)": _number(columns["duree_production_totale"]),
        "waiting (h)": _number(columns["temps_attente"]),
        "stops (h)": _number(columns["temps_arret_volontaire"]),
        "effective (h)": _number(columns["temps_production_effectif"]),
        "occupation (%)": _number(columns["taux_occupation"]),
        "waiting (%)": _number(columns["taux_attente"]),
        "stops (%)": _number(columns["taux_arret_volontaire"]),
        "whole day": one.account.final,
        "file": redactor.text(columns["fichier_log_source"]),
    }


def _number(value: object) -> float | None:
    return None if value is None else float(str(value))


def _picture(told: Sequence[SessionTold]) -> str:
    """The timelines one below the other; past a dozen centres the others are left to their own reports."""
    shown = told[:_MOST_PICTURES]
    parts = [
        f'<svg y="{place * _PICTURE_HEIGHT}" height="{_PICTURE_HEIGHT}" width="100%">{one.picture}</svg>'
        for place, one in enumerate(shown)
    ]
    height = max(1, len(shown)) * _PICTURE_HEIGHT
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="900" height="{height}" viewBox="0 0 900 {height}">'
        f"{''.join(parts)}</svg>"
    )
