"""A production session: one centre, one date, out of a day's events in order.

What belongs here: the rules of a session and its figures. What does not: faults in the log that the figures can
live with (`anomalies`), how a session is stored or shown.

- The window is first to last piece; it is undefined with fewer than two distinct piece times, and then so is
  every figure that is a part of it.
- A wait starts at its event and lasts its length. A stop runs from the first `MachineStop` to the next
  `MachineStart`; one that no start follows ends at the next piece, or stays open and counts nothing.
- Waits and stops are clipped to the window; overlapping ones count once, as stop where a stop is among them.
- effective = duration - wait - stop; a rate is part / duration x 100.

Sums are whole milliseconds; hours (4 decimals) and rates (2 decimals) are rounded half up at the very end.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Final, NamedTuple

import numpy as np

from logplatform.machines import intervals
from logplatform.machines.day import DayEvents
from logplatform.machines.jobs import JobText, read_job
from logplatform.machines.parse import JOB, PIECE, START, STOP, UNKNOWN, WAIT, Ints
from logplatform.machines.timestamps import LATEST_MS

OPEN: Final = np.iinfo(np.int64).min
"""Stands in `Periods.end` for a stop that stays open."""

_HOUR_MS = Decimal(3_600_000)


@dataclass(frozen=True, slots=True)
class Periods:
    """Waits or stops as logged, unclipped, in order: plant-local milliseconds; `row` is the event that began each.

    `unstarted` tells, for stops, that no `MachineStart` ended it.
    """

    start: Ints
    end: Ints
    row: Ints
    unstarted: np.ndarray[tuple[int], np.dtype[np.bool_]]

    def __len__(self) -> int:
        return len(self.start)

    def closed(self) -> tuple[Ints, Ints]:
        """Start and end of those that have an end."""
        known = self.end != OPEN
        return self.start[known], self.end[known]


class Job(NamedTuple):
    """A job profile and when it was chosen (plant-local milliseconds)."""

    text: JobText
    at: int


@dataclass(frozen=True, slots=True)
class Totals:
    """Milliseconds of a session's window; wait + stop + effective = duration."""

    duration: int
    wait: int
    stop: int

    @property
    def effective(self) -> int:
        """What is neither wait nor stop, 0 <= effective <= duration."""
        return self.duration - self.wait - self.stop


@dataclass(frozen=True, slots=True)
class Session:
    """A session's figures and what they were made of.

    `first_piece` … `last_stop` are plant-local milliseconds, None where the day has no such event. `totals` is
    None where the window is undefined. `pieces` and `numbers` (-1: none) are parallel, in order;
    `remarks` are the details, by place in `pieces`, of those that have more than a number.
    """

    day: dt.date
    first_piece: int | None
    last_piece: int | None
    first_start: int | None
    last_stop: int | None
    totals: Totals | None
    pieces: Ints
    numbers: Ints
    remarks: Mapping[int, str]
    waits: Periods
    stops: Periods
    jobs: tuple[Job, ...]


def compute_session(day: dt.date, events: DayEvents) -> Session:
    """The session of a day's events."""
    made = events.kind == PIECE
    times, numbers = events.time[made], events.value[made]
    starts, stop_rows = events.rows(START), events.rows(STOP)
    waits, stops = _waits(events), _stops(events, stop_rows, starts)
    return Session(
        day=day,
        first_piece=int(times[0]) if len(times) else None,
        last_piece=int(times[-1]) if len(times) else None,
        first_start=int(events.time[starts[0]]) if len(starts) else None,
        last_stop=int(events.time[stop_rows[-1]]) if len(stop_rows) else None,
        totals=_totals(times, waits, stops),
        pieces=times,
        numbers=numbers,
        remarks=_remarks(events),
        waits=waits,
        stops=stops,
        jobs=_jobs(events),
    )


def hours(milliseconds: int | None) -> Decimal | None:
    """Milliseconds as hours with 4 decimals, rounded half up."""
    if milliseconds is None:
        return None
    return (Decimal(milliseconds) / _HOUR_MS).quantize(Decimal("0.0001"), ROUND_HALF_UP)


def percent(part: int | None, whole: int | None) -> Decimal | None:
    """part / whole x 100 with 2 decimals, rounded half up; None where there is no whole to be a part of."""
    if part is None or not whole:
        return None
    return (Decimal(part) * 100 / Decimal(whole)).quantize(Decimal("0.01"), ROUND_HALF_UP)


def _jobs(events: DayEvents) -> tuple[Job, ...]:
    rows = events.rows(JOB)
    times = events.time[rows].tolist()
    return tuple(Job(read_job(events.texts.get(row, "")), at) for row, at in zip(rows.tolist(), times, strict=True))


def _waits(events: DayEvents) -> Periods:
    rows = events.rows(WAIT)
    lengths = events.value[rows]
    # A wait that would end after the year 9999 has no end that could be stored: as unreadable as one without length.
    readable = (lengths != UNKNOWN) & (events.time[rows] <= LATEST_MS - lengths)
    rows, lengths = rows[readable], lengths[readable]
    begins = events.time[rows]
    return Periods(begins, begins + lengths, rows, np.zeros(len(rows), np.bool_))


def _remarks(events: DayEvents) -> dict[int, str]:
    told = {row: text for row, text in events.texts.items() if events.kind[row] == PIECE}
    if not told:
        return {}
    pieces = events.rows(PIECE)
    return {int(np.searchsorted(pieces, row)): text for row, text in told.items()}


def _stops(events: DayEvents, stops: Ints, starts: Ints) -> Periods:
    last_start = int(starts[-1]) if len(starts) else -1
    started, unstarted = stops[stops < last_start], stops[stops > last_start]
    first, end = _first_of_each(started, starts)
    late, late_end = _first_of_each(unstarted, events.rows(PIECE) if len(unstarted) else starts)
    rows = np.concatenate((first, late))
    end_rows = np.concatenate((end, late_end))
    known = end_rows < len(events)
    ends = np.full(len(rows), OPEN, np.int64)
    ends[known] = events.time[end_rows[known]]
    return Periods(
        events.time[rows], ends, rows, np.concatenate((np.zeros(len(first), bool), np.ones(len(late), bool)))
    )


def _first_of_each(stops: Ints, closing: Ints) -> tuple[Ints, Ints]:
    """The first stop before each closing row, and that row (beyond all rows where none follows)."""
    beyond = np.iinfo(np.int64).max
    place = np.searchsorted(closing, stops)
    following = np.full(len(stops), beyond)
    known = place < len(closing)
    following[known] = closing[place[known]]
    ends, first = np.unique(following, return_index=True)
    return stops[first], ends


def _totals(times: Ints, waits: Periods, stops: Periods) -> Totals | None:
    if not len(times) or times[0] == times[-1]:
        return None
    low, high = int(times[0]), int(times[-1])
    stop_parts = intervals.clip(*stops.closed(), low, high)
    wait_parts = intervals.clip(waits.start, waits.end, low, high)
    stopped = intervals.length(*stop_parts)
    both = intervals.length(*(np.concatenate(pair) for pair in zip(stop_parts, wait_parts, strict=True)))
    return Totals(high - low, both - stopped, stopped)
