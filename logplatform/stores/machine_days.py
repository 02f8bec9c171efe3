"""The account of each machine's day: what its log's lines became.

What belongs here: one row for each folder and day, and sums over them. What does not: the lines themselves
(`machine_events`), and the landing's own count of them (`content.lines`), which this is checked against.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from logplatform.stores.session_schema import machine_day as table
from logplatform.stores.sql import Database

_KEY = ("tenant", "source", "folder", "day")


@dataclass(frozen=True, slots=True)
class DayAccount:
    """What the lines of one folder's day became, over all versions of its log that were landed.

    `lines` = `events` + `dead_letters` + `duplicates` + `unended`; `duplicates` are lines that another version had
    too, `unended` is 1 while the last line of a growing file waits for its end. `final`: the day is over. `versions`
    is how many make up the day; `path` is the newest one's.
    """

    source: str
    folder: str
    day: date
    path: str
    final: bool
    versions: int
    lines: int
    events: int
    dead_letters: int
    duplicates: int
    unended: int
    derived_at: datetime


@dataclass(frozen=True, slots=True)
class MachineDays:
    """The accounts of one tenant."""

    database: Database
    tenant: str

    def record(self, connection: sa.Connection, account: DayAccount) -> None:
        """Make this the account of its folder and day, in the transaction of its events."""
        dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
        values = {"tenant": self.tenant, **asdict(account)}
        told = {name: value for name, value in values.items() if name not in _KEY}
        insert = dialect.insert(table).values(**values)
        connection.execute(insert.on_conflict_do_update(index_elements=list(_KEY), set_=told))

    def of_day(self, day: date) -> Sequence[DayAccount]:
        """The accounts of a day, by source and folder."""
        return list(self._found(table.c.day == day))

    def unfinished(self) -> Iterator[DayAccount]:
        """The accounts of days that were not over when they were derived, oldest first."""
        yield from self._found(table.c.final.is_(False))

    def totals(self, connection: sa.Connection) -> dict[str, int]:
        """The sums of all accounts: events, dead_letters, duplicates, unended."""
        names = ("events", "dead_letters", "duplicates", "unended")
        sums = [sa.func.coalesce(sa.func.sum(table.c[name]), 0) for name in names]
        row = connection.execute(sa.select(*sums).where(table.c.tenant == self.tenant)).one()
        return dict(zip(names, map(int, row), strict=True))

    def _found(self, *conditions: sa.ColumnElement[bool]) -> Iterator[DayAccount]:
        order = (table.c.day, table.c.source, table.c.folder)
        query = sa.select(table).where(table.c.tenant == self.tenant, *conditions).order_by(*order)
        with self.database.read() as connection:
            found = connection.execute(query).all()
        yield from map(_account, found)


def _account(row: sa.Row[Any]) -> DayAccount:
    values = row._mapping
    return DayAccount(**{name: values[name] for name in DayAccount.__dataclass_fields__})
