"""Completing what somebody types: values of the index's fields that begin so.

What belongs here: which fields are offered, and in which order. What does not: counting (`stores.log_index`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from logplatform.stores.log_index import LogIndex
from logplatform.stores.log_query import COUNT, Aggregation, Filters

FIELDS = ("service", "endpoint", "action", "product_id", "log_type", "level", "user_id")


@dataclass(frozen=True, slots=True)
class Completion:
    """A value of `field`, and how many documents have it."""

    text: str
    field: str
    count: int


def completions(
    index: LogIndex, beginning: str, fields: Sequence[str] | None = None, limit: int = 10
) -> list[Completion]:
    """At most `limit` values of `fields` (left out: FIELDS) that begin so, in any case; the most frequent first."""
    begin = beginning.strip()
    if not begin:
        return []
    found: list[Completion] = []
    for name in FIELDS if fields is None else fields:
        asked = Aggregation((name,), (COUNT,), Filters(prefixes=((name, begin),)), order="count", limit=limit)
        found += [Completion(row[name], name, row["count"]) for row in index.aggregate(asked)]
    return sorted(found, key=lambda one: (-one.count, one.text, one.field))[:limit]
