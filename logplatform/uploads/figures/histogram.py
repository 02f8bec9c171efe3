"""How the documents that a search finds lie in time: bars of equal length, empty ones among them.

What belongs here: choosing the length, and counting. What does not: drawing.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from logplatform.stores.log_index import LogIndex
from logplatform.stores.log_query import COUNT, Aggregation, Filters, Interval

MAX_BARS = 96
_LENGTHS: dict[Interval, int] = {"day": 86_400, "hour": 3_600, "minute": 60}
# Beyond so many intervals there is no room to draw shorter ones.
_SHORTER: tuple[tuple[Interval, int], ...] = (("hour", 4), ("minute", 2))
_MANY = 100_000


@dataclass(frozen=True, slots=True)
class Bar:
    """Documents from `begin` on and before `end` (UTC)."""

    begin: datetime
    end: datetime
    count: int


def histogram(index: LogIndex, text: str, filters: Filters) -> list[Bar]:
    """At most MAX_BARS bars from the first document to the last; none if nothing is found."""
    interval: Interval = "day"
    counts = _counts(index, text, filters, interval)
    for shorter, at_most in _SHORTER:
        if not counts or _span(counts, interval) > at_most:
            break
        interval, counts = shorter, _counts(index, text, filters, shorter)
    return bars(counts, _LENGTHS[interval])


def bars(counts: dict[datetime, int], seconds: int) -> list[Bar]:
    """Counts of intervals of so many seconds, put together to bars of as many of them as it takes."""
    if not counts:
        return []
    first, last = (round(moment.timestamp()) // seconds for moment in (min(counts), max(counts)))
    together = -(-(last - first + 1) // MAX_BARS)
    found = [0] * -(-(last - first + 1) // together)
    for moment, count in counts.items():
        found[(round(moment.timestamp()) // seconds - first) // together] += count
    length = timedelta(seconds=seconds * together)
    begin = datetime.fromtimestamp(first * seconds, UTC)
    return [Bar(begin + number * length, begin + (number + 1) * length, count) for number, count in enumerate(found)]


def _counts(index: LogIndex, text: str, filters: Filters, interval: Interval) -> dict[datetime, int]:
    rows = index.aggregate(Aggregation((interval,), (COUNT,), filters, order=interval, limit=_MANY, text=text))
    return {row[interval]: row["count"] for row in rows}


def _span(counts: dict[datetime, int], interval: Interval) -> int:
    return (max(counts) - min(counts)) // timedelta(seconds=_LENGTHS[interval]) + 1
