"""Dead letters: records that could not be used, kept with their place and reason until they can be.

What belongs here: keeping, finding, and resolving them. What does not: making a record usable again; a replay
derives the letter's origin again, which is its domain's business.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from logplatform.landing.ledger import PAGE, Ledger
from logplatform.stores.schema import dead_letter as table
from logplatform.stores.sql import chunks

RAW_LIMIT_BYTES = 8_192


@dataclass(frozen=True, slots=True)
class Letter:
    """A record that was refused: `position` is its line or ordinal in the file (from 1).

    `raw` must be redacted already; it is cut at RAW_LIMIT_BYTES. `reasons` are sentences for people, `tags` words
    for programs.
    """

    position: int
    raw: bytes
    reasons: tuple[str, ...]
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Origin:
    """Where letters come from; `key` is the origin's identity as the domain defines it (unique in the domain)."""

    key: str
    source: str
    path: str
    sha256: str
    day: date


@dataclass(frozen=True, slots=True)
class StoredLetter:
    """A letter as it is kept; open while `replayed_at` is None."""

    id: int
    origin: str
    position: int
    source: str
    path: str
    sha256: str
    day: date
    raw: bytes
    reasons: Sequence[str]
    tags: Sequence[str]
    batch_id: str | None
    created_at: datetime
    replayed_at: datetime | None


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """The dead letters of a ledger's domain and tenant."""

    ledger: Ledger

    def replace(
        self, connection: sa.Connection, origin: Origin, letters: Iterable[Letter], batch_id: str | None = None
    ) -> int:
        """Make `letters` the open letters of `origin`; those that are no longer among them count as replayed.

        Returns how many are open now. Letters are taken as a stream; a repeated position is one letter.
        """
        dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
        now = self.ledger.now()
        mine = sa.and_(self._mine(), table.c.origin == origin.key)
        connection.execute(table.update().where(mine, table.c.replayed_at.is_(None)).values(replayed_at=now))
        insert = dialect.insert(table)
        upsert = insert.on_conflict_do_update(
            index_elements=["domain", "tenant", "origin", "position"],
            set_={
                name: insert.excluded[name] for name in ("sha256", "raw", "reasons", "tags", "batch_id", "replayed_at")
            },
        )
        for chunk in chunks(letters):
            connection.execute(upsert, [self._row(origin, letter, batch_id, now) for letter in chunk])
        return self.count_in(connection, table.c.origin == origin.key)

    def find(self, *conditions: sa.ColumnElement[bool], replayed: bool = False) -> Iterator[StoredLetter]:
        """Open letters (with `replayed` all) that meet every condition on `schema.dead_letter`, oldest first."""
        base = sa.select(table).where(self._mine(), *conditions).order_by(table.c.id).limit(PAGE)
        if not replayed:
            base = base.where(table.c.replayed_at.is_(None))
        after = 0
        while True:
            with self.ledger.database.read() as connection:
                page = [_stored(row) for row in connection.execute(base.where(table.c.id > after))]
            yield from page
            if len(page) < PAGE:
                return
            after = page[-1].id

    def count(self, *conditions: sa.ColumnElement[bool]) -> int:
        """How many open letters meet every condition."""
        with self.ledger.database.read() as connection:
            return self.count_in(connection, *conditions)

    def count_in(self, connection: sa.Connection, *conditions: sa.ColumnElement[bool]) -> int:
        """The same, as `connection` sees them: beside what else it reads or writes."""
        query = sa.select(sa.func.count()).where(self._mine(), table.c.replayed_at.is_(None), *conditions)
        return connection.execute(query).scalar_one()

    def _mine(self) -> sa.ColumnElement[bool]:
        return sa.and_(table.c.domain == self.ledger.domain, table.c.tenant == self.ledger.tenant)

    def _row(self, origin: Origin, letter: Letter, batch_id: str | None, now: datetime) -> dict[str, object]:
        return {
            "domain": self.ledger.domain,
            "tenant": self.ledger.tenant,
            "origin": origin.key,
            "position": letter.position,
            "source": origin.source,
            "path": origin.path,
            "sha256": origin.sha256,
            "day": origin.day,
            "raw": letter.raw[:RAW_LIMIT_BYTES],
            "reasons": list(letter.reasons),
            "tags": list(letter.tags),
            "batch_id": batch_id,
            "created_at": now,
            "replayed_at": None,
        }


def _stored(row: sa.Row[Any]) -> StoredLetter:
    values = row._mapping
    return StoredLetter(**{name: values[name] for name in StoredLetter.__dataclass_fields__})
