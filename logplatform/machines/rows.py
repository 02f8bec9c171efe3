"""A session as rows for the store, and the digest that tells whether it changed.

What belongs here: turning arrays into columns of plain values, a bounded batch at a time. What does not: names and
rounding of a session's own columns (`columns`), and writing (`stores.sessions`).
"""

import hashlib
from collections.abc import Iterator
from typing import Final

import msgspec
import numpy as np

from logplatform.machines.columns import SessionColumns
from logplatform.machines.moments import moment_texts
from logplatform.machines.parse import UNKNOWN, Ints
from logplatform.machines.session import OPEN, Periods, Session
from logplatform.stores.bulk import Columns
from logplatform.stores.session_versions import SessionRows

ROWS_VERSION: Final = "1"
"""Part of the digest: to be raised when the same session makes other rows."""

_BATCH: Final = 5_000


def session_rows(session: Session) -> SessionRows:
    """The rows of the four tables behind a session."""
    count = len(session.jobs) + len(session.waits) + len(session.stops) + len(session.pieces)
    return SessionRows(_jobs(session), _periods(session.waits), _periods(session.stops), _pieces(session), count)


def session_digest(session: Session, columns: SessionColumns) -> str:
    """sha256 (hex) over everything that is stored of a session."""
    digest = hashlib.sha256(ROWS_VERSION.encode())
    digest.update(repr(sorted(columns.items())).encode())
    for array in (session.pieces, session.numbers, *_arrays(session.waits), *_arrays(session.stops)):
        digest.update(len(array).to_bytes(8))
        digest.update(np.ascontiguousarray(array).data)
    for place, text in sorted(session.remarks.items()):
        digest.update(repr((place, text)).encode())
    digest.update(msgspec.msgpack.encode(session.jobs))
    return digest.hexdigest()


def _arrays(periods: Periods) -> tuple[Ints, Ints]:
    return periods.start, periods.end


def _jobs(session: Session) -> Iterator[Columns]:
    for first in range(0, len(session.jobs), _BATCH):
        jobs = session.jobs[first : first + _BATCH]
        yield [
            [job.text.reference for job in jobs],
            [None if job.text.longueur is None else float(job.text.longueur) for job in jobs],
            [job.text.couleur for job in jobs],
            [job.text.details for job in jobs],
            moment_texts(np.array([job.at for job in jobs], np.int64), " "),
        ]


def _periods(periods: Periods) -> Iterator[Columns]:
    for first in range(0, len(periods), _BATCH):
        part = slice(first, first + _BATCH)
        start, end = periods.start[part], periods.end[part]
        known = end != OPEN
        ends = moment_texts(np.where(known, end, start), " ")
        seconds = (np.where(known, end - start, 0) / 1000).tolist()
        closed = known.tolist()
        yield [
            moment_texts(start, " "),
            [moment if ended else None for moment, ended in zip(ends, closed, strict=True)],
            [length if ended else None for length, ended in zip(seconds, closed, strict=True)],
        ]


def _pieces(session: Session) -> Iterator[Columns]:
    for first in range(0, len(session.pieces), _BATCH):
        part = slice(first, first + _BATCH)
        moments = moment_texts(session.pieces[part], " ")
        numbers = session.numbers[part]
        told = _known(numbers)
        places = range(first, first + len(moments))
        yield [told, moments, [session.remarks.get(place) for place in places] if session.remarks else None]


def _known(numbers: Ints) -> list[int | None]:
    plain: list[int | None] = []
    plain.extend(numbers.tolist())
    for place in np.flatnonzero(numbers == UNKNOWN).tolist():
        plain[place] = None
    return plain
