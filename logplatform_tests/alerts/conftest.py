"""A book of incidents on a database of its own (SQLite, PostgreSQL), with a clock that tests move."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from logplatform.alerts.book import AlertBook
from logplatform.stores.sql import Database
from logplatform_tests.alerts.receiver import Receiver, receiving
from logplatform_tests.databases import database, migrated, place, sql_store

__all__ = ["Clock", "book", "clock", "database", "migrated", "place", "receiver", "sql_store"]


class Clock:
    """A time that stands until it is moved."""

    def __init__(self) -> None:
        self.time = datetime(2025, 6, 1, 12, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.time

    def pass_(self, **time: float) -> None:
        """Let this much time pass."""
        self.time += timedelta(**time)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def book(database: Database, clock: Clock) -> AlertBook:
    return AlertBook(database, "default", clock)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made
