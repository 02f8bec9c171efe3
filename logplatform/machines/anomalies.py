"""What is odd about a session, with the reason in words.

What belongs here: faults that a session's figures can live with, and its rate against the centre's own history.
What does not: refused lines (dead letters) and how anomalies are stored.
"""

import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Literal

import numpy as np

from logplatform.machines import intervals
from logplatform.machines.day import DayEvents
from logplatform.machines.parse import WAIT, Ints
from logplatform.machines.session import OPEN, Session
from logplatform.machines.timestamps import as_datetime

Kind = Literal[
    "open_stop",
    "gap_without_event",
    "unreadable_wait",
    "clock_going_back",
    "duplicate_piece_numbers",
    "job_without_reference",
    "rate_out_of_line",
]

# Iglewicz and Hoaglin, "How to Detect and Handle Outliers" (1993), modified z-scores: 0.6745 makes the median
# absolute deviation of normal data its standard deviation, 1.253314 does it for the mean absolute deviation.
_BY_MEDIAN = 0.6745
_BY_MEAN = 1.253314


@dataclass(frozen=True, slots=True)
class Anomaly:
    """One odd thing: when (plant-local milliseconds, None where it has no moment) and why, in words."""

    kind: Kind
    at: int | None
    detail: str


@dataclass(frozen=True, slots=True)
class AnomalyRules:
    """What counts as odd.

    `gap_ms`: longest time inside the window without event, wait or stop. `threshold`: modified z-score past which
    a rate is out of line, judged only against `min_sessions` past ones or more. `most_per_kind`: how many of one
    kind a session lists; one more says how many there are.
    """

    gap_ms: int = 1_800_000
    threshold: float = 3.5
    min_sessions: int = 8
    most_per_kind: int = 100


def find_anomalies(events: DayEvents, session: Session, rules: AnomalyRules) -> list[Anomaly]:
    """The anomalies of one session by itself, in the order of `Kind`."""
    found: list[Anomaly] = []
    for kind, every in (
        ("open_stop", _open_stops(session)),
        ("gap_without_event", _gaps(events, session, rules.gap_ms)),
        ("unreadable_wait", _unreadable_waits(events, session)),
        ("clock_going_back", _steps_back(events)),
        ("duplicate_piece_numbers", _duplicates(session)),
        ("job_without_reference", _nameless_jobs(session)),
    ):
        found.extend(_bounded(kind, every, rules.most_per_kind))
    return found


def rates_of(session: Session) -> dict[str, float]:
    """The rates that are compared with the centre's history, by name; empty where the window is undefined."""
    totals = session.totals
    if totals is None:
        return {}
    return {
        "pieces an hour": len(session.pieces) * 3_600_000 / totals.duration,
        "taux_occupation": 100 * totals.effective / totals.duration,
        "taux_attente": 100 * totals.wait / totals.duration,
        "taux_arret_volontaire": 100 * totals.stop / totals.duration,
    }


def rate_anomalies(
    rates: Mapping[str, float], history: Sequence[Mapping[str, float]], at: int | None, rules: AnomalyRules
) -> list[Anomaly]:
    """Each rate that is out of line with the same rate of the centre's earlier sessions.

    The score is the modified z-score 0.6745 x (rate - median) / MAD; with a MAD of 0, (rate - median) / (1.253314
    x mean absolute deviation). Where all earlier rates are equal there is no spread to measure by, and no verdict.
    """
    found: list[Anomaly] = []
    for name, rate in rates.items():
        past = [earlier[name] for earlier in history if name in earlier]
        if len(past) < rules.min_sessions:
            continue
        median, score = _modified_score(rate, past)
        if abs(score) > rules.threshold:
            detail = f"{name} {rate:.1f}, median of {len(past)} earlier sessions {median:.1f}"
            found.append(Anomaly("rate_out_of_line", at, f"{detail} (score {score:+.1f}, limit {rules.threshold:g})"))
    return found


def _modified_score(rate: float, past: Sequence[float]) -> tuple[float, float]:
    median = statistics.median(past)
    deviations = [abs(value - median) for value in past]
    by_median, by_mean = statistics.median(deviations), statistics.fmean(deviations)
    if by_median:
        return median, _BY_MEDIAN * (rate - median) / by_median
    return median, (rate - median) / (_BY_MEAN * by_mean) if by_mean else 0.0


def _bounded(kind: Kind, every: Iterable[tuple[int | None, str]], most: int) -> Iterator[Anomaly]:
    rest = iter(every)
    for at, detail in islice(rest, most):
        yield Anomaly(kind, at, detail)
    more = sum(1 for _ in rest)
    if more:
        yield Anomaly(kind, None, f"{more:,} more of this kind")


def _open_stops(session: Session) -> Iterator[tuple[int, str]]:
    stops = session.stops
    for row in np.flatnonzero(stops.unstarted).tolist():
        end = int(stops.end[row])
        if end == OPEN:
            reason = "no MachineStart and no piece follows: the stop stays open and counts nothing"
        else:
            reason = f"no MachineStart follows: the stop ends at the next piece, {_clock(end)}"
        yield int(stops.start[row]), reason


def _gaps(events: DayEvents, session: Session, gap_ms: int) -> Iterator[tuple[int, str]]:
    if session.first_piece is None or session.last_piece is None:
        return
    first, beyond = (
        np.searchsorted(events.time, session.first_piece),
        np.searchsorted(events.time, session.last_piece, side="right"),
    )
    inside = events.time[first:beyond]
    long = np.flatnonzero(np.diff(inside) > gap_ms)
    lows, highs = inside[long], inside[long + 1]
    busy = intervals.merge(*_busy(session))
    for low, high, told in zip(lows, highs, intervals.covered(*busy, lows, highs), strict=True):
        silent = int(high - low - told)
        if silent > gap_ms:
            yield int(low), f"{silent / 60_000:.1f} minutes without event, wait or stop until {_clock(int(high))}"


def _busy(session: Session) -> tuple[Ints, Ints]:
    starts, ends = session.stops.closed()
    return np.concatenate((starts, session.waits.start)), np.concatenate((ends, session.waits.end))


def _unreadable_waits(events: DayEvents, session: Session) -> Iterator[tuple[int, str]]:
    for row in np.setdiff1d(events.rows(WAIT), session.waits.row, assume_unique=True).tolist():
        yield int(events.time[row]), "the length of the wait cannot be read: it counts no time"


def _steps_back(events: DayEvents) -> Iterator[tuple[int, str]]:
    for before, after in events.steps_back.tolist():
        yield int(after), f"the clock went back from {_clock(int(before))} to {_clock(int(after))}"


def _duplicates(session: Session) -> Iterator[tuple[int, str]]:
    known = session.numbers >= 0
    ordered = session.numbers[known]
    ordered.sort()
    repeated, more = np.unique(ordered[1:][ordered[1:] == ordered[:-1]], return_counts=True)
    if not len(repeated):
        return
    rows = np.flatnonzero(known & np.isin(session.numbers, repeated))
    second = _second_of_each(session.numbers[rows], repeated)
    for number, row, count in zip(repeated.tolist(), rows[second].tolist(), more.tolist(), strict=True):
        yield int(session.pieces[row]), f"piece number {number} comes {count + 1} times"


def _second_of_each(numbers: Ints, repeated: Ints) -> Ints:
    """Where each of `repeated` (sorted) comes for the second time in `numbers`, which holds nothing else."""
    order = np.argsort(numbers, kind="stable")
    return order[np.searchsorted(numbers[order], repeated) + 1]


def _nameless_jobs(session: Session) -> Iterator[tuple[int, str]]:
    for job in session.jobs:
        if job.text.reference is None:
            yield job.at, "the job profile names no reference (R:)"


def _clock(milliseconds: int) -> str:
    return as_datetime(milliseconds).isoformat(sep=" ")
