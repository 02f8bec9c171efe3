"""Groups and figures from Elasticsearch, exact as those of the embedded index.

What belongs here: counting. What does not: percentiles (`elasticsearch_percentiles`), and what a figure means.

Elasticsearch's own ways to the largest groups, to different values and to percentiles are estimates. So all groups are
gone through, page by page in order, and only the best are kept; different values are counted as groups of their own.
"""

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import groupby
from typing import Any, TypeVar

from logplatform.stores.elasticsearch_asking import Moment
from logplatform.stores.elasticsearch_percentiles import Wanted, percentiles
from logplatform.stores.elasticsearch_query import Query
from logplatform.stores.elasticsearch_template import WHEN, field_of
from logplatform.stores.log_query import INTERVALS, WORDS, Aggregation, Interval, Measure
from logplatform.stores.log_schema import FLAGS, INTEGERS

PAGE = 10_000
_SECONDS: dict[Interval, int] = {"minute": 60, "hour": 3_600, "day": 86_400}
_PLAIN = frozenset({"sum", "avg", "min", "max"})

Key = tuple[Any, ...]
Row = dict[str, Any]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Figures:
    """An aggregation over what is found by `conditions` at a moment."""

    moment: Moment
    asked: Aggregation
    conditions: Sequence[Query] = ()

    def rows(self) -> list[Row]:
        """The groups, in order, as many as were asked for."""
        late = [one for one in self.asked.measures if one.kind == "percentile"]
        if self.asked.order in {one.name for one in late}:
            rows = self._with_percentiles(list(self._groups()), late)
            return [self._told(row) for row in self._best(rows)]
        rows = self._with_percentiles(self._best(self._groups()), late)
        return [self._told(row) for row in rows]

    def keys(self) -> Iterator[Key]:
        """The keys of all groups, in their order."""
        return (key for key, _ in self._buckets())

    def _groups(self) -> Iterator[Row]:
        """All groups with all but their percentiles, in order of their keys; a row holds its key as `by`."""
        streams = [self._different(one) for one in self.asked.measures if one.kind == "distinct"]
        distinct = [(name, _Ahead(stream)) for name, stream in streams]
        for key, bucket in self._buckets():
            row: Row = {"by": key, "count": bucket["doc_count"]}
            for measure in self.asked.measures:
                if measure.kind == "count":
                    row[measure.name] = bucket["doc_count"]
                elif measure.kind in _PLAIN:
                    row[measure.name] = _value(measure, bucket.get(measure.name) or {})
                elif measure.kind == "percentile":
                    row[f"{measure.name} values"] = (bucket.get(measure.name) or {}).get("value", 0)
            for name, ahead in distinct:
                row[name] = ahead.of(key)
            yield row

    def _buckets(self) -> Iterator[tuple[Key, Mapping[str, Any]]]:
        measures = {one.name: found for one in self.asked.measures if (found := _aggregation(one))}
        if self.asked.by:
            yield from self._composite(self.asked.by, measures, ())
            return
        body = {"size": 0, "track_total_hits": True, "query": self._query(), "aggs": measures}
        answer = self.moment.ask(body)
        yield (), {"doc_count": answer["hits"]["total"]["value"], **answer.get("aggregations", {})}

    def _composite(
        self, names: Sequence[str], measures: Mapping[str, Query], more: Sequence[Query]
    ) -> Iterator[tuple[Key, Mapping[str, Any]]]:
        """All groups of some columns, in order of their keys; documents whose column is null are in none."""
        sources = [{str(number): _source(name)} for number, name in enumerate(names)]
        after: Mapping[str, Any] | None = None
        while True:
            composite: Row = {"size": PAGE, "sources": sources} | ({"after": after} if after is not None else {})
            body = {"size": 0, "track_total_hits": False, "query": self._query(*more)}
            groups = {"groups": {"composite": composite, "aggs": measures}}
            found = self.moment.ask({**body, "aggs": groups}).get("aggregations", {}).get("groups", {"buckets": []})
            for bucket in found["buckets"]:
                yield tuple(bucket["key"][str(number)] for number, _ in enumerate(names)), bucket
            after = found.get("after_key")
            if after is None or len(found["buckets"]) < PAGE:
                return

    def _different(self, measure: Measure) -> tuple[str, Iterator[tuple[Key, int]]]:
        """How many different values each group has, in order of the groups; groups of none are missing."""
        names = (*self.asked.by, measure.field or "")
        keys = (key[:-1] for key, _ in self._composite(names, {}, ()))
        return measure.name, ((key, sum(1 for _ in same)) for key, same in groupby(keys))

    def _with_percentiles(self, rows: list[Row], measures: Sequence[Measure]) -> list[Row]:
        wanted = [
            Wanted(self._group(row["by"]), field_of(one.field or ""), one.share or 0.0, row.pop(f"{one.name} values"))
            for row in rows
            for one in measures
        ]
        values = iter(percentiles(self.moment, wanted))
        return [{**row, **{one.name: next(values) for one in measures}} for row in rows]

    def _group(self, key: Key) -> Query:
        """The documents of a group."""
        found: list[Query] = []
        for name, value in zip(self.asked.by, key, strict=True):
            if name in INTERVALS:
                begin = value * 1_000
                found.append({"range": {WHEN: {"gte": begin, "lt": begin + _SECONDS[name] * 1_000_000}}})
            else:
                found.append({"term": {field_of(name): value}})
        return self._query(*found)

    def _query(self, *more: Query) -> Query:
        return self.moment.query(self.asked.filters, *self.conditions, *more)

    def _best(self, rows: Iterable[Row]) -> list[Row]:
        """As many groups as were asked for, in their order; never more are held."""
        order, by = self.asked.order, self.asked.by
        measured = order is not None and order not in by
        place = None if measured or order is None else by.index(order)
        groups = ((_rank(row, order, place, descending=self.asked.descending), row) for row in rows)
        found = heapq.nsmallest(self.asked.limit, groups, key=lambda pair: pair[0])
        return [row for _, row in found]

    def _told(self, row: Row) -> Row:
        told: Row = {name: _shown(name, value) for name, value in zip(self.asked.by, row["by"], strict=True)}
        return told | {one.name: row[one.name] for one in self.asked.measures}


class _Ahead:
    """A stream of figures in order of groups, of which some are missing, read as the groups come."""

    def __init__(self, stream: Iterator[tuple[Key, int]]) -> None:
        self._stream = stream
        self._next = next(stream, None)

    def of(self, key: Key) -> int:
        """The figure of the next group; 0 if it is missing."""
        if self._next is None or self._next[0] != key:
            return 0
        figure = self._next[1]
        self._next = next(self._stream, None)
        return figure


class _Falling:
    """A value that sorts the other way round."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:  # noqa: ANN401 (whatever can be compared)
        self.value = value

    def __lt__(self, other: "_Falling") -> bool:
        return bool(other.value < self.value)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Falling) and bool(other.value == self.value)

    __hash__ = None  # type: ignore[assignment]


def _rank(row: Row, order: str | None, place: int | None, *, descending: bool) -> Key:
    """What a group is sorted by: its figure, nulls last; then its names."""
    key: Key = row["by"]
    if order is None:
        return key
    value = row[order] if place is None else key[place]
    rest = key if place is None else (*key[:place], *key[place + 1 :])
    if value is None:
        return (1, 0, *rest)
    return (0, _Falling(value) if descending else value, *rest)


def _source(name: str) -> Query:
    if name in INTERVALS:
        return {"date_histogram": {"field": "@timestamp", "fixed_interval": f"{_SECONDS[name]}s"}}
    return {"terms": {"field": field_of(name)}}


def _aggregation(measure: Measure) -> Query | None:
    field = field_of(measure.field or "")
    if measure.kind == "percentile":
        return {"value_count": {"field": field}}
    if measure.kind not in _PLAIN:
        return None
    if measure.field in WORDS:
        return {"terms": {"field": field, "size": 1, "order": {"_key": "asc" if measure.kind == "min" else "desc"}}}
    return {measure.kind: {"field": field}} if measure.kind != "sum" else {"stats": {"field": field}}


def _value(measure: Measure, found: Mapping[str, Any]) -> Any:  # noqa: ANN401 (a number, a text or a time)
    if measure.field in WORDS:
        buckets = found.get("buckets") or []
        return buckets[0]["key"] if buckets else None
    # A sum of nothing is 0 to Elasticsearch, and unknown to us.
    value = found.get("value") if measure.kind != "sum" else found.get("sum") if found.get("count") else None
    if value is None or measure.kind == "avg":
        return value
    if measure.field == "timestamp":
        return datetime.fromtimestamp(value / 1_000_000, UTC)
    if measure.field in FLAGS and measure.kind != "sum":
        return bool(value)
    return int(value) if measure.field in INTEGERS else value


def _shown(name: str, value: Any) -> Any:  # noqa: ANN401 (whatever a column holds)
    if name in INTERVALS:
        return datetime.fromtimestamp(value / 1_000, UTC)
    return datetime.fromtimestamp(value / 1_000_000, UTC) if name == "timestamp" else value
