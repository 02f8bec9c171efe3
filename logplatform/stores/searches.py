"""Searches that people saved under a name, and those they made last.

What belongs here: keeping them. What does not: what a search means (`log_query`), and HTTP.

Parameters are kept as they were asked (name -> text or number), so that what is saved today means the same tomorrow.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from logplatform.stores.search_tables import saved_search, search_history
from logplatform.stores.sql import Database

MAX_SAVED = 1_000
KEPT_IN_HISTORY = 100

Parameters = Mapping[str, Any]


class SearchRefused(ValueError):
    """A search that cannot be saved; the message tells why, fit for a client."""


@dataclass(frozen=True, slots=True)
class SavedSearch:
    """A search under a name that no other has; times in UTC."""

    id: int
    name: str
    parameters: Parameters
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class PastSearch:
    """A search that was made, how many documents it found the last time, and when that was (UTC)."""

    parameters: Parameters
    total: int
    searched_at: datetime


@dataclass(frozen=True, slots=True)
class SavedSearches:
    """The saved searches of one tenant, MAX_SAVED at most."""

    database: Database
    tenant: str
    now: Callable[[], datetime]

    def add(self, name: str, parameters: Parameters) -> SavedSearch:
        """Save a search; SearchRefused if the name is taken or there are too many."""
        count = sa.select(sa.func.count()).select_from(saved_search).where(self._mine())
        now = self.now()
        values = {"name": name, "parameters": dict(parameters), "created_at": now, "updated_at": now}
        query = saved_search.insert().values(tenant=self.tenant, **values).returning(saved_search.c.id)
        try:
            with self.database.write() as connection:
                if connection.execute(count).scalar_one() >= MAX_SAVED:
                    raise SearchRefused(f"there are {MAX_SAVED} saved searches; delete one first")
                number = connection.execute(query).scalar_one()
        except IntegrityError as error:
            raise SearchRefused(f"name: {name!r} is taken") from error
        return SavedSearch(number, name, parameters, now, now)

    def get(self, number: int) -> SavedSearch | None:
        """One saved search."""
        with self.database.read() as connection:
            row = connection.execute(self._rows().where(saved_search.c.id == number)).first()
        return None if row is None else SavedSearch(*row)

    def all(self) -> list[SavedSearch]:
        """All of them, by name."""
        with self.database.read() as connection:
            return [SavedSearch(*row) for row in connection.execute(self._rows().order_by(saved_search.c.name))]

    def change(self, number: int, name: str, parameters: Parameters) -> SavedSearch | None:
        """Replace name and parameters; None if there is no such search, SearchRefused if the name is taken."""
        values = {"name": name, "parameters": dict(parameters), "updated_at": self.now()}
        query = saved_search.update().where(self._mine(), saved_search.c.id == number).values(**values)
        try:
            with self.database.write() as connection:
                connection.execute(query)
        except IntegrityError as error:
            raise SearchRefused(f"name: {name!r} is taken") from error
        return self.get(number)

    def remove(self, number: int) -> bool:
        """Forget one; False if there is none."""
        with self.database.write() as connection:
            query = saved_search.delete().where(self._mine(), saved_search.c.id == number)
            return connection.execute(query).rowcount > 0

    def _rows(self) -> sa.Select[tuple[Any, ...]]:
        columns = (saved_search.c.id, saved_search.c.name, saved_search.c.parameters)
        return sa.select(*columns, saved_search.c.created_at, saved_search.c.updated_at).where(self._mine())

    def _mine(self) -> sa.ColumnElement[bool]:
        return saved_search.c.tenant == self.tenant


@dataclass(frozen=True, slots=True)
class SearchHistory:
    """The last KEPT_IN_HISTORY different searches of one tenant."""

    database: Database
    tenant: str
    now: Callable[[], datetime]

    def add(self, parameters: Parameters, total: int) -> None:
        """Record a search; the same made before moves to the top, the oldest beyond the bound go."""
        text = msgspec.json.encode(dict(parameters), order="sorted").decode()
        newest = sa.select(search_history.c.id).where(self._mine())
        newest = newest.order_by(search_history.c.id.desc()).limit(KEPT_IN_HISTORY)
        values = {"parameters": text, "total": total, "searched_at": self.now()}
        with self.database.write() as connection:
            connection.execute(search_history.delete().where(self._mine(), search_history.c.parameters == text))
            connection.execute(search_history.insert().values(tenant=self.tenant, **values))
            connection.execute(search_history.delete().where(self._mine(), search_history.c.id.not_in(newest)))

    def last(self, limit: int) -> list[PastSearch]:
        """The newest first."""
        columns = (search_history.c.parameters, search_history.c.total, search_history.c.searched_at)
        query = sa.select(*columns).where(self._mine()).order_by(search_history.c.id.desc()).limit(limit)
        with self.database.read() as connection:
            return [PastSearch(msgspec.json.decode(text), *rest) for text, *rest in connection.execute(query)]

    def clear(self) -> int:
        """Forget all; how many there were."""
        with self.database.write() as connection:
            return connection.execute(search_history.delete().where(self._mine())).rowcount

    def _mine(self) -> sa.ColumnElement[bool]:
        return search_history.c.tenant == self.tenant
