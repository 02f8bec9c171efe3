"""The log index on Elasticsearch 8: one index an event day, beside it the manifest that tells what readers see.

What belongs here: the Protocol `LogIndex`, put together. What does not: its parts (`elasticsearch_*`).

It is imported only where the settings choose it.
"""

import heapq
import time
from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from urllib.parse import quote

from logplatform.settings.stores import IndexStore
from logplatform.stores.elasticsearch_asking import Moment, this_moment
from logplatform.stores.elasticsearch_client import ElasticsearchServer, Gone
from logplatform.stores.elasticsearch_documents import row_of
from logplatform.stores.elasticsearch_figures import PAGE, Figures
from logplatform.stores.elasticsearch_generations import DEAD_AFTER, FORGOTTEN_AFTER, Generations
from logplatform.stores.elasticsearch_query import MOST_TERMS, Query, hits
from logplatform.stores.elasticsearch_search import found_places, search_page
from logplatform.stores.elasticsearch_template import WHEN, day_of, field_of, install, prefix_of
from logplatform.stores.elasticsearch_writing import ElasticsearchReplacement, delete
from logplatform.stores.log_query import Aggregation, Alike, Filters, Page, Search
from logplatform.stores.log_schema import document
from logplatform.stores.log_upkeep import Forget, Refuse, Swept, refused_for_good
from logplatform.stores.sql import Database, chunks

_EXPORT_ROWS = 1_000
_EXPORT_BYTES = 32 << 20
_ROWS_AT_ONCE = 1_000

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ElasticsearchLogIndex:
    """See `LogIndex`. Several processes may write and read, and several threads may use one object."""

    server: ElasticsearchServer
    generations: Generations
    now: Callable[[], datetime]
    deadline: float | None = None
    _made: set[str] = field(default_factory=set)

    @property
    def database(self) -> Database:
        """That of the manifest."""
        return self.generations.database

    def within(self, seconds: float) -> "ElasticsearchLogIndex":
        """The same index for questions that may take so long from now on, all of them together."""
        return replace(self, deadline=time.monotonic() + seconds)

    @contextmanager
    def replacing(
        self, origins: Collection[str], refuse: Refuse = refused_for_good
    ) -> Generator[ElasticsearchReplacement]:
        """Begin generations; at the end those that did not become current are deleted, else those before them."""
        if not self._made:
            install(self.server, self.generations.prefix)
        opened = self.generations.open(frozenset(origins), self.now())
        taken = self.generations.manifest.rows(opened)
        writer = ElasticsearchReplacement(
            self.server, self.generations, self.now, opened, frozenset(taken), refuse, self._made
        )
        try:
            try:
                yield writer
            finally:
                writer.close()
        except BaseException:
            self.generations.give_up(opened.values(), self.now())
            raise
        self.generations.give_up(opened.values(), self.now())
        if taken:
            self._delete_dead(self.now() - DEAD_AFTER)

    def search(self, search: Search) -> Page:
        """A page of documents."""
        with self._moment() as moment:
            return search_page(moment, search)

    def aggregate(self, aggregation: Aggregation) -> list[Row]:
        """Figures of groups."""
        with self._moment() as moment:
            conditions = self._found(moment, aggregation.text, aggregation.filters)
            if conditions is None:
                conditions = [{"match_none": {}}]
            return Figures(moment, aggregation, conditions).rows()

    def export(self, text: str, filters: Filters) -> Iterator[Row]:
        """All documents that are found, by time."""
        with self._moment() as moment:
            conditions = self._found(moment, text, filters)
            if conditions is None:
                return
            query = moment.query(filters, *conditions)
            for hits_of_page in moment.pages({"query": query}, [{WHEN: "asc"}, {"id": "asc"}], _rows(moment, query)):
                for one in hits_of_page:
                    yield document(row_of(one["_source"]))

    def stream(
        self, columns: Sequence[str], filters: Filters, order: Sequence[str], alike: Alike | None = None
    ) -> Iterator[tuple[Any, ...]]:
        """Some columns of all documents, sorted."""
        with self._moment() as moment:
            queries = [moment.query(filters)] if alike is None else list(_alike(moment, filters, alike))
            found = (_streamed(moment, columns, order, query) for query in queries)
            for _, row in heapq.merge(*found, key=lambda pair: pair[0]):
                yield row

    def days(self, origins: Collection[str]) -> set[str]:
        """The event days on which documents of these origins are."""
        return {file.partition for file in self.generations.manifest.holding(origins)}

    def expire(self, before: str, forget: Forget) -> int:
        """Drop the indices of days before `before`; the manifest is told first."""
        rows = self.generations.expired(before)
        for chunk in chunks(rows, _ROWS_AT_ONCE):
            with self.generations.database.write() as connection:
                forget(connection, self.generations.drop(connection, [number for number, _ in chunk]))
        # Those too that a process was killed before it had dropped.
        return sum(self._drop(index) for index in self._indices() if (self._day(index) or before) < before)

    def sweep(self, merge_from: int) -> Swept:  # noqa: ARG002 (Elasticsearch merges by itself)
        """Delete the documents of writers that died, and of generations that were replaced."""
        return Swept(0, self._delete_dead(self.now() - DEAD_AFTER))

    def rows(self) -> int:
        """How many documents readers see, counted in the indices themselves."""
        return int(self.aggregate(Aggregation())[0]["count"])

    def state(self) -> object:
        """Changes whenever what readers see does."""
        return [(file.id, file.rows) for file in self.generations.manifest.visible(None, None)]

    def _moment(self) -> Any:  # noqa: ANN401 (a context of a Moment)
        return this_moment(self.server, self.generations, self.deadline)

    def _found(self, moment: Moment, text: str, filters: Filters) -> list[Query] | None:
        """The condition that a text sets; None if nothing can be found."""
        if not text.strip():
            return []
        found = found_places(moment, text, filters)
        return [hits(found)] if found else None

    def _delete_dead(self, before: datetime) -> int:
        """Delete what dead generations have left; they are forgotten when nothing more can come of them."""
        deleted = 0
        dead = self.generations.abandoned(before)
        for mark in dead:
            deleted += delete(self.server, self.generations.prefix, mark.number)
        old = [mark.number for mark in dead if mark.at < self.now() - FORGOTTEN_AFTER]
        self.generations.forget(old)
        return deleted

    def _indices(self) -> list[str]:
        try:
            answer = self.server.ask("GET", f"/{quote(self.generations.prefix)}/_alias")
        except Gone:
            return []
        return sorted(answer)

    def _day(self, index: str) -> str | None:
        return day_of(self.generations.prefix, index)

    def _drop(self, index: str) -> bool:
        self._made.discard(index)
        try:
            self.server.ask("DELETE", f"/{quote(index)}")
        except Gone:
            return False
        return True


def _rows(moment: Moment, query: Query) -> int:
    """How many documents a page of all may hold, for it to stay within _EXPORT_BYTES."""
    largest = {"largest": {"max": {"field": "bytes"}}}
    answer = moment.ask({"size": 0, "track_total_hits": False, "query": query, "aggs": largest})
    size = answer.get("aggregations", {}).get("largest", {}).get("value") or 1
    return max(1, min(_EXPORT_ROWS, int(_EXPORT_BYTES / size)))


def _streamed(
    moment: Moment, columns: Sequence[str], order: Sequence[str], query: Query
) -> Iterator[tuple[tuple[Any, ...], tuple[Any, ...]]]:
    """Rows of some columns in order, each with what it is sorted by."""
    fields = [field_of(name) for name in columns]
    body = {"query": query, "_source": False, "docvalue_fields": [{"field": name} for name in fields]}
    sort = [{field_of(name): {"order": "asc", "missing": "_last"}} for name in order]
    for page in moment.pages(body, sort, PAGE):
        for one in page:
            found = one.get("fields", {})
            key = tuple((value is None, value) for value in one["sort"])
            yield key, tuple(found[name][0] if name in found else None for name in fields)


def _alike(moment: Moment, filters: Filters, alike: Alike) -> Iterator[Query]:
    """Queries for documents that are alike, one for some thousand values of the field each."""
    asked = Aggregation((alike.field,), (), alike.filters, limit=1)
    groups = Figures(moment, asked).keys()
    for values in chunks((key[0] for key in groups), MOST_TERMS):
        yield moment.query(filters, {"terms": {field_of(alike.field): values}})


@contextmanager
def open_elasticsearch(
    section: IndexStore, tenant: str, database: Database, now: Callable[[], datetime]
) -> Generator[ElasticsearchLogIndex]:
    """The index on the server that `section` names, its manifest in `database`; nothing is connected yet."""
    server = ElasticsearchServer(section)
    try:
        yield ElasticsearchLogIndex(server, Generations(tenant, prefix_of(section.prefix, tenant), database), now)
    finally:
        server.close()
