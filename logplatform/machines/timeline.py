"""A session as a picture: production green, waits yellow, stops red, a blue dot a piece.

What belongs here: drawing SVG. What does not: the page around it (`report`).

The picture is `COLUMNS` wide, and everything in it is drawn at most once a column, so its size is bounded: a million
pieces are as many dots as there are columns with a piece in them.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from logplatform.machines import intervals
from logplatform.machines.parse import Ints
from logplatform.machines.session import Session
from logplatform.machines.timestamps import as_datetime

COLUMNS: Final = 1_600
GREEN, YELLOW, RED, BLUE = "#2e9e4f", "#f2c230", "#d13438", "#1f5fd0"

_LEFT, _TOP, _BAR, _HEIGHT = 20, 26, 44, 130
_DOTS = _TOP + _BAR + 14
_TICKS = 8
_AT_ONCE: Final = 65_536


def timeline(session: Session, title: str, columns: int = COLUMNS) -> str:
    """The SVG document of a session; `title` stands in its corner. Where there is no window it says so.

    `columns` is how finely it is drawn; the picture stays as wide.
    """
    if session.first_piece is None or session.last_piece is None or session.totals is None:
        return _document(title, f'<text x="{_LEFT}" y="60" font-size="18" fill="#555">no production window</text>')
    low, high = session.first_piece, session.last_piece
    stops = intervals.clip(*session.stops.closed(), low, high)
    waits = intervals.clip(session.waits.start, session.waits.end, low, high)
    body = [
        f'<rect x="{_LEFT}" y="{_TOP}" width="{COLUMNS}" height="{_BAR}" fill="{GREEN}"/>',
        _bars(waits, _Scale(low, high, columns), YELLOW),
        _bars(stops, _Scale(low, high, columns), RED),
        _dots(session.pieces, _Scale(low, high, columns)),
        _axis(low, high),
        _legend(len(session.pieces)),
    ]
    return _document(title, "".join(body))


def _document(title: str, body: str) -> str:
    safe = title.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {COLUMNS + 2 * _LEFT} {_HEIGHT}" role="img" '
        f'font-family="sans-serif"><title>{safe}</title>'
        f'<rect width="100%" height="100%" fill="#fff"/>{body}'
        f'<text x="{_LEFT + COLUMNS}" y="17" font-size="18" text-anchor="end" fill="#333">{safe}</text></svg>'
    )


@dataclass(frozen=True, slots=True)
class _Scale:
    """From moments of the window to columns, and from columns to the picture."""

    low: int
    high: int
    columns: int

    def column(self, moments: Ints) -> Ints:
        return (moments - self.low) * self.columns // (self.high - self.low)

    def x(self, column: int) -> int:
        return _LEFT + column * COLUMNS // self.columns


def _bars(edges: tuple[Ints, Ints], scale: _Scale, colour: str) -> str:
    """One bar for each run of touching columns, at least a column wide, so that the shortest stop is seen."""
    starts, ends = edges
    if not len(starts):
        return ""
    first = np.minimum(scale.column(starts), scale.columns - 1)
    last = np.maximum(scale.column(ends), first + 1)
    path = ""
    for left, right in zip(*(edge.tolist() for edge in intervals.merge(first, last)), strict=True):
        x, width = scale.x(left), scale.x(right) - scale.x(left)
        path += f"M{x} {_TOP}h{width}v{_BAR}h{-width}z"
    return f'<path d="{path}" fill="{colour}"/>'


def _dots(pieces: Ints, scale: _Scale) -> str:
    dotted = np.zeros(scale.columns + 1, np.bool_)
    for first in range(0, len(pieces), _AT_ONCE):
        dotted[scale.column(pieces[first : first + _AT_ONCE])] = True
    path = "".join(f"M{scale.x(column)} {_DOTS}h0" for column in np.flatnonzero(dotted).tolist())
    return f'<path d="{path}" stroke="{BLUE}" stroke-width="5" stroke-linecap="round"/>'


def _axis(low: int, high: int) -> str:
    texts: list[str] = []
    several_days = as_datetime(low).date() != as_datetime(high).date()
    for tick in range(_TICKS + 1):
        x = _LEFT + COLUMNS * tick // _TICKS
        at = as_datetime(low + (high - low) * tick // _TICKS)
        anchor = {0: "start", _TICKS: "end"}.get(tick, "middle")
        label = f"{at:%d.%m. %H:%M}" if several_days else f"{at:%H:%M:%S}"
        texts.append(f'<path d="M{x} {_DOTS + 8}v5" stroke="#555"/>')
        texts.append(f'<text x="{x}" y="{_DOTS + 32}" font-size="18" text-anchor="{anchor}" fill="#333">{label}</text>')
    return "".join(texts)


def _legend(pieces: int) -> str:
    entries = ((GREEN, "production"), (YELLOW, "wait"), (RED, "stop"), (BLUE, f"{pieces:,} pieces"))
    return "".join(
        f'<rect x="{_LEFT + 190 * place}" y="6" width="12" height="12" fill="{colour}"/>'
        f'<text x="{_LEFT + 190 * place + 18}" y="17" font-size="18" fill="#333">{label}</text>'
        for place, (colour, label) in enumerate(entries)
    )
