"""The manifest of a dataset: which files readers see, and how many rows each origin has in them.

What belongs here: the SQL of `dataset_file` and `dataset_origin`. What does not: the files themselves (`dataset.py`).
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from logplatform.stores.dataset_writer import NewFile
from logplatform.stores.schema import dataset_file, dataset_origin
from logplatform.stores.sql import Database, chunks

PAGE = 1_000


@dataclass(frozen=True, slots=True)
class Listed:
    """A file of the manifest; `bytes` is its size."""

    id: int
    partition: str
    key: str
    rows: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """The manifest of the dataset `name` of one tenant."""

    name: str
    tenant: str
    database: Database

    def visible(self, first: str | None, last: str | None) -> list[Listed]:
        """The visible files of the partitions from `first` to `last` (both included), as of one moment."""
        query = self._files().where(dataset_file.c.removed_at.is_(None))
        if first is not None:
            query = query.where(dataset_file.c.partition >= first)
        if last is not None:
            query = query.where(dataset_file.c.partition <= last)
        with self.database.read() as connection:
            found = connection.execute(query.order_by(dataset_file.c.partition, dataset_file.c.id))
            return [Listed(*row) for row in found]

    def holding(self, origins: Collection[str]) -> Iterator[Listed]:
        """The visible files that hold rows of `origins`."""
        with self.database.read() as connection:
            ids = self.ids_holding(connection, origins)
        for chunk in chunks(sorted(ids)):
            with self.database.read() as connection:
                found = [Listed(*row) for row in connection.execute(self._files().where(dataset_file.c.id.in_(chunk)))]
            yield from found

    def ids_holding(self, connection: sa.Connection, origins: Collection[str]) -> frozenset[int]:
        """The numbers of the visible files that hold rows of `origins`."""
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

    def origins(self, file_id: int) -> dict[str, int]:
        """The origins in a visible file, with their rows."""
        query = sa.select(dataset_origin.c.origin, dataset_origin.c.rows).where(dataset_origin.c.file_id == file_id)
        with self.database.read() as connection:
            return dict(connection.execute(query).tuples().all())

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

    def all_visible(self, connection: sa.Connection, ids: Collection[int]) -> bool:
        """Whether every one of these files is still visible."""
        visible = 0
        for chunk in chunks(ids):
            query = sa.select(sa.func.count()).where(
                self._mine(), dataset_file.c.id.in_(chunk), dataset_file.c.removed_at.is_(None)
            )
            visible += connection.execute(query).scalar_one()
        return visible == len(ids)

    def swap(
        self, connection: sa.Connection, removed: Collection[int], added: Sequence[NewFile], now: datetime
    ) -> None:
        """Make `removed` invisible and `added` visible."""
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
            rows = ({"origin": origin, "file_id": file_id, "rows": rows} for origin, rows in file.origins.items())
            for chunk in chunks(rows):
                connection.execute(dataset_origin.insert(), chunk)

    def replaced(self, before: datetime) -> Iterator[Listed]:
        """The files that were made invisible before `before`, page by page; each may be forgotten as it comes."""
        query = self._files().where(dataset_file.c.removed_at < before).order_by(dataset_file.c.id).limit(PAGE)
        after = 0
        while True:
            with self.database.read() as connection:
                page = [Listed(*row) for row in connection.execute(query.where(dataset_file.c.id > after))]
            yield from page
            if len(page) < PAGE:
                return
            after = page[-1].id

    def forget(self, file: Listed) -> None:
        """Drop the row of an invisible file whose bytes are gone."""
        with self.database.write() as connection:
            connection.execute(dataset_file.delete().where(dataset_file.c.id == file.id))

    def known(self, connection: sa.Connection, keys: Collection[str]) -> set[str]:
        """Those of `keys` (a bounded number) that have a row, visible or not."""
        return set(connection.execute(sa.select(dataset_file.c.key).where(dataset_file.c.key.in_(keys))).scalars())

    def _files(self) -> sa.Select[tuple[int, str, str, int, int]]:
        columns = (
            dataset_file.c.id,
            dataset_file.c.partition,
            dataset_file.c.key,
            dataset_file.c.rows,
            dataset_file.c.bytes,
        )
        return sa.select(*columns).where(self._mine())

    def _mine(self) -> sa.ColumnElement[bool]:
        return sa.and_(dataset_file.c.dataset == self.name, dataset_file.c.tenant == self.tenant)
