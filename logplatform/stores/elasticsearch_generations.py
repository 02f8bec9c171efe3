"""Generations of documents in Elasticsearch: which of them readers see, as the manifest of a dataset tells it.

What belongs here: the rows in SQL. What does not: the documents (`elasticsearch_index`).

There is no transaction over both stores. So documents carry the number of the attempt that wrote them, their
generation, and the manifest is the truth: a generation is *open* from before its first document is written, then
*current* by the caller's transaction, or *dead* if another one has taken its place or its writer is gone. Readers
leave out open and dead ones, and those that begin after their question. What is dead is deleted after the transaction;
until then, and after a kill at any point, nothing of it is seen.

In the manifest a current generation has a row for each event day, with its documents; an open or dead one has one row
without a day that holds none and is never visible. An open one's row names its origin: without that it can no longer
be committed.
"""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from logplatform.failures import Conflict
from logplatform.stores.dataset_writer import NewFile
from logplatform.stores.log_places import ELASTICSEARCH_DATASET
from logplatform.stores.manifest import Manifest
from logplatform.stores.schema import dataset_file, dataset_origin
from logplatform.stores.sql import Database, chunks

NO_DAY = ""


@dataclass(frozen=True, slots=True)
class View:
    """What readers see at a moment: generations up to `newest`, but for `hidden`."""

    newest: int
    hidden: frozenset[int]

    def holds_after(self, later: "View") -> bool:
        """Whether nothing that this view shows has been deleted, or begun to be, until `later`."""
        return not any(number <= self.newest for number in later.hidden - self.hidden)


@dataclass(frozen=True, slots=True)
class Mark:
    """An open or dead generation, and when it was last known to be at work, or became dead."""

    number: int
    at: datetime


@dataclass(frozen=True, slots=True)
class Generations:
    """The generations of one tenant's documents under the index names of `prefix`."""

    tenant: str
    prefix: str
    database: Database

    @property
    def manifest(self) -> Manifest:
        """The manifest that holds them."""
        return Manifest(f"{ELASTICSEARCH_DATASET}/{self.prefix}", self.tenant, self.database)

    def view(self) -> View:
        """What readers see now."""
        with self.database.read() as connection:
            newest = connection.execute(sa.select(sa.func.max(dataset_file.c.id))).scalar_one()
            hidden = connection.execute(self._marks(dataset_file.c.id, dataset_file.c.key)).all()
        return View(newest or 0, frozenset(_number(row.key) for row in hidden))

    def open(self, origins: Collection[str], now: datetime) -> dict[str, int]:
        """Begin a generation for each origin; their numbers, which are above all others."""
        found: dict[str, int] = {}
        with self.database.write() as connection:
            for origin in sorted(origins):
                values = {**self._values(NO_DAY, now), "key": f"open {origin}", "removed_at": now}
                insert = dataset_file.insert().values(**values).returning(dataset_file.c.id)
                number = connection.execute(insert).scalar_one()
                named = dataset_file.update().where(dataset_file.c.id == number).values(key=self._key(number))
                connection.execute(named)
                connection.execute(dataset_origin.insert().values(origin=origin, file_id=number, rows=0))
                found[origin] = number
        return found

    def alive(self, numbers: Collection[int], now: datetime) -> None:
        """Show that the writer of open generations is at work."""
        with self.database.write() as connection:
            for chunk in chunks(numbers):
                connection.execute(dataset_file.update().where(dataset_file.c.id.in_(chunk)).values(removed_at=now))

    def commit(
        self,
        connection: sa.Connection,
        opened: Mapping[str, int],
        seen: frozenset[int],
        rows: Mapping[tuple[str, str], int],
        now: datetime,
    ) -> frozenset[str]:
        """Make open generations the current ones of their origins, in the caller's transaction; the days that changed.

        `seen` are the manifest's rows that were current when the writer looked last; `rows`: (day, origin) -> how many.

        Raises Conflict if the origins have been replaced meanwhile, or the writer was taken for dead.
        """
        current = self.manifest.ids_holding(connection, opened)
        if current != seen or not self._all_open(connection, opened):
            raise Conflict(f"{self.prefix}: its documents were replaced by somebody else meanwhile")
        days = self._bury(connection, current, now)
        self._bury_open(connection, opened, now)
        for number in opened.values():
            connection.execute(dataset_file.delete().where(dataset_file.c.id == number))
        added = [
            NewFile(day, f"{self._key(opened[origin])}/{day}", count, 0, {origin: count})
            for (day, origin), count in rows.items()
            if count
        ]
        self.manifest.swap(connection, (), added, now)
        return frozenset((*days, *(file.partition for file in added)))

    def give_up(self, numbers: Collection[int], now: datetime) -> None:
        """Make open generations dead; current ones are left as they are."""
        with self.database.write() as connection:
            for chunk in chunks(numbers):
                self._kill(connection, dataset_file.c.id.in_(chunk), now)

    def abandoned(self, before: datetime) -> list[Mark]:
        """Make generations dead whose writer has shown no sign of life since `before`; all dead ones."""
        with self.database.write() as connection:
            self._kill(connection, dataset_file.c.removed_at < before, before)
            dead = ~dataset_file.c.id.in_(sa.select(dataset_origin.c.file_id))
            found = self._marks(dataset_file.c.key, dataset_file.c.removed_at).where(dead)
            return [Mark(_number(key), at) for key, at in connection.execute(found)]

    def forget(self, numbers: Collection[int]) -> None:
        """Drop the rows of dead generations of which no document is left, nor comes any more."""
        with self.database.write() as connection:
            for chunk in chunks([self._key(number) for number in numbers]):
                mine = (self._mine(), dataset_file.c.partition == NO_DAY, dataset_file.c.key.in_(chunk))
                connection.execute(dataset_file.delete().where(*mine))

    def expired(self, before: str) -> Sequence[tuple[int, str]]:
        """The rows of event days before `before`: their numbers and days."""
        return [(file.id, file.partition) for file in self.manifest.visible("0", before) if file.partition < before]

    def drop(self, connection: sa.Connection, ids: Collection[int]) -> dict[str, int]:
        """Forget rows of days whose index is about to be dropped, in the caller's transaction; documents by origin."""
        found: dict[str, int] = defaultdict(int)
        for chunk in chunks(ids):
            held = sa.select(dataset_origin.c.origin, dataset_origin.c.rows).where(dataset_origin.c.file_id.in_(chunk))
            for origin, rows in connection.execute(held):
                found[origin] += rows
            connection.execute(dataset_file.delete().where(dataset_file.c.id.in_(chunk)))
        return dict(found)

    def _all_open(self, connection: sa.Connection, opened: Mapping[str, int]) -> bool:
        still = sa.select(sa.func.count()).where(dataset_origin.c.file_id.in_(opened.values()))
        return connection.execute(still).scalar_one() == len(opened)

    def _bury(self, connection: sa.Connection, current: Collection[int], now: datetime) -> set[str]:
        """Make the generations of these rows dead; the days they were of."""
        days: set[str] = set()
        dead: set[int] = set()
        for chunk in chunks(sorted(current)):
            rows = sa.select(dataset_file.c.partition, dataset_file.c.key).where(dataset_file.c.id.in_(chunk))
            for day, key in connection.execute(rows):
                days.add(day)
                dead.add(_number(key))
            connection.execute(dataset_file.delete().where(dataset_file.c.id.in_(chunk)))
        for number in sorted(dead):
            values = {**self._values(NO_DAY, now), "key": self._key(number), "removed_at": now}
            connection.execute(dataset_file.insert().values(**values))
        return days

    def _bury_open(self, connection: sa.Connection, opened: Mapping[str, int], now: datetime) -> None:
        """Make other open generations of the same origins dead: what they were built on has changed."""
        for chunk in chunks(opened):
            theirs = sa.select(dataset_origin.c.file_id).where(dataset_origin.c.origin.in_(chunk))
            others = sa.and_(dataset_file.c.id.in_(theirs), ~dataset_file.c.id.in_(opened.values()))
            self._kill(connection, others, now)

    def _kill(self, connection: sa.Connection, which: sa.ColumnElement[bool], now: datetime) -> None:
        """Make those open generations dead that meet a condition."""
        named = sa.select(dataset_origin.c.file_id)
        found = self._marks(dataset_file.c.id).where(which, dataset_file.c.id.in_(named))
        ids = list(connection.execute(found).scalars())
        for chunk in chunks(ids):
            connection.execute(dataset_origin.delete().where(dataset_origin.c.file_id.in_(chunk)))
            connection.execute(dataset_file.update().where(dataset_file.c.id.in_(chunk)).values(removed_at=now))

    def _marks(self, *columns: sa.ColumnElement[object]) -> sa.Select[tuple[object, ...]]:
        return sa.select(*columns).where(self._mine(), dataset_file.c.partition == NO_DAY)

    def _mine(self) -> sa.ColumnElement[bool]:
        return sa.and_(dataset_file.c.dataset == self.manifest.name, dataset_file.c.tenant == self.tenant)

    def _values(self, day: str, now: datetime) -> dict[str, object]:
        name = self.manifest.name
        return {"dataset": name, "tenant": self.tenant, "partition": day, "rows": 0, "bytes": 0, "created_at": now}

    def _key(self, number: int) -> str:
        return f"{self.manifest.name}/{self.tenant}/{number}"


def _number(key: str) -> int:
    """The generation that a row's key names, with or without a day."""
    tail = key.rsplit("/", 2)
    return int(tail[-1] if tail[-1].isdigit() else tail[-2])


SIGN_OF_LIFE = timedelta(seconds=30)
DEAD_AFTER = timedelta(minutes=15)
"""A writer that shows no sign of life for so long is dead; one that wakes up then cannot commit any more."""
FORGOTTEN_AFTER = timedelta(days=1)
"""No request that a dead writer has sent is on its way so much later."""
