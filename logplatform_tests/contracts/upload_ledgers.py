"""The ledgers that the cases of `UploadLedger` run on, opened in this process or, for they are picklable, in another.

What belongs here: opening, and an upload to record. What does not: the cases (`test_upload_ledger`).
"""

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from logplatform.settings.stores import UploadsStore
from logplatform.stores.places import Place, PostgresSchema, SqliteFile
from logplatform.stores.sql import Database
from logplatform.stores.sql_upload_ledger import SqlUploadLedger
from logplatform.stores.upload_ledger import UploadLedger
from logplatform.stores.upload_record import UploadRecord
from logplatform_tests.databases import SCHEMA

KINDS = ("sqlite", "postgresql", "mongodb", "mongodb_postgresql")
"""mongodb: the domain's data is in SQLite; mongodb_postgresql: in PostgreSQL."""

BEGIN = datetime(2026, 3, 1, 12, tzinfo=UTC)


@dataclass
class Clock:
    """A clock that a test sets."""

    at: datetime = BEGIN

    def __call__(self) -> datetime:
        return self.at

    def pass_by(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@dataclass(frozen=True)
class Opened:
    """A tenant's ledger, and the database of the domain's data."""

    ledger: UploadLedger
    database: Database

    def complete(self, job_id: str, documents: int, dead_letters: int = 0, duplicates: int = 0) -> None:
        """As an upload is completed: in a transaction, told after it."""
        with self.database.write() as connection:
            self.ledger.complete(connection, job_id, documents, dead_letters, duplicates, 1.5)
        self.ledger.settle()


OpenLedger = Callable[..., AbstractContextManager[Opened]]
"""Opens the ledger of a tenant ("default" if none is named) with a clock."""


@dataclass(frozen=True)
class InSql:
    place: Place

    @contextmanager
    def __call__(self, clock: Callable[[], datetime], tenant: str = "default") -> Generator[Opened]:
        with closing(self.place.open()) as database:
            yield Opened(SqlUploadLedger(database, tenant, clock), database)


@dataclass(frozen=True)
class InMongo:
    place: Place
    section: UploadsStore

    @contextmanager
    def __call__(self, clock: Callable[[], datetime], tenant: str = "default") -> Generator[Opened]:
        from logplatform.stores.mongo_ledger import MongoUploadLedger  # noqa: PLC0415 (an extra)

        with closing(self.place.open()) as database:
            yield Opened(MongoUploadLedger(self.section, database, tenant, clock), database)


def opener(request: pytest.FixtureRequest, kind: str) -> OpenLedger:
    """An empty ledger of that kind."""
    if kind.endswith("postgresql"):
        place: Place = PostgresSchema(request.getfixturevalue("sql_store"), SCHEMA)
    else:
        place = SqliteFile(request.getfixturevalue("tmp_path") / "uploads.db")
    if not kind.startswith("mongodb"):
        return InSql(place)
    return InMongo(place, request.getfixturevalue("mongo_store"))


def upload(job_id: str, sha256: str = "ab" * 32, at: datetime = BEGIN, **fields: Any) -> UploadRecord:
    """A pending upload of three records."""
    found = UploadRecord(
        job_id=job_id,
        file_id=f"file-{job_id}",
        filename="a.json",
        unique_filename=f"x_{job_id}_a.json",
        object_key=f"landing/{sha256}",
        file_size=10,
        file_type="json",
        total_lines=3,
        preview=[{"n": 1}],
        sha256=sha256,
        uploaded_at=at,
        status="pending",
        updated_at=at,
    )
    return replace(found, **fields)
