"""A session as the columns and rows that its users know, in plain values.

What belongs here: names, units and rounding of `session_production`, `job_profil`, `periode_attente`,
`periode_arret` and `piece_production`. What does not: how they are computed (`session`) or stored (`stores`).
Moments are plant-local datetimes without zone.
"""

import datetime as dt
from collections.abc import Iterator
from decimal import Decimal
from typing import Final, TypedDict

import numpy as np

from logplatform.machines.moments import moment_texts
from logplatform.machines.session import OPEN, Periods, Session, hours, percent
from logplatform.machines.timestamps import as_datetime

ROWS_AT_ONCE: Final = 10_000


class SessionColumns(TypedDict):
    """The columns of `session_production` that a log tells: hours with 4 decimals, rates in % with 2."""

    date_production: dt.date
    heure_premiere_piece: dt.datetime | None
    heure_derniere_piece: dt.datetime | None
    heure_premier_machine_start: dt.datetime | None
    heure_dernier_machine_stop: dt.datetime | None
    total_pieces: int
    duree_production_totale: Decimal | None
    temps_attente: Decimal | None
    temps_arret_volontaire: Decimal | None
    temps_production_effectif: Decimal | None
    taux_occupation: Decimal | None
    taux_attente: Decimal | None
    taux_arret_volontaire: Decimal | None
    fichier_log_source: str


def session_columns(session: Session, source: str) -> SessionColumns:
    """The session's own columns; `source` is the log's name for `fichier_log_source`."""
    totals = session.totals
    duration, wait, stop, effective = (
        (None, None, None, None) if totals is None else (totals.duration, totals.wait, totals.stop, totals.effective)
    )
    return SessionColumns(
        date_production=session.day,
        heure_premiere_piece=moment(session.first_piece),
        heure_derniere_piece=moment(session.last_piece),
        heure_premier_machine_start=moment(session.first_start),
        heure_dernier_machine_stop=moment(session.last_stop),
        total_pieces=len(session.pieces),
        duree_production_totale=hours(duration),
        temps_attente=hours(wait),
        temps_arret_volontaire=hours(stop),
        temps_production_effectif=hours(effective),
        taux_occupation=percent(effective, duration),
        taux_attente=percent(wait, duration),
        taux_arret_volontaire=percent(stop, duration),
        fichier_log_source=source,
    )


def moment(milliseconds: int | None) -> dt.datetime | None:
    """Plant-local milliseconds as a datetime."""
    return None if milliseconds is None else as_datetime(milliseconds)


def period_rows(periods: Periods) -> Iterator[list[tuple[str, str | None, float | None]]]:
    """Batches of (timestamp_debut, timestamp_fin, duree_secondes), moments as ISO 8601; an open stop has no end."""
    for first in range(0, len(periods), ROWS_AT_ONCE):
        part = slice(first, first + ROWS_AT_ONCE)
        start, end = periods.start[part], periods.end[part]
        known = end != OPEN
        begins = moment_texts(start, "T")
        ends = moment_texts(np.where(known, end, start), "T")
        seconds = np.where(known, end - start, 0) / 1000
        yield [
            (begin, finish, length) if closed else (begin, None, None)
            for begin, finish, length, closed in zip(begins, ends, seconds.tolist(), known.tolist(), strict=True)
        ]
