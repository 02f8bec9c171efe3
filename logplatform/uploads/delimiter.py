"""Which character stands between the cells of a CSV.

What belongs here: telling it from the first lines. What does not: reading the cells (`csv_records`).
"""

import csv
from collections.abc import Sequence

DELIMITERS = (",", ";", "\t", "|")


def detect_delimiter(lines: Sequence[str]) -> str:
    """The delimiter of a CSV that begins with `lines`; a comma where no line has any.

    The one is taken under which most lines have as many cells as the header, and among equals the one that gives
    most cells: a comma in a text does not outweigh the `;` between the cells.
    """
    return max(DELIMITERS, key=lambda delimiter: _fit(lines, delimiter))


def _fit(lines: Sequence[str], delimiter: str) -> tuple[float, int]:
    try:
        rows = [row for row in csv.reader(lines, delimiter=delimiter) if row]
    except csv.Error:
        return 0.0, 0
    cells = len(rows[0]) if rows else 0
    if cells < 2:
        return 0.0, 0
    return sum(len(row) == cells for row in rows) / len(rows), cells
