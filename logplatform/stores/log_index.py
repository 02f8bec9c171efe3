"""The log index: the Protocol `LogIndex`.

What belongs here: replacing, finding and counting documents, as every implementation does it. What does not: the
implementations (`parquet_index`, `elasticsearch_index`) and their choice (`log_places`), what a question means
(`log_query`), the document (`log_schema`), and which documents there should be (the domain).

Documents belong to an origin (one upload). Replacing an origin's documents is idempotent, and becomes visible as a
whole in the transaction of the caller; readers are never blocked, and each answer is of one moment.
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol, Self

import pyarrow as pa
import sqlalchemy as sa

from logplatform.stores.log_query import Aggregation, Alike, Filters, Page, Search
from logplatform.stores.log_upkeep import Forget, Refuse, Swept, refused_for_good
from logplatform.stores.sql import Database

Row = dict[str, Any]


class Replacement(Protocol):
    """Documents on their way into the index."""

    def write(self, day: str, origin: str, batch: pa.RecordBatch) -> None:
        """Add documents of `origin` whose event day (UTC, `YYYY-MM-DD`) is `day`; `origin` may be left out of them."""
        ...

    def ready(self) -> int:
        """Make what was written durable, though not visible yet; how many documents they are."""
        ...

    def commit(self, connection: sa.Connection) -> frozenset[str]:
        """Make them the only documents of their origins, with the caller's transaction; after `ready`.

        Returns the event days that are changed by it.

        Raises Conflict if somebody else has replaced the same origins meanwhile.
        """
        ...


class LogIndex(Protocol):
    """Documents that can be searched and counted."""

    @property
    def database(self) -> Database:
        """Whose transactions make documents visible."""
        ...

    def within(self, seconds: float) -> Self:
        """The same index for questions that may take so long from now on, all of them together."""
        ...

    def replacing(
        self, origins: Collection[str], refuse: Refuse = refused_for_good
    ) -> AbstractContextManager[Replacement]:
        """Begin to replace all documents of these origins; without a commit nothing has happened.

        `refuse` is told, until `ready` has ended, of single documents that cannot be taken; the others go on.
        """
        ...

    def search(self, search: Search) -> Page:
        """A page of documents."""
        ...

    def aggregate(self, aggregation: Aggregation) -> list[Row]:
        """Figures of groups of documents; without groups one row. Intervals come as aware datetimes (UTC)."""
        ...

    def export(self, text: str, filters: Filters) -> Iterator[Row]:
        """All documents that are found, as a stream, days in order."""
        ...

    def stream(
        self, columns: Sequence[str], filters: Filters, order: Sequence[str], alike: Alike | None = None
    ) -> Iterator[tuple[Any, ...]]:
        """Some columns of all documents, sorted by `order` (ascending, nulls last); times in microseconds (UTC).

        `alike` is looked for among the documents of the same days as `filters` leave.
        """
        ...

    def days(self, origins: Collection[str]) -> set[str]:
        """The event days on which these origins have documents."""
        ...

    def expire(self, before: str, forget: Forget) -> int:
        """Remove the event days before `before` (`YYYY-MM-DD`); how many files or indices that took.

        What somebody is changing at this moment is left for the next time.
        """
        ...

    def sweep(self, merge_from: int) -> Swept:
        """Keep it small and quick: merge days of `merge_from` files or more, remove what nobody reads any more."""
        ...

    def rows(self) -> int:
        """How many documents there are, counted where they lie, by no ledger."""
        ...

    def state(self) -> object:
        """Differs from what it was if a commit, or the end of a day, has changed the documents since."""
        ...
