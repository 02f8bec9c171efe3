"""Commits of tickets that are derived again: finding them, and taking back what they brought.

What belongs here: the rows of commits that are made already. What does not: the commit that is being made
(`ticket_state.py`), the ids of new tickets (`ticket_ids.py`), and the tables' files.

The statements about ids are each database's own, as in `ticket_ids.py`: ids are given as one blob that it takes apart.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa

from logplatform.stores.sql import Database, chunks
from logplatform.stores.ticket_ids import ID_BYTES
from logplatform.stores.ticket_state import CommitRow
from logplatform.stores.ticket_tables import ticket_client, ticket_commit, ticket_conflict, ticket_total

PAGE = 500
_FORGET = f"""WITH RECURSIVE record(at) AS (
  SELECT 1 WHERE length(:ids) > 0
  UNION ALL SELECT at + {ID_BYTES} FROM record WHERE at + {ID_BYTES} < length(:ids)
) DELETE FROM ticket_seen WHERE tenant = :tenant AND id IN (SELECT substr(:ids, at, {ID_BYTES}) FROM record)"""  # noqa: S608 (constants only)

# As an array: of a subquery the planner may think that reading the whole table is cheaper.
_POSTGRES_FORGET = f"""DELETE FROM ticket_seen WHERE tenant = %(tenant)s AND id = ANY (ARRAY(
  SELECT substr(ids, at, {ID_BYTES}) FROM (SELECT CAST(%(ids)s AS bytea) AS ids) AS given
  CROSS JOIN generate_series(1, length(given.ids), {ID_BYTES}) AS record(at)
))"""  # noqa: S608 (constants only)


@dataclass(frozen=True, slots=True)
class TicketHistory:
    """The commits of one tenant."""

    database: Database
    tenant: str

    def days(self, days: Sequence[date]) -> list[date]:
        """Those of `days` that have commits, in order."""
        table = ticket_commit
        found: list[date] = []
        for chunk in chunks(days):
            query = sa.select(table.c.day).distinct().where(table.c.tenant == self.tenant, table.c.day.in_(chunk))
            with self.database.read() as connection:
                found += connection.execute(query).scalars()
        return sorted(found)

    def commits(self, day: date) -> Iterator[CommitRow]:
        """The commits of a day, in the order they were made."""
        table = ticket_commit
        query = sa.select(table).where(table.c.tenant == self.tenant, table.c.day == day).order_by(table.c.id)
        after = 0
        while True:
            with self.database.read() as connection:
                page = [_row(row) for row in connection.execute(query.where(table.c.id > after).limit(PAGE))]
            yield from page
            if len(page) < PAGE:
                return
            after = page[-1].id

    def correct(self, connection: sa.Connection, commit: CommitRow) -> None:
        """Put down anew how many messages of a commit became what."""
        names = ("accepted", "rejected", "duplicates", "conflicts")
        connection.execute(
            ticket_commit.update()
            .where(ticket_commit.c.tenant == self.tenant, ticket_commit.c.id == commit.id)
            .values(**{name: getattr(commit, name) for name in names})
        )

    def forget(self, connection: sa.Connection, commit_ids: Sequence[int], ids: bytes) -> None:
        """Forget what commits brought: their tickets' `ids` (16 bytes each, one after the other), their conflicts."""
        forget = _POSTGRES_FORGET if connection.dialect.name == "postgresql" else _FORGET
        connection.exec_driver_sql(forget, {"ids": ids, "tenant": self.tenant})
        table = ticket_conflict
        for chunk in chunks(commit_ids):
            connection.execute(table.delete().where(table.c.tenant == self.tenant, table.c.commit_id.in_(chunk)))

    def forget_clients(self, connection: sa.Connection, clients: Iterable[str]) -> None:
        """Forget clients that no ticket is left of."""
        table = ticket_client
        for chunk in chunks(clients):
            connection.execute(table.delete().where(table.c.tenant == self.tenant, table.c.client_id.in_(chunk)))

    def forget_totals(self, connection: sa.Connection) -> None:
        """Forget all totals and clients, so that they can be counted anew in the same transaction."""
        for table in (ticket_total, ticket_client):
            connection.execute(table.delete().where(table.c.tenant == self.tenant))


def _row(row: sa.Row[Any]) -> CommitRow:
    values = row._mapping
    return CommitRow(**{name: values[name] for name in CommitRow.__dataclass_fields__})
