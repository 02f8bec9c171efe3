"""Datasets: immutable Parquet files, made visible by a manifest in SQL.

What belongs here: writing files, swapping them in the manifest, merging and sweeping them. What does not: what the
rows mean.

Rows carry the `origin` that they were derived from; deriving an origin again replaces its rows. Only the manifest
makes a file visible, and it changes in one transaction, so a reader sees all of a change or nothing of it. Readers
take their file list from the manifest, never from the folder: files of writers that died, and files that were
replaced, may lie there until they are swept.
"""

import uuid
from collections import Counter
from collections.abc import Callable, Collection, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pyarrow as pa
import sqlalchemy as sa

from logplatform.failures import Conflict
from logplatform.stores.dataset_writer import DatasetWriter, NewFile
from logplatform.stores.files import Files, published_before
from logplatform.stores.manifest import Listed, Manifest
from logplatform.stores.parquet import merge, rewrite
from logplatform.stores.sql import Database, chunks


@dataclass(frozen=True, slots=True)
class VisibleFile:
    """A file that readers see; `bytes` is its size."""

    id: int
    partition: str
    key: str
    rows: int
    bytes: int
    files: Files = field(repr=False, compare=False)

    @property
    def uri(self) -> str:
        """What pyarrow, DuckDB and polars open; asked only for files that are read: it may have to be fetched."""
        return self.files.uri(self.key)


@dataclass(frozen=True, slots=True)
class Change:
    """A change of the manifest, ready to be applied: its files are published but not visible.

    `partitions` are those in which rows come or go.
    """

    origins: frozenset[str]
    removed: frozenset[int]
    added: tuple[NewFile, ...]
    partitions: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Dataset:
    """The dataset `name` of one tenant; `schema` must have the text column `origin`."""

    name: str
    tenant: str
    schema: pa.Schema
    files: Files
    database: Database
    now: Callable[[], datetime]

    @property
    def prefix(self) -> str:
        """The folder of the dataset's keys."""
        return f"datasets/{self.tenant}/{self.name}"

    @contextmanager
    def writer(self) -> Generator[DatasetWriter]:
        """Begin new files; nothing of them is published before `DatasetWriter.finish`."""
        writer = DatasetWriter(self.files, self.prefix, self.schema)
        try:
            yield writer
        finally:
            writer.discard()

    def change(self, origins: Collection[str], added: Sequence[NewFile]) -> Change:
        """Work out the change that makes `added` the only rows of `origins`.

        A visible file that holds other origins too (a compacted one) is written again without these; that file is
        among the change's additions.
        """
        wanted = frozenset(origins)
        rewritten: list[NewFile] = []
        removed: set[int] = set()
        partitions = {file.partition for file in added}
        for file in self._manifest.holding(wanted):
            removed.add(file.id)
            partitions.add(file.partition)
            held = self._manifest.origins(file.id)
            if kept := {origin: rows for origin, rows in held.items() if origin not in wanted}:
                rewritten.append(self._without(file, wanted, kept))
        return Change(wanted, frozenset(removed), (*added, *rewritten), frozenset(partitions))

    def apply(self, connection: sa.Connection, change: Change) -> None:
        """Make a change visible, in the caller's transaction.

        Raises Conflict if another change touched the same origins since this one was worked out, or if its files
        were swept meanwhile.
        """
        if self._manifest.ids_holding(connection, change.origins) != change.removed:
            raise Conflict(f"dataset {self.name}: its files changed while new ones were written")
        self._swap(connection, change.removed, change.added)

    def swap(self, connection: sa.Connection, removed: Collection[VisibleFile], added: Sequence[NewFile]) -> None:
        """Replace files by files with the same rows (compaction) or by none (retention), in the caller's transaction.

        Raises Conflict if one of `removed` is no longer visible, or one of `added` was swept meanwhile.
        """
        ids = frozenset(file.id for file in removed)
        if not self._manifest.all_visible(connection, ids):
            raise Conflict(f"dataset {self.name}: its files changed while they were compacted")
        self._swap(connection, ids, added)

    def compact(self, partition: str, order_by: Sequence[str]) -> bool:
        """Merge the files of a partition into one, sorted by the columns `order_by`; False if there is none to merge.

        Memory is bounded, disk is not: twice the partition's size may be needed for a while. Raises Conflict if a
        writer changed the partition meanwhile; nothing has happened then.
        """
        files = self.visible(partition, partition)
        if len(files) < 2:
            return False
        origins: Counter[str] = Counter()
        for file in files:
            origins.update(self.origins(file))
        with self.files.part() as part:
            scratch = part.path.with_suffix(".spill")
            rows = merge([file.uri for file in files], part.path, self.schema, order_by, scratch)
            if rows != origins.total():
                raise Conflict(f"dataset {self.name}: {rows} rows in {partition}, {origins.total()} in the manifest")
            key = self._key(partition)
            merged = NewFile(partition, key, rows, part.publish(key), origins)
        with self.database.write() as connection:
            self.swap(connection, files, [merged])
        return True

    def expire(self, before: str) -> int:
        """Make every partition that sorts before `before` invisible (retention); return how many files that were.

        Raises Conflict if a writer changed one of them meanwhile; what was done until then stays.
        """
        old = [file for file in self.visible(last=before) if file.partition < before]
        for chunk in chunks(old):
            with self.database.write() as connection:
                self.swap(connection, chunk, [])
        return len(old)

    def visible(self, first: str | None = None, last: str | None = None) -> list[VisibleFile]:
        """The visible files of the partitions from `first` to `last` (both included), as of one moment."""
        return [
            VisibleFile(file.id, file.partition, file.key, file.rows, file.bytes, self.files)
            for file in self._manifest.visible(first, last)
        ]

    def rows(self, origins: Collection[str]) -> dict[str, int]:
        """How many visible rows each of `origins` has; those without any are missing."""
        return self._manifest.rows(origins)

    def partitions(self, origins: Collection[str]) -> set[str]:
        """The partitions that hold visible rows of `origins`."""
        return {file.partition for file in self._manifest.holding(origins)}

    def origins(self, file: VisibleFile) -> dict[str, int]:
        """The origins in a file, with their rows; none if the file is no longer visible."""
        return self._manifest.origins(file.id)

    def sweep(self, older_than: timedelta) -> int:
        """Unlink files that were replaced, or never made visible, longer ago than `older_than`; return how many.

        The wait lets readers finish that took their file list before, and writers that have published but not yet
        committed: one that needs longer is told by Conflict to write again.
        """
        before = self.now() - older_than
        swept = 0
        for file in self._manifest.replaced(before):
            self.files.remove(file.key)
            self._manifest.forget(file)
            swept += 1
        return swept + self._sweep_orphans(before)

    def _sweep_orphans(self, before: datetime) -> int:
        swept = 0
        for chunk in chunks(self.files.keys(self.prefix)):
            with self.database.read() as connection:
                known = self._manifest.known(connection, chunk)
            suspects = [key for key in chunk if key not in known and published_before(self.files, key, before)]
            if not suspects:
                continue
            # Inside a write transaction nobody can make them visible between the look and the unlink.
            with self.database.write() as connection:
                known = self._manifest.known(connection, suspects)
                swept += sum(self.files.remove(key) for key in suspects if key not in known)
        return swept

    @property
    def _manifest(self) -> Manifest:
        return Manifest(self.name, self.tenant, self.database)

    def _key(self, partition: str) -> str:
        return f"{self.prefix}/{partition}/{uuid.uuid4().hex}.parquet"

    def _without(self, file: Listed, origins: Collection[str], kept: Mapping[str, int]) -> NewFile:
        key = self._key(file.partition)
        with self.files.part() as part:
            rewrite(self.files.uri(file.key), part.path, origins)
            return NewFile(file.partition, key, sum(kept.values()), part.publish(key), kept)

    def _swap(self, connection: sa.Connection, removed: Collection[int], added: Sequence[NewFile]) -> None:
        for file in added:
            if not self.files.exists(file.key):
                raise Conflict(f"dataset {self.name}: {file.key} was swept before it was committed")
        self._manifest.swap(connection, removed, added, self.now())
