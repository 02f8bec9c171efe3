"""Where the domain tickets stands: offsets, commits, running totals, conflicts, the version of the tables.

What belongs here: these rows, for one tenant. What does not: the ids seen (`ticket_ids.py`), the tables' files (a
dataset's manifest). Every write takes the connection of the commit's one transaction.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from hashlib import blake2b
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from logplatform.failures import Conflict
from logplatform.stores.sql import Database, chunks
from logplatform.stores.ticket_tables import (
    ticket_client,
    ticket_commit,
    ticket_conflict,
    ticket_offset,
    ticket_total,
    ticket_version,
)

IDENTITY = -1
"""In place of a partition: the row tells which topic the others belong to, not an offset."""


@dataclass(frozen=True, slots=True)
class TopicKey:
    """A topic of a source."""

    source: str
    topic: str


@dataclass(frozen=True, slots=True)
class CommitRow:
    """One commit; messages = accepted + rejected + duplicates, and conflicts are among the duplicates.

    `ranges` holds [first offset, offset after the last] by partition, `bytes` is the messages' size.
    """

    id: int
    source: str
    topic: str
    ranges: Mapping[str, list[int]]
    messages: int
    accepted: int
    rejected: int
    duplicates: int
    conflicts: int
    bytes: int
    run_id: str
    day: date
    committed_at: datetime


@dataclass(frozen=True, slots=True)
class ConflictRow:
    """A message with a known ticket_id and another content than the first: `ticket` holds its fields, redacted."""

    partition: int
    offset: int
    ticket_id: str
    ticket: Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Totals:
    """What the aggregate tables are made of, as of one `version`: tickets by (request_type, priority)."""

    version: int
    counts: Mapping[tuple[str, str], int]
    unique_clients: int


@dataclass(frozen=True, slots=True)
class TicketState:
    """The state of one tenant's tickets."""

    database: Database
    tenant: str

    def offsets(self, connection: sa.Connection, key: TopicKey) -> dict[int, int]:
        """The next offset of each partition that has been read; partitions never read are missing."""
        table = ticket_offset
        query = sa.select(table.c.partition, table.c.next_offset).where(*self._of(table, key), table.c.partition >= 0)
        return dict(connection.execute(query).tuples().all())

    def is_known(self, connection: sa.Connection, key: TopicKey, identity: str | None) -> bool:
        """Whether the offsets belong to the topic of this `identity`, as far as that is known."""
        table = ticket_offset
        query = sa.select(table.c.next_offset).where(*self._of(table, key), table.c.partition == IDENTITY)
        before = connection.execute(query).scalar_one_or_none()
        return identity is None or before in (None, _number(identity))

    def identify(self, connection: sa.Connection, key: TopicKey, identity: str | None) -> None:
        """Put down which topic the offsets belong to; raises Conflict if they belong to another of its name."""
        if not self.is_known(connection, key, identity):
            raise Conflict(f"{key.source}/{key.topic}: the topic was made again while a commit was prepared")
        if identity is not None:
            row: dict[str, object] = {**self._key(key), "partition": IDENTITY, "next_offset": _number(identity)}
            self._upsert(connection, ticket_offset, [row], ["next_offset"])

    def advance(
        self, connection: sa.Connection, key: TopicKey, before: Mapping[int, int], after: Mapping[int, int]
    ) -> None:
        """Move the offsets on; raises Conflict unless they are still as they were `before` (missing: not read)."""
        if self.offsets(connection, key) != before:
            raise Conflict(f"{key.source}/{key.topic}: its offsets moved while a commit was prepared")
        values: list[dict[str, object]] = [
            {**self._key(key), "partition": partition, "next_offset": offset} for partition, offset in after.items()
        ]
        self._upsert(connection, ticket_offset, values, ["next_offset"])

    def next_commit(self, connection: sa.Connection) -> int:
        """The id of the commit that is being made; the write transaction keeps it for itself."""
        return (connection.execute(sa.select(sa.func.max(ticket_commit.c.id))).scalar_one() or 0) + 1

    def record(self, connection: sa.Connection, commit: CommitRow) -> None:
        """Add a commit."""
        values = {name: getattr(commit, name) for name in CommitRow.__dataclass_fields__}
        connection.execute(ticket_commit.insert().values(tenant=self.tenant, **values))

    def add_totals(self, connection: sa.Connection, counts: Mapping[tuple[str, str], int]) -> None:
        """Add to the tickets by (request_type, priority)."""
        insert = self._insert(connection, ticket_total)
        statement = insert.on_conflict_do_update(
            index_elements=["tenant", "request_type", "priority"],
            set_={"tickets": ticket_total.c.tickets + insert.excluded.tickets},
        )
        rows = [
            {"tenant": self.tenant, "request_type": kind, "priority": priority, "tickets": tickets}
            for (kind, priority), tickets in counts.items()
        ]
        if rows:
            connection.execute(statement, rows)

    def add_clients(self, connection: sa.Connection, clients: Iterable[str]) -> None:
        """Remember clients; known ones stay as they are."""
        statement = self._insert(connection, ticket_client).on_conflict_do_nothing()
        for chunk in chunks(clients):
            connection.execute(statement, [{"tenant": self.tenant, "client_id": client} for client in chunk])

    def add_conflicts(
        self, connection: sa.Connection, key: TopicKey, commit_id: int, conflicts: Iterable[ConflictRow]
    ) -> None:
        """Report tickets that contradict the first of their id."""
        for chunk in chunks(conflicts):
            rows = [
                {
                    **self._key(key),
                    "commit_id": commit_id,
                    **{name: getattr(found, name) for name in ConflictRow.__dataclass_fields__},
                }
                for found in chunk
            ]
            connection.execute(ticket_conflict.insert(), rows)

    def bump_version(self, connection: sa.Connection) -> int:
        """Number the state of the tables that this transaction makes."""
        version = self._version(connection) + 1
        self._upsert(connection, ticket_version, [{"tenant": self.tenant, "version": version}], ["version"])
        return version

    def totals(self) -> Totals:
        """The totals as of one moment."""
        with self.database.read() as connection:
            return self.totals_in(connection)

    def totals_in(self, connection: sa.Connection) -> Totals:
        """The totals as the transaction of `connection` sees them."""
        table = ticket_total
        counts = sa.select(table.c.request_type, table.c.priority, table.c.tickets).where(table.c.tenant == self.tenant)
        clients = sa.select(sa.func.count()).select_from(ticket_client).where(ticket_client.c.tenant == self.tenant)
        return Totals(
            version=self._version(connection),
            counts={(kind, priority): tickets for kind, priority, tickets in connection.execute(counts)},
            unique_clients=connection.execute(clients).scalar_one(),
        )

    def commits(self, newest: int) -> list[CommitRow]:
        """The newest commits, newest first."""
        query = (
            sa.select(ticket_commit)
            .where(ticket_commit.c.tenant == self.tenant)
            .order_by(ticket_commit.c.id.desc())
            .limit(newest)
        )
        with self.database.read() as connection:
            return [_row(row) for row in connection.execute(query)]

    def sums(self) -> dict[str, int]:
        """Over all commits: messages, accepted, rejected, duplicates, conflicts, bytes."""
        names = ("messages", "accepted", "rejected", "duplicates", "conflicts", "bytes")
        columns = [sa.func.coalesce(sa.func.sum(ticket_commit.c[name]), 0).label(name) for name in names]
        query = sa.select(*columns).where(ticket_commit.c.tenant == self.tenant)
        with self.database.read() as connection:
            row = connection.execute(query).one()
        return {name: int(row._mapping[name]) for name in names}

    def conflicts(self, newest: int) -> Iterator[ConflictRow]:
        """The newest conflicts, newest first."""
        table = ticket_conflict
        query = sa.select(table).where(table.c.tenant == self.tenant).order_by(table.c.id.desc()).limit(newest)
        with self.database.read() as connection:
            for row in connection.execute(query):
                yield ConflictRow(row.partition, row.offset, row.ticket_id, row.ticket)

    def _version(self, connection: sa.Connection) -> int:
        query = sa.select(ticket_version.c.version).where(ticket_version.c.tenant == self.tenant)
        return connection.execute(query).scalar_one_or_none() or 0

    def _key(self, key: TopicKey) -> dict[str, str]:
        return {"tenant": self.tenant, "source": key.source, "topic": key.topic}

    def _of(self, table: sa.Table, key: TopicKey) -> list[sa.ColumnElement[bool]]:
        return [table.c[name] == value for name, value in self._key(key).items()]

    @staticmethod
    def _insert(connection: sa.Connection, table: sa.Table) -> "sqlite.Insert":
        # PostgreSQL's insert has the same methods, but shares no type with SQLite's.
        dialect: Any = sqlite if connection.dialect.name == "sqlite" else postgresql
        return dialect.insert(table)

    def _upsert(
        self, connection: sa.Connection, table: sa.Table, rows: list[dict[str, object]], changed: list[str]
    ) -> None:
        if rows:
            insert = self._insert(connection, table)
            keys = [column.name for column in table.primary_key]
            statement = insert.on_conflict_do_update(
                index_elements=keys, set_={name: insert.excluded[name] for name in changed}
            )
            connection.execute(statement, rows)


def _number(identity: str) -> int:
    """An identity as a number of 63 bits."""
    return int.from_bytes(blake2b(identity.encode(), digest_size=8).digest()) >> 1


def _row(row: sa.Row[Any]) -> CommitRow:
    values = row._mapping
    return CommitRow(**{name: values[name] for name in CommitRow.__dataclass_fields__})
