"""The log index: the Protocol `LogIndex`, and its embedded implementation over Parquet files and DuckDB.

What belongs here: replacing, finding and counting documents. What does not: what a question means (`log_query`), the
document (`log_schema`), and which documents there should be (the domain).

Documents belong to an origin (one upload). Replacing an origin's documents is idempotent, and becomes visible as a
whole in the transaction of the caller; readers are never blocked, and each answer is of one moment.
"""

import time
from collections.abc import Collection, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import pyarrow as pa
import sqlalchemy as sa

from logplatform.stores.dataset import Change, Dataset, VisibleFile
from logplatform.stores.dataset_writer import DatasetWriter
from logplatform.stores.log_engine import LogEngine, Reading
from logplatform.stores.log_query import INTERVALS, Aggregation, Alike, Filters, Page, Search
from logplatform.stores.log_schema import document
from logplatform.stores.log_search import found_terms, search_page
from logplatform.stores.log_sql import aggregation_sql, columns_sql, documents_sql

DATASET = "log_events"
COMPACTION_ORDER = ("timestamp", "id")
_EXPORT_ROWS = 1_000
_STREAM_ROWS = 20_000

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

    def stream(
        self, columns: Sequence[str], filters: Filters, order: Sequence[str], alike: Alike | None = None
    ) -> Iterator[tuple[Any, ...]]:
        """Some columns of all documents, sorted by `order` (ascending, nulls last); times in microseconds (UTC).

        `alike` is looked for among the documents of the same days as `filters` leave.
        """
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

    def commit(self, connection: sa.Connection) -> frozenset[str]:
        """Change the manifest."""
        if self._change is None:
            raise ValueError("ready() comes before commit()")
        self.dataset.apply(connection, self._change)
        return self._change.partitions


class ParquetLogIndex:
    """The index in the files of a dataset that is partitioned by event day; see `LogIndex`.

    Several processes may read while one writes, and several threads may use one object. `deadline`
    (`time.monotonic()`): every question raises QueryTimeout from then on.
    """

    def __init__(self, dataset: Dataset, engine: LogEngine, deadline: float | None = None) -> None:
        self.dataset = dataset
        self._engine = engine
        self._deadline = deadline

    def within(self, seconds: float) -> "ParquetLogIndex":
        """The same index for questions that may take so long from now on, all of them together."""
        return ParquetLogIndex(self.dataset, self._engine, time.monotonic() + seconds)

    @contextmanager
    def replacing(self, origins: Collection[str]) -> Generator[ParquetReplacement]:
        """Begin new files."""
        with self.dataset.writer() as writer:
            yield ParquetReplacement(self.dataset, frozenset(origins), writer)

    def search(self, search: Search) -> Page:
        """Count, find the places of the page's documents, read these."""
        files = self._files(search.filters)
        with self._over(files) as reading:
            return search_page(reading, files, search)

    def aggregate(self, aggregation: Aggregation) -> list[Row]:
        """Run the aggregation."""
        with self._over(self._files(aggregation.filters)) as reading:
            terms = found_terms(reading, aggregation.text, aggregation.filters)
            source = reading if terms or not aggregation.text.strip() else reading.only([])
            rows: list[Row] = source.table(aggregation_sql(source.source, aggregation, terms)).to_pylist()
        for name in INTERVALS:
            if name in aggregation.by:
                for row in rows:
                    row[name] = datetime.fromtimestamp(row[name], UTC)
        return rows

    def export(self, text: str, filters: Filters) -> Iterator[Row]:
        """Read day by day, some rows at a time."""
        with self._over(self._files(filters)) as reading:
            terms = found_terms(reading, text, filters)
            if text.strip() and not terms:
                return
            for batch in reading.batches(documents_sql(reading.source, filters, terms), _EXPORT_ROWS):
                for row in batch.to_pylist():
                    yield document(row)

    def stream(
        self, columns: Sequence[str], filters: Filters, order: Sequence[str], alike: Alike | None = None
    ) -> Iterator[tuple[Any, ...]]:
        """Sort on disk where memory does not suffice, then read some rows at a time."""
        with self._over(self._files(filters)) as reading:
            for batch in reading.batches(columns_sql(reading.source, columns, filters, order, alike), _STREAM_ROWS):
                yield from zip(*(column.to_pylist() for column in batch.columns), strict=True)

    def _files(self, filters: Filters) -> list[VisibleFile]:
        """The files of those days that filters leave."""
        first = None if filters.since is None else _day(filters.since)
        last = None if filters.until is None else _day(filters.until - timedelta(microseconds=1))
        return self.dataset.visible(first, last)

    def _over(self, files: Sequence[VisibleFile]) -> AbstractContextManager[Reading]:
        return self._engine.over([file.uri for file in files], self._deadline)


def _day(moment: datetime) -> str:
    return moment.astimezone(UTC).date().isoformat()


@contextmanager
def open_log_index(dataset: Dataset) -> Generator[ParquetLogIndex]:
    """The embedded index over a dataset with the schema `DOCUMENTS`; it is closed with the context."""
    # A name of its own among the parts: what a killed process leaves there is swept with them.
    with dataset.files.part() as part:
        scratch = part.path.with_suffix(".spill")
    engine = LogEngine(scratch)
    try:
        yield ParquetLogIndex(dataset, engine)
    finally:
        engine.close()
