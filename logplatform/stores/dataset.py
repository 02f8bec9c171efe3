"""Datasets: immutable Parquet files, made visible by a manifest in SQL.

What belongs here: writing files, swapping them in the manifest, reading the list of visible ones. What does not:
what the rows mean.

Rows carry the `origin` that they were derived from; deriving an origin again replaces its rows. Only the manifest
makes a file visible, and it changes in one transaction, so a reader sees all of a change or nothing of it. Readers
take their file list from the manifest, never from the folder: files of writers that died, and files that were
replaced, may lie there until they are swept.
"""

import uuid
from collections.abc import Callable, Collection, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

import pyarrow as pa
import sqlalchemy as sa

from logplatform.failures import Conflict
from logplatform.stores.dataset_writer import DatasetWriter, NewFile
from logplatform.stores.files import Files
from logplatform.stores.parquet import rewrite
from logplatform.stores.schema import dataset_file, dataset_origin
from logplatform.stores.sql import Database, chunks


@dataclass(frozen=True, slots=True)
class VisibleFile:
    """A file that readers see; `uri` is what pyarrow, DuckDB and polars open; `bytes` is its size."""

    id: int
    partition: str
    key: str
    uri: str
    rows: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Change:
    """A change of the manifest, ready to be applied: its files are published but not visible."""

    origins: frozenset[str]
    removed: frozenset[int]
    added: tuple[NewFile, ...]


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
        for file, held in self._holding(wanted):
            removed.add(file.id)
            if kept := {origin: rows for origin, rows in held.items() if origin not in wanted}:
                rewritten.append(self._without(file, wanted, kept))
        return Change(wanted, frozenset(removed), (*added, *rewritten))

    def apply(self, connection: sa.Connection, change: Change) -> None:
        """Make a change visible, in the caller's transaction.

        Raises Conflict if another change touched the same origins since this one was worked out.
        """
        if self._file_ids(connection, change.origins) != change.removed:
            raise Conflict(f"dataset {self.name}: its files changed while new ones were written")
        self._swap(connection, change.removed, change.added)

    def swap(self, connection: sa.Connection, removed: Collection[VisibleFile], added: Sequence[NewFile]) -> None:
        """Replace files by files with the same rows (compaction) or by none (retention), in the caller's transaction.

        Raises Conflict if one of `removed` is no longer visible.
        """
        ids = frozenset(file.id for file in removed)
        visible = sa.select(sa.func.count()).where(dataset_file.c.id.in_(ids), dataset_file.c.removed_at.is_(None))
        if connection.execute(visible).scalar_one() != len(ids):
            raise Conflict(f"dataset {self.name}: its files changed while they were compacted")
        self._swap(connection, ids, added)

    def visible(self, first: str | None = None, last: str | None = None) -> list[VisibleFile]:
        """The visible files of the partitions from `first` to `last` (both included), as of one moment."""
        query = sa.select(dataset_file).where(self._mine(), dataset_file.c.removed_at.is_(None))
        if first is not None:
            query = query.where(dataset_file.c.partition >= first)
        if last is not None:
            query = query.where(dataset_file.c.partition <= last)
        with self.database.read() as connection:
            found = connection.execute(query.order_by(dataset_file.c.partition, dataset_file.c.id)).all()
        return [
            VisibleFile(row.id, row.partition, row.key, self.files.uri(row.key), row.rows, row.bytes) for row in found
        ]

    def rows(self, origins: Collection[str]) -> dict[str, int]:
        """How many visible rows each of `origins` has; those without any are missing."""
        found: dict[str, int] = {}
        for chunk in chunks(origins):
            query = (
                sa.select(dataset_origin.c.origin, sa.func.sum(dataset_origin.c.rows))
                .join(dataset_file)
                .where(self._mine(), dataset_file.c.removed_at.is_(None), dataset_origin.c.origin.in_(chunk))
                .group_by(dataset_origin.c.origin)
            )
            with self.database.read() as connection:
                found.update({origin: int(rows) for origin, rows in connection.execute(query)})
        return found

    def origins(self, file: VisibleFile) -> dict[str, int]:
        """The origins in a file, with their rows."""
        query = sa.select(dataset_origin.c.origin, dataset_origin.c.rows).where(dataset_origin.c.file_id == file.id)
        with self.database.read() as connection:
            return dict(connection.execute(query).tuples().all())

    def sweep(self, older_than: timedelta) -> int:
        """Unlink files that were replaced, or never made visible, longer ago than `older_than`; return how many.

        The wait lets readers finish that took their file list before, and writers that have published but not yet
        committed: it must be longer than any query and any commit.
        """
        before = self.now() - older_than
        gone = sa.select(dataset_file).where(self._mine(), dataset_file.c.removed_at < before)
        swept = 0
        with self.database.read() as connection:
            replaced = connection.execute(gone).all()
        for row in replaced:
            self.files.remove(row.key)
            with self.database.write() as connection:
                connection.execute(dataset_file.delete().where(dataset_file.c.id == row.id))
            swept += 1
        return swept + self._sweep_orphans(before)

    def _sweep_orphans(self, before: datetime) -> int:
        swept = 0
        for chunk in chunks(self.files.keys(self.prefix)):
            with self.database.read() as connection:
                known = set(
                    connection.execute(sa.select(dataset_file.c.key).where(dataset_file.c.key.in_(chunk))).scalars()
                )
            for key in chunk:
                if key not in known and self.files.modified(key) < before:
                    swept += self.files.remove(key)
        return swept

    def _holding(self, origins: Collection[str]) -> Iterator[tuple[VisibleFile, dict[str, int]]]:
        with self.database.read() as connection:
            ids = self._file_ids(connection, origins)
        for file in self.visible():
            if file.id in ids:
                yield file, self.origins(file)

    def _file_ids(self, connection: sa.Connection, origins: Collection[str]) -> frozenset[int]:
        ids: set[int] = set()
        for chunk in chunks(origins):
            query = (
                sa.select(dataset_origin.c.file_id)
                .distinct()
                .join(dataset_file)
                .where(self._mine(), dataset_file.c.removed_at.is_(None), dataset_origin.c.origin.in_(chunk))
            )
            ids.update(connection.execute(query).scalars())
        return frozenset(ids)

    def _without(self, file: VisibleFile, origins: Collection[str], kept: dict[str, int]) -> NewFile:
        key = f"{self.prefix}/{file.partition}/{uuid.uuid4().hex}.parquet"
        with self.files.part() as part:
            rewrite(file.uri, part.path, origins)
            return NewFile(file.partition, key, sum(kept.values()), part.publish(key), kept)

    def _swap(self, connection: sa.Connection, removed: Collection[int], added: Sequence[NewFile]) -> None:
        now = self.now()
        for chunk in chunks(removed):
            connection.execute(dataset_file.update().where(dataset_file.c.id.in_(chunk)).values(removed_at=now))
            # A removed file's origins are nobody's business any more, and the next change must not find them.
            connection.execute(dataset_origin.delete().where(dataset_origin.c.file_id.in_(chunk)))
        for file in added:
            values = {
                "dataset": self.name,
                "tenant": self.tenant,
                "partition": file.partition,
                "key": file.key,
                "rows": file.rows,
                "bytes": file.bytes,
                "created_at": now,
            }
            file_id = connection.execute(
                dataset_file.insert().values(**values).returning(dataset_file.c.id)
            ).scalar_one()
            connection.execute(
                dataset_origin.insert(),
                [{"origin": origin, "file_id": file_id, "rows": rows} for origin, rows in file.origins.items()],
            )

    def _mine(self) -> sa.ColumnElement[bool]:
        return sa.and_(dataset_file.c.dataset == self.name, dataset_file.c.tenant == self.tenant)
