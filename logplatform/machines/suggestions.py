"""What a session suggests looking into: its largest stop causes, waits per job profile, changeover time.

What belongs here: adding up a session by cause. What does not: a session's own figures (`session`), and faults
(`anomalies`). All durations are milliseconds as logged, unclipped.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from logplatform.machines.session import OPEN, Session

NO_CAUSE: Final = "no cause logged"
NO_JOB: Final = "before the first job profile"


@dataclass(frozen=True, slots=True)
class Share:
    """One cause or job: how often and how many milliseconds in all."""

    name: str
    count: int
    total_ms: int


@dataclass(frozen=True, slots=True)
class Suggestions:
    """The largest of each, largest first.

    `changeovers` counts the job profiles that have a piece before and after them; `changeover_ms` is the time
    between those two pieces, added up.
    """

    stop_causes: tuple[Share, ...]
    waits_by_job: tuple[Share, ...]
    changeovers: int
    changeover_ms: int


def suggest(session: Session, texts: Mapping[int, str], *, most: int = 5) -> Suggestions:
    """The suggestions of a session; `texts` are the day's, by row, where a stop's cause stands."""
    changeovers, total = _changeovers(session)
    return Suggestions(_stop_causes(session, texts, most), _waits_by_job(session, most), changeovers, total)


def _stop_causes(session: Session, texts: Mapping[int, str], most: int) -> tuple[Share, ...]:
    stops = session.stops
    lengths = np.where(stops.end == OPEN, 0, stops.end - stops.start).tolist()
    causes = [texts.get(row, NO_CAUSE) for row in stops.row.tolist()]
    return _largest(causes, lengths, most)


def _waits_by_job(session: Session, most: int) -> tuple[Share, ...]:
    waits = session.waits
    begun = np.searchsorted(np.array([job.at for job in session.jobs], np.int64), waits.start, side="right")
    names = [NO_JOB, *(job.text.reference or "no reference" for job in session.jobs)]
    return _largest([names[at] for at in begun.tolist()], (waits.end - waits.start).tolist(), most)


def _largest(names: list[str], lengths: list[int], most: int) -> tuple[Share, ...]:
    totals: Counter[str] = Counter()
    for name, length in zip(names, lengths, strict=True):
        totals[name] += length
    counts = Counter(names)
    largest = sorted(totals.items(), key=lambda item: (-item[1], item[0]))[:most]
    return tuple(Share(name, counts[name], total) for name, total in largest)


def _changeovers(session: Session) -> tuple[int, int]:
    if not len(session.pieces):
        return 0, 0
    jobs = np.array([job.at for job in session.jobs], np.int64)
    # A job chosen in the second of a piece comes after it in the logs of these machines.
    after = np.searchsorted(session.pieces, jobs, side="right")
    between = np.unique(after[(after > 0) & (after < len(session.pieces))])
    return len(between), int((session.pieces[between] - session.pieces[between - 1]).sum())
