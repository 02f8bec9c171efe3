"""Groups of documents with their figures, as the routes tell them.

What belongs here: what several figures have in common. What does not: any figure by itself.
"""

from datetime import datetime
from typing import Any

from logplatform.stores.log_index import LogIndex
from logplatform.stores.log_query import COUNT, Aggregation, Filters, Measure
from logplatform.stores.log_schema import iso

TOP = 10
MANY = 1_000
SHARES = (("p50", 0.5), ("p90", 0.9), ("p95", 0.95), ("p99", 0.99))

Row = dict[str, Any]


def one(index: LogIndex, filters: Filters, *measures: Measure) -> Row:
    """Figures of all documents together."""
    return index.aggregate(Aggregation(measures=measures or (COUNT,), filters=filters))[0]


def count(index: LogIndex, filters: Filters) -> int:
    """How many documents."""
    return int(one(index, filters)["count"])


def top(index: LogIndex, filters: Filters, by: str, *measures: Measure, limit: int = TOP) -> list[Row]:
    """The groups of a field with most documents, each with its count and these figures."""
    return index.aggregate(Aggregation((by,), (COUNT, *measures), filters, order="count", limit=limit))


def over_time(index: LogIndex, filters: Filters, interval: str, *measures: Measure, limit: int = MANY) -> list[Row]:
    """The last `limit` intervals that hold documents, oldest first; `at` is an interval's beginning (UTC)."""
    asked = Aggregation((interval,), (COUNT, *measures), filters, order=interval, limit=limit)
    rows = index.aggregate(asked)[::-1]
    return [{"at": moment(row[interval]), **{name: row[name] for name in row if name != interval}} for row in rows]


def spread(field: str) -> tuple[Measure, ...]:
    """Average, percentiles and maximum of a field."""
    percentiles = (Measure(name, "percentile", field, share) for name, share in SHARES)
    return (Measure("average", "avg", field), *percentiles, Measure("maximum", "max", field))


def moment(at: datetime | None) -> str | None:
    """A time as the routes tell it."""
    return None if at is None else iso(at)


def share(part: int, whole: int) -> float | None:
    """A part of a whole, 0 to 1; None of nothing."""
    return part / whole if whole else None
