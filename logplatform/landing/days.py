"""Day commits: which asset's days are committed, by which run, and whether Dagster was told.

What belongs here: the record that lets a reconciler report the committed days of a run that died. What does not:
the reporting itself (`logplatform.orchestration`).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from logplatform.landing.ledger import Ledger
from logplatform.stores.schema import day_commit as table


@dataclass(frozen=True, slots=True)
class DayCommit:
    """The newest commit of one day of one asset; `counts` is JSON-ready (files, records, bytes, seconds, …)."""

    asset: str
    day: date
    run_id: str
    batch_id: str | None
    counts: Mapping[str, Any]
    committed_at: datetime
    reported: bool


@dataclass(frozen=True, slots=True)
class DayCommits:
    """The day commits of a ledger's domain and tenant."""

    ledger: Ledger

    def commit(
        self,
        connection: sa.Connection,
        asset: str,
        day: date,
        run_id: str,
        counts: Mapping[str, Any],
        batch_id: str | None = None,
    ) -> None:
        """Record, in the data's own transaction, that `asset` holds `day`; `asset` is its key with `/`."""
        dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
        values = {
            "run_id": run_id,
            "batch_id": batch_id,
            "counts": dict(counts),
            "committed_at": self.ledger.now(),
            "reported": False,
        }
        connection.execute(
            dialect.insert(table)
            .values(domain=self.ledger.domain, tenant=self.ledger.tenant, asset=asset, day=day, **values)
            .on_conflict_do_update(index_elements=["domain", "tenant", "asset", "day"], set_=values)
        )

    def unreported(self, run_id: str | None = None, asset: str | None = None) -> Iterator[DayCommit]:
        """Commits (of one run, of one asset, where given) that Dagster may not know of yet, by run and day."""
        query = sa.select(table).where(self._mine(), table.c.reported.is_(False)).order_by(table.c.run_id, table.c.day)
        if run_id is not None:
            query = query.where(table.c.run_id == run_id)
        if asset is not None:
            query = query.where(table.c.asset == asset)
        with self.ledger.database.read() as connection:
            for row in connection.execution_options(yield_per=1_000).execute(query):
                yield _commit_of(row)

    def reported(self, run_id: str, asset: str | None = None, until: datetime | None = None) -> None:
        """Every commit of this run (of `asset` alone, and made up to `until`, where given) is known to Dagster."""
        known = sa.and_(self._mine(), table.c.run_id == run_id)
        if asset is not None:
            known = sa.and_(known, table.c.asset == asset)
        if until is not None:
            known = sa.and_(known, table.c.committed_at <= until)
        with self.ledger.database.write() as connection:
            connection.execute(table.update().where(known).values(reported=True))

    def newest(self, asset: str, day: date) -> DayCommit | None:
        """The newest commit of a day, None if there is none."""
        with self.ledger.database.read() as connection:
            return self.committed(connection, asset, day)

    def committed(self, connection: sa.Connection, asset: str, day: date) -> DayCommit | None:
        """The newest commit of a day as the transaction of `connection` sees it, None if there is none."""
        query = sa.select(table).where(self._mine(), table.c.asset == asset, table.c.day == day)
        row = connection.execute(query).first()
        return None if row is None else _commit_of(row)

    def _mine(self) -> sa.ColumnElement[bool]:
        return sa.and_(table.c.domain == self.ledger.domain, table.c.tenant == self.ledger.tenant)


def _commit_of(row: sa.Row[Any]) -> DayCommit:
    values = row._mapping
    return DayCommit(**{name: values[name] for name in DayCommit.__dataclass_fields__})
