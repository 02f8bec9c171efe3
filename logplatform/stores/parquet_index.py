"""The embedded log index: Parquet files, and DuckDB in memory.

What belongs here: the Protocol `LogIndex` over a dataset. What does not: the Protocol (`log_index`), what a question
means (`log_query`), and its SQL (`log_sql`).
"""

import time
from collections import Counter
from collections.abc import Collection, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import pyarrow as pa
import sqlalchemy as sa

from logplatform.failures import Conflict
from logplatform.stores.dataset import Change, Dataset, VisibleFile
from logplatform.stores.dataset_writer import DatasetWriter
from logplatform.stores.log_engine import LogEngine, Reading
from logplatform.stores.log_index import Row
from logplatform.stores.log_query import INTERVALS, Aggregation, Alike, Filters, Page, Search
from logplatform.stores.log_schema import document
from logplatform.stores.log_search import found_terms, search_page
from logplatform.stores.log_sql import aggregation_sql, columns_sql, documents_sql
from logplatform.stores.log_upkeep import Forget, Refuse, Swept, refused_for_good
from logplatform.stores.sql import Database, chunks

DATASET = "log_events"
COMPACTION_ORDER = ("timestamp", "id")
_EXPORT_ROWS = 1_000
_STREAM_ROWS = 20_000
_FILES_AT_ONCE = 500
# Longer than any query may take: readers finish on the files that they began with.
SWEPT_AFTER = timedelta(hours=1)


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

    @property
    def database(self) -> Database:
        """That of the manifest."""
        return self.dataset.database

    def within(self, seconds: float) -> "ParquetLogIndex":
        """The same index for questions that may take so long from now on, all of them together."""
        return ParquetLogIndex(self.dataset, self._engine, time.monotonic() + seconds)

    @contextmanager
    def replacing(
        self,
        origins: Collection[str],
        refuse: Refuse = refused_for_good,  # noqa: ARG002 (a file takes whatever has its schema)
    ) -> Generator[ParquetReplacement]:
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

    def days(self, origins: Collection[str]) -> set[str]:
        """As the manifest tells it."""
        return self.dataset.partitions(origins)

    def expire(self, before: str, forget: Forget) -> int:
        """Make the files of these days invisible, one by one."""
        old = [file for file in self.dataset.visible(last=before) if file.partition < before]
        return sum(self._expired(file, forget) for file in old)

    def sweep(self, merge_from: int) -> Swept:
        """Merge files, and unlink those that readers have had time to finish."""
        files = Counter(file.partition for file in self.dataset.visible())
        merged = sum(self._merged(day) for day, count in files.items() if count >= merge_from)
        return Swept(merged, self.dataset.sweep(SWEPT_AFTER))

    def rows(self) -> int:
        """The footers of the files tell."""
        total = 0
        with duckdb.connect(config={"threads": 1}) as engine:
            for some in chunks((file.uri for file in self.dataset.visible()), _FILES_AT_ONCE):
                found = engine.execute("SELECT count(*) FROM read_parquet($uris)", {"uris": some}).fetchone()
                total += int(found[0]) if found is not None else 0
        return total

    def state(self) -> object:
        """The visible files."""
        return self.dataset.visible()

    def _expired(self, file: VisibleFile, forget: Forget) -> bool:
        origins = self.dataset.origins(file)
        try:
            with self.dataset.database.write() as connection:
                self.dataset.swap(connection, [file], [])
                forget(connection, origins)
        except Conflict:
            # Somebody has just replaced or merged it: what took its place goes the next time.
            return False
        return True

    def _merged(self, day: str) -> bool:
        try:
            return self.dataset.compact(day, COMPACTION_ORDER)
        except Conflict:
            return False

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
def open_parquet_index(dataset: Dataset) -> Generator[ParquetLogIndex]:
    """The embedded index over a dataset with the schema `DOCUMENTS`; it is closed with the context."""
    # A name of its own among the parts: what a killed process leaves there is swept with them.
    with dataset.files.part() as part:
        scratch = part.path.with_suffix(".spill")
    engine = LogEngine(scratch)
    try:
        yield ParquetLogIndex(dataset, engine)
    finally:
        engine.close()
