"""What can be asked of the index in a URL: names, bounds, and the questions that come of them.

What belongs here: parameters. What does not: routes, and what a question means (`stores.log_query`).

A parameter without a value (`level=`) counts as left out: forms send them so. One that does not exist is refused.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from logplatform.stores.log_query import MAX_SIZE, MAX_TEXT_CHARS, Filters, Interval, Search, SortOrder

EARLIEST_YEAR, LATEST_YEAR = 1970, 2199
_A_DAY = re.compile(r"\d{4}-?\d\d-?\d\d")
# A + in a URL is a blank, unless it is written %2B; before an offset it can be nothing else.
_LOST_PLUS = re.compile(r" (?=\d\d:?\d\d$)")


def moment_of(text: str) -> datetime:
    """A day or time (ISO 8601) as a time in UTC, which is meant where no offset is named. Raises ValueError."""
    try:
        found = datetime.fromisoformat(_LOST_PLUS.sub("+", text) if "T" in text else text)
    except ValueError as error:
        message = "neither a day (2026-03-01) nor a time (2026-03-01T08:30:00Z)"
        raise ValueError(message) from error
    if not EARLIEST_YEAR <= found.year <= LATEST_YEAR:
        message = f"the year must be {EARLIEST_YEAR} to {LATEST_YEAR}"
        raise ValueError(message)
    return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)


def _checked(text: str) -> str:
    moment_of(text)
    return text


Moment = Annotated[str, AfterValidator(_checked), Field(max_length=40, examples=["2026-03-01", "2026-03-01T08:30:00Z"])]
Name = Annotated[str, Field(max_length=MAX_TEXT_CHARS)]
Amount = Annotated[float, Field(allow_inf_nan=False)]
SortBy = Literal["@timestamp", "amount", "response_time", "fraud_score"]


class PeriodParameters(BaseModel):
    """From when to when; times without an offset are UTC."""

    # A name that is misspelt would be a condition that does not hold.
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    date_from: Moment | None = None
    """From this day or time on."""
    date_to: Moment | None = None
    """Up to this day, included as a whole, or before this time."""

    @model_validator(mode="before")
    @classmethod
    def _without_empty(cls, data: Any) -> Any:  # noqa: ANN401 (pydantic hands over anything)
        return {name: value for name, value in data.items() if value != ""} if isinstance(data, dict) else data

    @property
    def since(self) -> datetime | None:
        """The period's beginning."""
        return None if self.date_from is None else moment_of(self.date_from)

    @property
    def until(self) -> datetime | None:
        """The period's end, not included."""
        if self.date_to is None:
            return None
        return moment_of(self.date_to) + timedelta(days=1 if _A_DAY.fullmatch(self.date_to) else 0)

    def filters(self) -> Filters:
        """The documents of the period; BadQuery if it ends before it begins."""
        return Filters(since=self.since, until=self.until)


class TrendParameters(PeriodParameters):
    """A period, cut into intervals."""

    interval: Interval = "day"
    """Length of the intervals that events are counted in."""


class FraudParameters(PeriodParameters):
    """A period, and what counts as suspicious."""

    threshold: Annotated[int, Field(ge=0, le=100)] | None = None
    """A transaction with this score or more is suspicious; left out: as it is set up."""
    limit: Annotated[int, Field(ge=1, le=1_000)] = 100
    """At most so many are listed."""


class FilterParameters(PeriodParameters):
    """Which documents: all conditions hold together."""

    q: Name | None = None
    """Any of these words, "…" holds words together: in message (counts thrice), error_message (twice), endpoint,
    service, action and product_id."""
    log_type: Name | None = None
    """Only this kind of event."""
    level: Name | None = None
    """Only this level."""
    service: Name | None = None
    """Only this service."""
    user_id: Name | None = None
    """Only this user."""
    min_amount: Amount | None = None
    """From this amount on."""
    max_amount: Amount | None = None
    """Up to this amount."""

    @property
    def text(self) -> str:
        """What is looked for."""
        return self.q or ""

    def filters(self) -> Filters:
        """The conditions but the text; BadQuery for those that exclude each other."""
        # As the index keeps them.
        given = {
            "log_type": self.log_type and self.log_type.lower(),
            "level": self.level and self.level.upper(),
            "service": self.service,
            "user_id": self.user_id,
        }
        terms = tuple((name, (value,)) for name, value in given.items() if value)
        ranges = (("amount", self.min_amount, self.max_amount),)
        bounded = self.min_amount is not None or self.max_amount is not None
        return Filters(terms, ranges if bounded else (), since=self.since, until=self.until)


class SearchParameters(FilterParameters):
    """A page of the documents that are found."""

    page: Annotated[int, Field(ge=1)] = 1
    """Which page, from 1; the first 10,000 documents can be paged through."""
    size: Annotated[int, Field(ge=1, le=MAX_SIZE)] = 20
    """Documents on a page."""
    sort_field: SortBy | None = None
    """Left out: by relevance where there is a text, else by time."""
    sort_order: SortOrder = "desc"
    """desc: the largest, newest or best first."""

    def search(self) -> Search:
        """The question; BadQuery for one that cannot be asked."""
        return Search(self.text, self.filters(), self.page, self.size, self.sort_field, self.sort_order)

    def told(self) -> dict[str, Any]:
        """What was asked, without what was left out and without the page."""
        return self.model_dump(exclude_unset=True, exclude_none=True, exclude={"page"})


class ExportParameters(FilterParameters):
    """All documents that are found."""

    format: Literal["csv", "json"] = "csv"
    """csv: a row a document, fields without a column of their own as JSON in the last; json: an array."""


class CompletionParameters(BaseModel):
    """The beginning of a word."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    q: Annotated[str, Field(max_length=200)] = ""
    """What was typed so far."""
    field: Literal["service", "endpoint", "action", "product_id", "log_type", "level", "user_id"] | None = None
    """Only values of this field; left out: of all of them."""
    limit: Annotated[int, Field(ge=1, le=50)] = 10
    """At most so many."""
