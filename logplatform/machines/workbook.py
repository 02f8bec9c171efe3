"""The Excel workbook of all sessions: a sheet for each type of centre, a row a session, then statistics.

What belongs here: columns and layout. What does not: reading sessions, and where the file is put.

Sessions come as a stream, by type; rows are written as they come, so memory does not grow with their number.
"""

import datetime as dt
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Final

import xlsxwriter
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from logplatform.stores.sessions import StoredSession

HEADINGS: Final = (
    "Date",
    "CU ID",
    "Total Pièces",
    "Durée Production (h)",
    "Machine Start",
    "Première Pièce",
    "Dernière Pièce",
    "Machine Stop",
    "Temps Attente (h)",
    "Temps Arrêt Volontaire (h)",
    "Temps Production Effectif (h)",
    "Taux Occupation (%)",
    "Taux Attente (%)",
    "Taux Arrêt Volontaire (%)",
)
_EARLIEST = dt.datetime(1900, 1, 1)  # noqa: DTZ001 (plant-local, as all moments of a session are)
_FORBIDDEN = re.compile(r"[\[\]:*?/\\]")
_SHEET_NAME_LENGTH = 31
# A sheet of Excel has 1,048,576 rows: headings and statistics take two.
MAX_SESSIONS_A_SHEET: Final = 1_048_574


@dataclass(slots=True)
class Statistics:
    """What the last row of a sheet tells, added up row by row."""

    sessions: int = 0
    pieces: int = 0
    hours: list[float] = field(default_factory=lambda: [0.0] * 4)
    centres: set[str] = field(default_factory=set)
    starts: list[dt.datetime | None] = field(default_factory=lambda: [None] * 4)

    def add(self, row: StoredSession) -> None:
        """Take one session into account."""
        self.sessions += 1
        self.pieces += row.total_pieces
        self.centres.add(row.nom)
        for place, hours in enumerate(_hours(row)):
            self.hours[place] += hours or 0.0
        earliest = (row.heure_premier_machine_start, row.heure_premiere_piece)
        latest = (row.heure_derniere_piece, row.heure_dernier_machine_stop)
        self.starts[:2] = [_pick(min, *pair) for pair in zip(self.starts[:2], earliest, strict=True)]
        self.starts[2:] = [_pick(max, *pair) for pair in zip(self.starts[2:], latest, strict=True)]

    def rate(self, part: int) -> float | None:
        """The share of all hours in percent: 1 wait, 2 stop, 3 effective."""
        return round(100 * self.hours[part] / self.hours[0], 2) if self.hours[0] else None


def write_workbook(path: Path, sessions: Iterable[StoredSession]) -> int:
    """Write the workbook; `sessions` must be ordered by type. Returns the number of rows.

    Past `MAX_SESSIONS_A_SHEET` sessions a type goes on in a second sheet.
    """
    count = 0
    with xlsxwriter.Workbook(str(path), {"constant_memory": True, "in_memory": False}) as book:
        formats = _formats(book)
        taken: set[str] = set()
        for type_cu, of_type in groupby(sessions, key=lambda row: row.type_cu):
            for _, part in groupby(enumerate(of_type), key=lambda item: item[0] // MAX_SESSIONS_A_SHEET):
                sheet = book.add_worksheet(_sheet_name(type_cu, taken))
                count += _write_sheet(sheet, formats, (row for _, row in part))
        if not count:
            book.add_worksheet("sessions").write_row(0, 0, HEADINGS, formats["head"])
    return count


def _formats(book: xlsxwriter.Workbook) -> dict[str, Format]:
    return {
        "head": book.add_format({"bold": True, "bg_color": "#dde6f0", "border": 1, "text_wrap": True}),
        "date": book.add_format({"num_format": "yyyy-mm-dd"}),
        "moment": book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"}),
        "hours": book.add_format({"num_format": "0.0000"}),
        "rate": book.add_format({"num_format": "0.00"}),
        "total": book.add_format({"bold": True, "top": 2}),
        "total_moment": book.add_format({"bold": True, "top": 2, "num_format": "yyyy-mm-dd hh:mm:ss"}),
        "total_hours": book.add_format({"bold": True, "top": 2, "num_format": "0.0000"}),
        "total_rate": book.add_format({"bold": True, "top": 2, "num_format": "0.00"}),
    }


def _write_sheet(sheet: Worksheet, formats: dict[str, Format], rows: Iterable[StoredSession]) -> int:
    sheet.set_column(0, len(HEADINGS) - 1, 19)
    sheet.freeze_panes(1, 2)
    sheet.write_row(0, 0, HEADINGS, formats["head"])
    statistics = Statistics()
    for row in rows:
        statistics.add(row)
        _write_session(sheet, formats, statistics.sessions, row)
    _write_statistics(sheet, formats, statistics)
    return statistics.sessions


def _write_session(sheet: Worksheet, formats: dict[str, Format], line: int, row: StoredSession) -> None:
    _moment(sheet, line, 0, dt.datetime.combine(row.date_production, dt.time()), formats["date"])
    sheet.write_string(line, 1, row.nom)
    sheet.write_number(line, 2, row.total_pieces)
    duration, wait, stop, effective = _hours(row)
    _number(sheet, line, 3, duration, formats["hours"])
    moments = (
        row.heure_premier_machine_start,
        row.heure_premiere_piece,
        row.heure_derniere_piece,
        row.heure_dernier_machine_stop,
    )
    for column, moment in enumerate(moments, start=4):
        _moment(sheet, line, column, moment, formats["moment"])
    for column, hours in enumerate((wait, stop, effective), start=8):
        _number(sheet, line, column, hours, formats["hours"])
    rates = (row.taux_occupation, row.taux_attente, row.taux_arret_volontaire)
    for column, rate in enumerate(rates, start=11):
        _number(sheet, line, column, rate, formats["rate"])


def _write_statistics(sheet: Worksheet, formats: dict[str, Format], statistics: Statistics) -> None:
    """Sums of pieces and hours, first and last moments, and rates of all hours together."""
    line = statistics.sessions + 1
    duration, wait, stop, effective = statistics.hours
    sheet.write_string(line, 0, f"{statistics.sessions} sessions", formats["total"])
    sheet.write_string(line, 1, f"{len(statistics.centres)} centres", formats["total"])
    sheet.write_number(line, 2, statistics.pieces, formats["total"])
    sheet.write_number(line, 3, round(duration, 4), formats["total_hours"])
    for column, moment in enumerate(statistics.starts, start=4):
        _moment(sheet, line, column, moment, formats["total_moment"])
    for column, hours in enumerate((wait, stop, effective), start=8):
        sheet.write_number(line, column, round(hours, 4), formats["total_hours"])
    for column, part in enumerate((3, 1, 2), start=11):
        _number(sheet, line, column, statistics.rate(part), formats["total_rate"])


def _hours(row: StoredSession) -> tuple[float | None, float | None, float | None, float | None]:
    return row.duree_production_totale, row.temps_attente, row.temps_arret_volontaire, row.temps_production_effectif


def _pick(
    choose: Callable[[list[dt.datetime]], dt.datetime], one: dt.datetime | None, other: dt.datetime | None
) -> dt.datetime | None:
    known = [moment for moment in (one, other) if moment is not None]
    return choose(known) if known else None


def _number(sheet: Worksheet, line: int, column: int, value: float | None, form: Format) -> None:
    if value is None:
        sheet.write_blank(line, column, None, form)
    else:
        sheet.write_number(line, column, value, form)


def _moment(sheet: Worksheet, line: int, column: int, value: dt.datetime | None, form: Format) -> None:
    if value is None:
        sheet.write_blank(line, column, None, form)
    elif value < _EARLIEST:
        # Excel knows no moment before 1900.
        sheet.write_string(line, column, value.isoformat(sep=" "), form)
    else:
        sheet.write_datetime(line, column, value, form)


def _sheet_name(type_cu: str, taken: set[str]) -> str:
    """A name that Excel takes and that no other sheet of the book has (it compares without case)."""
    plain = _FORBIDDEN.sub("-", type_cu).strip("' ")[:_SHEET_NAME_LENGTH] or "sessions"
    name, number = plain, 1
    while name.casefold() in taken:
        number += 1
        name = f"{plain[: _SHEET_NAME_LENGTH - len(str(number)) - 1]} {number}"
    taken.add(name.casefold())
    return name
