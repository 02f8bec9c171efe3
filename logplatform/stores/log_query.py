"""Questions to the log index, as every implementation of it understands them.

What belongs here: filters, searches and aggregations as plain values, checked when they are made. What does not:
answering them (`log_index`), and what a figure means (the domain that asks).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args

from logplatform.stores.log_schema import DOCUMENTS, FLOATS, GEO_FLOATS, GEO_TEXTS, INTEGERS, PROVENANCE_TEXTS, TEXTS

SortField = Literal["_score", "@timestamp", "amount", "response_time", "fraud_score"]
SortOrder = Literal["asc", "desc"]
Interval = Literal["minute", "hour", "day"]
Kind = Literal["count", "sum", "avg", "min", "max", "distinct", "percentile"]

TEXT_BOOSTS = {"message": 3.0, "error_message": 2.0, "endpoint": 1.0, "service": 1.0, "action": 1.0, "product_id": 1.0}
"""The fields that a text is looked for in, and how much a hit in each counts."""

NUMBERS = frozenset((*FLOATS, *INTEGERS, *GEO_FLOATS))
WORDS = frozenset((*TEXTS, *GEO_TEXTS, *PROVENANCE_TEXTS))
INTERVALS: tuple[Interval, ...] = ("minute", "hour", "day")

MAX_SIZE = 1_000
# Beyond this an index that is spread over servers must gather too much; whoever wants all takes the export.
MAX_WINDOW = 10_000
MAX_TEXT_CHARS = 1_000


class BadQuery(ValueError):
    """A question that cannot be asked; the message names the parameter and the reason, fit for a client."""


@dataclass(frozen=True, slots=True)
class Filters:
    """Which documents: all conditions hold together.

    `terms`: field -> one of these texts, exactly. `ranges`: number field -> from, to (both included, None is open).
    `present`: fields that are not null. `prefixes`: field -> beginning of its text, in any case. `since` is included,
    `until` is not.
    """

    terms: tuple[tuple[str, tuple[str, ...]], ...] = ()
    ranges: tuple[tuple[str, float | None, float | None], ...] = ()
    present: tuple[str, ...] = ()
    prefixes: tuple[tuple[str, str], ...] = ()
    since: datetime | None = None
    until: datetime | None = None

    def __post_init__(self) -> None:
        for name in (*(name for name, _ in self.terms), *(name for name, _ in self.prefixes)):
            if name not in WORDS:
                raise BadQuery(f"{name}: no text field of the index")
        for name, lowest, highest in self.ranges:
            if name not in NUMBERS:
                raise BadQuery(f"{name}: no number field of the index")
            if lowest is not None and highest is not None and lowest > highest:
                raise BadQuery(f"{name}: the lowest ({lowest:g}) is above the highest ({highest:g})")
        for name in self.present:
            known(name)
        if any(moment is not None and moment.tzinfo is None for moment in (self.since, self.until)):
            raise BadQuery("date: a time needs an offset")
        if self.since is not None and self.until is not None and self.since > self.until:
            raise BadQuery("date_from: is after date_to")

    def term(self, name: str, *values: str) -> "Filters":
        """The same filters, and one more: `name` is one of `values`."""
        return Filters((*self.terms, (name, values)), self.ranges, self.present, self.prefixes, self.since, self.until)

    def at_least(self, name: str, lowest: float) -> "Filters":
        """The same filters, and one more: the number `name` is `lowest` or more."""
        ranges = (*self.ranges, (name, lowest, None))
        return Filters(self.terms, ranges, self.present, self.prefixes, self.since, self.until)

    def having(self, *names: str) -> "Filters":
        """The same filters, and one more: these fields are not null."""
        present = (*self.present, *names)
        return Filters(self.terms, self.ranges, present, self.prefixes, self.since, self.until)


ALL = Filters()


@dataclass(frozen=True, slots=True)
class Alike:
    """Only documents whose `field` has a value that it also has in a document of `filters`."""

    field: str
    filters: Filters


@dataclass(frozen=True, slots=True)
class Search:
    """A page of documents: `text` is looked for in TEXT_BOOSTS, any of its words suffices, `"…"` holds words together.

    `page` counts from 1. `sort_field` None: by relevance where there is a text, else the newest first.
    """

    text: str = ""
    filters: Filters = ALL
    page: int = 1
    size: int = 20
    sort_field: SortField | None = None
    sort_order: SortOrder = "desc"

    def __post_init__(self) -> None:
        if self.page < 1:
            raise BadQuery("page: counts from 1")
        if not 1 <= self.size <= MAX_SIZE:
            raise BadQuery(f"size: from 1 to {MAX_SIZE}")
        if self.page * self.size > MAX_WINDOW:
            raise BadQuery(f"page: only the first {MAX_WINDOW} hits can be paged through; the export has them all")
        check_text(self.text)
        if self.sort_field is not None and self.sort_field not in get_args(SortField):
            raise BadQuery(f"sort_field: one of {', '.join(get_args(SortField))}")
        if self.sort_order not in get_args(SortOrder):
            raise BadQuery("sort_order: asc or desc")

    @property
    def order(self) -> tuple[SortField, SortOrder]:
        """What is sorted by."""
        return self.sort_field or ("_score" if self.text.strip() else "@timestamp"), self.sort_order


@dataclass(frozen=True, slots=True)
class Hit:
    """A document that was found; `score` is 0 without a text; `highlights`: field -> its text around the hits, as
    HTML in which only `<em>` is markup."""

    id: str
    document: dict[str, Any]
    score: float
    highlights: dict[str, list[str]]


@dataclass(frozen=True, slots=True)
class Page:
    """A page of a search; `total` counts all hits."""

    total: int
    page: int
    size: int
    hits: list[Hit]


@dataclass(frozen=True, slots=True)
class Measure:
    """A figure of a group of documents; `field` is not needed for count.

    Nulls count nowhere but in count; sum, avg, min, max and percentile of no value are None. `share` is the
    percentile asked for, 0 to 1, exact, interpolated linearly between neighbours.
    """

    name: str
    kind: Kind
    field: str | None = None
    share: float | None = None

    def __post_init__(self) -> None:
        if not self.name.isidentifier():
            raise BadQuery(f"{self.name}: no name of a measure")
        if self.kind != "count":
            known(self.field or "")
        if (self.kind == "percentile") != (self.share is not None):
            raise BadQuery(f"{self.name}: a share belongs to a percentile, and to nothing else")


COUNT = Measure("count", "count")


@dataclass(frozen=True, slots=True)
class Aggregation:
    """Figures of groups. `by`: fields, or an interval of time (its beginning, UTC); documents whose field is null are
    in no group. Groups come by `order` (a measure or a name in `by`), `limit` of them. With a `text`, only of
    documents that a search for it finds.
    """

    by: tuple[str, ...] = ()
    measures: tuple[Measure, ...] = (COUNT,)
    filters: Filters = ALL
    order: str | None = None
    descending: bool = True
    limit: int = 1_000
    text: str = ""

    def __post_init__(self) -> None:
        check_text(self.text)
        for name in self.by:
            if name not in INTERVALS:
                known(name)
        names = [*self.by, *(measure.name for measure in self.measures)]
        if len(set(names)) != len(names):
            raise BadQuery("two columns of an aggregation have the same name")
        if self.order is not None and self.order not in names:
            raise BadQuery(f"{self.order}: is not in the aggregation")


def check_text(text: str) -> None:
    """Raise BadQuery for a text that is too long to look for."""
    if len(text) > MAX_TEXT_CHARS:
        raise BadQuery(f"q: longer than {MAX_TEXT_CHARS} characters")


def known(name: str) -> None:
    """Raise BadQuery for a name that is no field of the index."""
    if name not in DOCUMENTS.names:
        raise BadQuery(f"{name}: no field of the index")
