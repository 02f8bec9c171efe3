"""The log index: the Protocol `LogIndex`, and its embedded implementation over Parquet files and DuckDB.

What belongs here: replacing, finding and counting documents. What does not: what a question means (`log_query`), the
document (`log_schema`), and which documents there should be (the domain).

Documents belong to an origin (one upload). Replacing an origin's documents is idempotent, and becomes visible as a
whole in the transaction of the caller; readers are never blocked, and each answer is of one moment.
"""

from collections.abc import Collection, Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import duckdb
import pyarrow as pa
import sqlalchemy as sa

from logplatform.stores.dataset import Change, Dataset
from logplatform.stores.dataset_writer import DatasetWriter
from logplatform.stores.log_query import INTERVALS, TEXT_BOOSTS, Aggregation, Filters, Hit, Page, Search
from logplatform.stores.log_schema import DOCUMENTS, document
from logplatform.stores.log_sql import (
    aggregation_sql,
    columns_sql,
    count_sql,
    documents_sql,
    occurs_sql,
    search_sql,
    similar_sql,
)
from logplatform.stores.log_text import NEARLY, Term, distance_allowed, highlighted, terms_of

DATASET = "log_events"
COMPACTION_ORDER = ("timestamp", "id")
# DuckDB's own buffers; what does not fit is an error of the query, not of the process.
MEMORY_LIMIT = "512MB"
THREADS = 2
_EXPORT_ROWS = 1_000
_STREAM_ROWS = 20_000
_SIMILAR_WORDS = 5

Row = dict[str, Any]


class Replacement(Protocol):
    """Documents on their way into the index."""

    def write(self, day: str, origin: str, batch: pa.RecordBatch) -> None:
        """Add documents of `origin` whose event day (UTC, `YYYY-MM-DD`) is `day`; `origin` may be left out of them."""
        ...

    def ready(self) -> int:
        """Make what was written durable, though not visible yet; how many documents they are."""
        ...

    def commit(self, connection: sa.Connection) -> None:
        """Make them the only documents of their origins, with the caller's transaction; after `ready`.

        Raises Conflict if somebody else has replaced the same origins meanwhile.
        """
        ...


class LogIndex(Protocol):
    """Documents that can be searched and counted."""

    def replacing(self, origins: Collection[str]) -> AbstractContextManager[Replacement]:
        """Begin to replace all documents of these origins; without a commit nothing has happened."""
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

    def stream(self, columns: Sequence[str], filters: Filters, order: Sequence[str]) -> Iterator[tuple[Any, ...]]:
        """Some columns of all documents, sorted by `order` (ascending, nulls last); times in microseconds (UTC)."""
        ...


@dataclass(slots=True)
class ParquetReplacement:
    """See `Replacement`."""

    dataset: Dataset
    origins: Collection[str]
    writer: DatasetWriter
    _change: Change | None = None

    def write(self, day: str, origin: str, batch: pa.RecordBatch) -> None:
        """Add documents."""
        self.writer.write(day, origin, batch)

    def ready(self) -> int:
        """Publish the files and work out the change of the manifest."""
        files = self.writer.finish()
        self._change = self.dataset.change(self.origins, files)
        return sum(file.rows for file in files)

    def commit(self, connection: sa.Connection) -> None:
        """Change the manifest."""
        if self._change is None:
            raise ValueError("ready() comes before commit()")
        self.dataset.apply(connection, self._change)


class ParquetLogIndex:
    """The index in the files of a dataset that is partitioned by event day; see `LogIndex`.

    Several processes may read while one writes, and several threads may use one object; `close` it after use.
    """

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset
        self._engine = duckdb.connect(config={"memory_limit": MEMORY_LIMIT, "threads": THREADS})

    def close(self) -> None:
        """End the engine; nothing can be asked any more."""
        self._engine.close()

    @contextmanager
    def replacing(self, origins: Collection[str]) -> Generator[ParquetReplacement]:
        """Begin new files."""
        with self.dataset.writer() as writer:
            yield ParquetReplacement(self.dataset, frozenset(origins), writer)

    def search(self, search: Search) -> Page:
        """Count, then take the page."""
        files = self._files(search.filters)
        with self._over(files) as engine:
            terms = self._terms(engine, search.text, search.filters)
            if search.text.strip() and not terms:
                return Page(0, search.page, search.size, [])
            ((total,),) = engine.rows(count_sql(engine.source, search.filters, terms))
            rows = engine.table(search_sql(engine.source, search, terms)).to_pylist()
        words = [term.text for term in terms]
        hits = [Hit(row["id"], document(row), row["score"], _highlights(row, words)) for row in rows]
        return Page(total, search.page, search.size, hits)

    def aggregate(self, aggregation: Aggregation) -> list[Row]:
        """Run the aggregation."""
        with self._over(self._files(aggregation.filters)) as engine:
            rows: list[Row] = engine.table(aggregation_sql(engine.source, aggregation)).to_pylist()
        for name in INTERVALS:
            if name in aggregation.by:
                for row in rows:
                    row[name] = datetime.fromtimestamp(row[name], UTC)
        return rows

    def export(self, text: str, filters: Filters) -> Iterator[Row]:
        """Read day by day, some rows at a time."""
        files = self._files(filters)
        with self._over(files) as engine:
            terms = self._terms(engine, text, filters)
            if text.strip() and not terms:
                return
            for batch in engine.batches(documents_sql(engine.source, filters, terms), _EXPORT_ROWS):
                for row in batch.to_pylist():
                    yield document(row)

    def stream(self, columns: Sequence[str], filters: Filters, order: Sequence[str]) -> Iterator[tuple[Any, ...]]:
        """Sort on disk where memory does not suffice, then read some rows at a time."""
        with self._over(self._files(filters)) as engine:
            for batch in engine.batches(columns_sql(engine.source, columns, filters, order), _STREAM_ROWS):
                yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)

    def _files(self, filters: Filters) -> list[str]:
        """The files of those days that filters leave."""
        first = None if filters.since is None else _day(filters.since)
        last = None if filters.until is None else _day(filters.until - timedelta(microseconds=1))
        return [file.uri for file in self.dataset.visible(first, last)]

    def _terms(self, engine: "_Engine", text: str, filters: Filters) -> list[Term]:
        """The terms of a text that occur; one that does not is replaced by words that are nearly it."""
        terms = terms_of(text)
        if not terms:
            return []
        occurs = engine.rows(occurs_sql(engine.source, filters, terms))[0]
        found: list[Term] = []
        for term, there in zip(terms, occurs, strict=True):
            if there:
                found.append(term)
            elif distance_allowed(term.text):
                words = engine.rows(similar_sql(engine.source, filters, term, _SIMILAR_WORDS))
                found += [Term(word, NEARLY) for (word,) in words]
        return list({term.text: term for term in reversed(found)}.values())[::-1]

    @contextmanager
    def _over(self, files: Sequence[str]) -> Generator["_Engine"]:
        """A connection of one's own to the engine, over these files."""
        with self._engine.cursor() as cursor:
            if not files:
                cursor.register("nothing", DOCUMENTS.empty_table())
            yield _Engine(cursor, list(files))


@dataclass(frozen=True, slots=True)
class _Engine:
    """DuckDB over some files; `source` stands in FROM."""

    cursor: duckdb.DuckDBPyConnection
    files: list[str]

    @property
    def source(self) -> str:
        return "read_parquet($files)" if self.files else "nothing"

    def rows(self, query: tuple[str, Mapping[str, Any]]) -> list[tuple[Any, ...]]:
        return self._run(query).fetchall()

    def table(self, query: tuple[str, Mapping[str, Any]]) -> pa.Table:
        return self._run(query).to_arrow_table()

    def batches(self, query: tuple[str, Mapping[str, Any]], rows: int) -> pa.RecordBatchReader:
        return self._run(query).to_arrow_reader(rows)

    def _run(self, query: tuple[str, Mapping[str, Any]]) -> duckdb.DuckDBPyRelation:
        text, parameters = query
        files = {"files": self.files} if self.files else {}
        return self.cursor.sql(text, params={**parameters, **files})


def _day(moment: datetime) -> str:
    return moment.astimezone(UTC).date().isoformat()


def _highlights(row: Row, words: Sequence[str]) -> dict[str, list[str]]:
    if not words:
        return {}
    found = {name: highlighted(row[name], words) for name in TEXT_BOOSTS if row[name]}
    return {name: [text] for name, text in found.items() if text is not None}


@contextmanager
def open_log_index(dataset: Dataset) -> Generator[ParquetLogIndex]:
    """The embedded index over a dataset with the schema `DOCUMENTS`; it is closed with the context."""
    index = ParquetLogIndex(dataset)
    try:
        yield index
    finally:
        index.close()
