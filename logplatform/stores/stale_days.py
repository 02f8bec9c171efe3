"""Days of events that have changed since something was derived from them.

What belongs here: marking, reading and clearing days. What does not: deriving (`uploads.derive`).

A day is marked in the transaction that changes its documents, once for each thing that is derived, and cleared in the
transaction that stores what was derived, unless it was marked anew in between; so no change is ever missed.
"""

import uuid
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from logplatform.stores.sql import Database, chunks
from logplatform.stores.upload_tables import upload_stale_day as table


@dataclass(frozen=True, slots=True)
class StaleDay:
    """An event day (`YYYY-MM-DD`, UTC) that changed by an upload of `received_day`; `mark` tells the change."""

    event_day: str
    received_day: date
    mark: str


@dataclass(frozen=True, slots=True)
class StaleDays:
    """The stale days of one tenant."""

    database: Database
    tenant: str

    def mark(
        self, connection: sa.Connection, assets: Iterable[str], event_days: Collection[str], received_day: date
    ) -> None:
        """Mark days as changed, for everything (`assets`) that is derived from them."""
        mark = uuid.uuid4().hex
        rows = (
            {"tenant": self.tenant, "asset": asset, "event_day": day, "received_day": received_day, "mark": mark}
            for asset in assets
            for day in sorted(event_days)
        )
        dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
        insert = dialect.insert(table)
        keys = ["tenant", "asset", "event_day", "received_day"]
        upsert = insert.on_conflict_do_update(index_elements=keys, set_={"mark": insert.excluded.mark})
        for chunk in chunks(rows):
            connection.execute(upsert, chunk)

    def all(self, asset: str) -> list[StaleDay]:
        """Every stale event day, oldest first, with a mark for each day of uploads that changed it."""
        query = (
            sa.select(table.c.event_day, table.c.received_day, table.c.mark)
            .where(table.c.tenant == self.tenant, table.c.asset == asset)
            .order_by(table.c.event_day, table.c.received_day)
        )
        with self.database.read() as connection:
            return [StaleDay(*row) for row in connection.execute(query)]

    def count(self, asset: str) -> int:
        """How many event days are stale."""
        query = sa.select(sa.func.count(table.c.event_day.distinct()))
        with self.database.read() as connection:
            mine = (table.c.tenant == self.tenant, table.c.asset == asset)
            return connection.execute(query.where(*mine)).scalar_one()

    def clear(self, connection: sa.Connection, asset: str, days: Collection[StaleDay]) -> None:
        """Take these marks away, in the transaction that stores what was derived; newer ones stay."""
        for day in days:
            connection.execute(
                table.delete().where(
                    table.c.tenant == self.tenant,
                    table.c.asset == asset,
                    table.c.event_day == day.event_day,
                    table.c.received_day == day.received_day,
                    table.c.mark == day.mark,
                )
            )
