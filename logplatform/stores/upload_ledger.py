"""The ledger of uploads: every file that was received, and what became of it.

What belongs here: the Protocol `UploadLedger` and its SQL implementation. What does not: receiving (`uploads.intake`)
and ingesting (`uploads.worker`).

It is the truth of uploads. Jobs in the queue are hints that are made again from it; so an upload whose job was lost
is ingested all the same.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any, Literal, Protocol

import sqlalchemy as sa

from logplatform.stores.sql import Database
from logplatform.stores.upload_tables import upload as table

UploadStatus = Literal["pending", "processing", "completed", "failed", "duplicate"]
UploadType = Literal["csv", "json", "api"]
OPEN: tuple[UploadStatus, ...] = ("pending", "processing")


@dataclass(frozen=True, slots=True)
class UploadRecord:
    """One upload; times in UTC. `file_size` in bytes; once completed `total_lines` = `documents` + `dead_letters` +
    `duplicates`, which are named events that are in the index already.

    `file_type` is `api` for events that were sent as such, and lie in the file as JSON.

    A duplicate names in `duplicate_of` the job whose file has the same bytes; what became of these is told there.
    """

    job_id: str
    file_id: str
    filename: str
    unique_filename: str
    object_key: str
    file_size: int
    file_type: UploadType
    total_lines: int
    preview: Sequence[Mapping[str, Any]]
    sha256: str
    uploaded_at: datetime
    status: UploadStatus
    updated_at: datetime
    duplicate_of: str | None = None
    retry_count: int = 0
    error_message: str | None = None
    documents: int | None = None
    dead_letters: int | None = None
    duplicates: int | None = None
    completed_at: datetime | None = None
    failed_at: datetime | None = None

    @property
    def processed(self) -> bool:
        """Whether every record is in the index or in the dead letters."""
        return self.status == "completed"


class UploadLedger(Protocol):
    """The uploads of one tenant."""

    def add(self, record: UploadRecord) -> UploadRecord:
        """Record a new upload as pending, or as a duplicate if one with the same bytes has not failed."""
        ...

    def get(self, job_id: str) -> UploadRecord | None:
        """One upload."""
        ...

    def recent(self, limit: int) -> list[UploadRecord]:
        """The newest uploads, newest first."""
        ...

    def unfinished(self) -> Iterator[str]:
        """Jobs that are pending or in work, oldest first."""
        ...

    def counts(self) -> dict[UploadStatus, int]:
        """Uploads by status."""
        ...

    def begin(self, job_id: str) -> None:
        """pending → processing."""
        ...

    def fail(self, job_id: str, error: str, *, final: bool) -> int:
        """Record a failure: back to pending, or failed for good; how many attempts there have been."""
        ...

    def retry(self, job_id: str) -> bool:
        """failed → pending, with its attempts forgotten; False if it had not failed."""
        ...


@dataclass(frozen=True, slots=True)
class SqlUploadLedger:
    """The ledger in the domain's database; see `UploadLedger`."""

    database: Database
    tenant: str
    now: Callable[[], datetime]

    def add(self, record: UploadRecord) -> UploadRecord:
        """Look for the same bytes and insert in one transaction, so that of two at once one is the duplicate."""
        same = sa.select(table.c.job_id).where(
            self._mine(), table.c.sha256 == record.sha256, table.c.status.in_((*OPEN, "completed"))
        )
        values = {field.name: getattr(record, field.name) for field in fields(record)}
        with self.database.write() as connection:
            first = connection.execute(same.order_by(table.c.uploaded_at).limit(1)).scalar_one_or_none()
            if first is not None:
                values |= {"status": "duplicate", "duplicate_of": first}
            connection.execute(table.insert().values(tenant=self.tenant, **values))
        return UploadRecord(**values)

    def get(self, job_id: str) -> UploadRecord | None:
        """One row."""
        with self.database.read() as connection:
            row = connection.execute(sa.select(table).where(self._mine(), table.c.job_id == job_id)).first()
        return None if row is None else _record(row)

    def recent(self, limit: int) -> list[UploadRecord]:
        """By the time of upload."""
        query = sa.select(table).where(self._mine()).order_by(table.c.uploaded_at.desc(), table.c.job_id).limit(limit)
        with self.database.read() as connection:
            return [_record(row) for row in connection.execute(query)]

    def unfinished(self) -> Iterator[str]:
        """One after the other, in one snapshot."""
        query = sa.select(table.c.job_id).where(self._mine(), table.c.status.in_(OPEN)).order_by(table.c.uploaded_at)
        with self.database.read() as connection:
            for (job_id,) in connection.execute(query):
                yield str(job_id)

    def counts(self) -> dict[UploadStatus, int]:
        """Counted by the database."""
        query = sa.select(table.c.status, sa.func.count()).where(self._mine()).group_by(table.c.status)
        with self.database.read() as connection:
            return dict(connection.execute(query).tuples().all())

    def begin(self, job_id: str) -> None:
        """Only what is open begins."""
        self._change(job_id, {"status": "processing"}, OPEN)

    def complete(
        self, connection: sa.Connection, job_id: str, documents: int, dead_letters: int, duplicates: int
    ) -> None:
        """processing → completed, in the transaction that makes the documents visible."""
        now = self.now()
        counts = {"documents": documents, "dead_letters": dead_letters, "duplicates": duplicates}
        connection.execute(
            table.update()
            .where(self._mine(), table.c.job_id == job_id)
            .values(**counts, status="completed", error_message=None, completed_at=now, updated_at=now, failed_at=None)
        )

    def fail(self, job_id: str, error: str, *, final: bool) -> int:
        """The count of retries is that of attempts that failed and were, or will be, made again."""
        values: dict[str, Any] = {"error_message": error, "status": "failed" if final else "pending"}
        if final:
            values["failed_at"] = self.now()
        else:
            values["retry_count"] = table.c.retry_count + 1
        self._change(job_id, values, OPEN)
        record = self.get(job_id)
        return 0 if record is None else record.retry_count

    def retry(self, job_id: str) -> bool:
        """Only what has failed."""
        values = {"status": "pending", "retry_count": 0, "error_message": None, "failed_at": None}
        return self._change(job_id, values, ("failed",))

    def _change(self, job_id: str, values: Mapping[str, Any], found_in: Sequence[UploadStatus]) -> bool:
        query = table.update().where(self._mine(), table.c.job_id == job_id, table.c.status.in_(found_in))
        with self.database.write() as connection:
            return connection.execute(query.values(**values, updated_at=self.now())).rowcount > 0

    def _mine(self) -> sa.ColumnElement[bool]:
        return table.c.tenant == self.tenant


def _record(row: sa.Row[Any]) -> UploadRecord:
    values = row._mapping
    return UploadRecord(**{field.name: values[field.name] for field in fields(UploadRecord)})
