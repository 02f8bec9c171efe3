"""Exact percentiles from Elasticsearch, whose own are estimates.

What belongs here: finding the values at given ranks. What does not: other figures (`elasticsearch_figures`).

An estimate tells between which two values the one that is looked for must lie. How many there are below, and which
there are between, is counted; if they are too many, or it was not among them, the next estimate is made of what is
left. Each round asks for many groups at once, and leaves a small part of their values; two or three suffice for
millions.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from logplatform.failures import TransientFailure
from logplatform.stores.elasticsearch_asking import Moment
from logplatform.stores.elasticsearch_query import Query

DIFFERENT = 500
"""So many different values are read at once."""
_AT_ONCE = 60
"""Questions of one request: all their values together are below the 65,536 groups that a server makes."""
_ROUNDS = 60
_COMPRESSION = 1_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """The percentile `share` (0 to 1) of a field over the documents of `query`, of which `values` have it."""

    query: Query
    field: str
    share: float
    values: int

    @property
    def place(self) -> float:
        """Where it lies among the sorted values, counted from 0; between two of them if it is no whole number."""
        return self.share * (self.values - 1)


@dataclass(slots=True)
class _Hunt:
    """The value at `rank` (from 0) of `wanted`: it lies from `low` to `high` (None: open), with `below` smaller than
    `low`, and `inside` between, both included."""

    wanted: Wanted
    rank: int
    low: float | None = None
    high: float | None = None
    below: int = 0
    inside: int = 0
    value: float | None = None
    wide: float = 1.0
    guess: tuple[float, float] | None = field(default=None)

    def conditions(self, low: float | None, high: float | None) -> Query:
        bounds = {key: value for key, value in (("gte", low), ("lte", high)) if value is not None}
        limited = [{"range": {self.wanted.field: bounds}}] if bounds else [{"exists": {"field": self.wanted.field}}]
        return {"bool": {"filter": [self.wanted.query, *limited]}}


def percentiles(moment: Moment, wanted: Sequence[Wanted]) -> list[float | None]:
    """The percentiles, interpolated linearly between neighbours; None of no value."""
    hunts: list[list[_Hunt]] = []
    for one in wanted:
        ranks = sorted({math.floor(one.place), math.ceil(one.place)}) if one.values else []
        hunts.append([_Hunt(one, rank, inside=one.values) for rank in ranks])
    open_hunts = [hunt for some in hunts for hunt in some]
    for _ in range(_ROUNDS):
        if not open_hunts:
            return [_between(one, some) for one, some in zip(wanted, hunts, strict=True)]
        for some in _chunks(open_hunts):
            _guess(moment, some)
            _count(moment, some)
        open_hunts = [hunt for hunt in open_hunts if hunt.value is None]
    raise TransientFailure("a percentile could not be found; ask again")


def _between(wanted: Wanted, hunts: Sequence[_Hunt]) -> float | None:
    if not hunts:
        return None
    low, high = float(hunts[0].value or 0.0), float(hunts[-1].value or 0.0)
    return low + (high - low) * (wanted.place - math.floor(wanted.place))


def _chunks(hunts: Sequence[_Hunt]) -> Iterator[Sequence[_Hunt]]:
    for begin in range(0, len(hunts), _AT_ONCE):
        yield hunts[begin : begin + _AT_ONCE]


def _guess(moment: Moment, hunts: Sequence[_Hunt]) -> None:
    """Estimate between which values each rank lies, where there are too many to read them all."""
    many = [hunt for hunt in hunts if hunt.inside > DIFFERENT]
    for hunt in hunts:
        hunt.guess = None
    if not many:
        return
    asked = {str(number): _estimate(hunt) for number, hunt in enumerate(many)}
    found = _figures(moment, asked)
    for number, hunt in enumerate(many):
        values = list(found[str(number)]["estimate"]["values"].values())
        low, high = sorted(value for value in (values[0], values[-1]) if value is not None)
        hunt.guess = (low, high)


def _estimate(hunt: _Hunt) -> Query:
    # So far off the rank that the value lies between, most times; farther off if it did not.
    off = 100 * hunt.wide * max(DIFFERENT / 4, hunt.inside / _COMPRESSION) / hunt.inside
    share = 100 * (hunt.rank - hunt.below) / max(1, hunt.inside - 1)
    percents = [max(0.0, share - off), min(100.0, share + off)]
    estimate: Query = {"field": hunt.wanted.field, "percents": percents, "tdigest": {"compression": _COMPRESSION}}
    return {
        "filter": hunt.conditions(hunt.low, hunt.high),
        "aggs": {"estimate": {"percentiles": {**estimate, "keyed": True}}},
    }


def _count(moment: Moment, hunts: Sequence[_Hunt]) -> None:
    """Count what lies below each guess and read what lies within; narrow down, or find the value."""
    asked: dict[str, Query] = {}
    for number, hunt in enumerate(hunts):
        low, high = hunt.guess or (hunt.low, hunt.high)
        values = {"terms": {"field": hunt.wanted.field, "size": DIFFERENT, "order": {"_key": "asc"}}}
        asked[f"in {number}"] = {"filter": hunt.conditions(low, high), "aggs": {"values": values}}
        if hunt.guess is not None:
            less = {"range": {hunt.wanted.field: {"lt": low}}}
            asked[f"below {number}"] = {"filter": {"bool": {"filter": [hunt.conditions(hunt.low, None), less]}}}
    found = _figures(moment, asked)
    for number, hunt in enumerate(hunts):
        less = found[f"below {number}"]["doc_count"] if hunt.guess is not None else 0
        _narrow(hunt, hunt.below + less, found[f"in {number}"])


def _narrow(hunt: _Hunt, below: int, found: dict[str, Any]) -> None:
    inside = int(found["doc_count"])
    if not below <= hunt.rank < below + inside:
        hunt.wide *= 8
        return
    left = hunt.rank - below
    for bucket in found["values"]["buckets"]:
        if left < bucket["doc_count"]:
            hunt.value = bucket["key"]
            return
        left -= bucket["doc_count"]
    if hunt.guess is not None and inside < hunt.inside:
        (hunt.low, hunt.high), hunt.below, hunt.inside, hunt.wide = hunt.guess, below, inside, 1.0
    else:
        hunt.wide /= 2


def _figures(moment: Moment, asked: dict[str, Query]) -> dict[str, Any]:
    # What a filter leaves is the same for all of them only at their root, so each has its own.
    body = {"size": 0, "track_total_hits": False, "aggs": asked}
    return dict(moment.ask(body)["aggregations"])
