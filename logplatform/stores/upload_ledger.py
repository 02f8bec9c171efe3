"""The ledger of uploads: every file that was received, and what became of it.

What belongs here: the Protocol `UploadLedger` and its SQL implementation. What does not: receiving (`uploads.intake`)
and ingesting (`uploads.worker`).

It is the truth of uploads. Jobs in the queue are hints that are made again from it; so an upload whose job was lost
is ingested all the same.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from logplatform.stores.schema import content
from logplatform.stores.sql import Database
from logplatform.stores.upload_record import OPEN, UploadRecord, UploadStatus, UploadSums
from logplatform.stores.upload_tables import upload as table

DOMAIN = "uploads"
_PAGE = 100

Also = Callable[[sa.Connection, UploadRecord], object]
"""What is to be done in the transaction that records an upload; is given the record as it is kept."""


class UploadLedger(Protocol):
    """The uploads of one tenant."""

    def add(self, record: UploadRecord, also: Also | None = None) -> UploadRecord:
        """Record a new upload: as pending, or as a duplicate if one with the same bytes has not failed.

        A record that has failed already is kept as it is.
        """
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

    def received(self, first: datetime, before: datetime) -> Iterator[UploadRecord]:
        """The uploads that were received from `first` on and before `before`, oldest first."""
        ...

    def counts(self) -> dict[UploadStatus, int]:
        """Uploads by status."""
        ...

    def sums(self) -> dict[UploadStatus, UploadSums]:
        """What all uploads of each status come to."""
        ...

    def begin(self, job_id: str) -> None:
        """pending → processing; one more attempt."""
        ...

    def hand_back(self, job_id: str) -> None:
        """processing → pending: an attempt that was given up, and is nobody's fault."""
        ...

    def fail(self, job_id: str, error: str, *, final: bool, seconds: float = 0.0) -> int:
        """Record a failure: back to pending, or failed for good; how many retries there have been."""
        ...

    def retry(self, job_id: str) -> UploadStatus | None:
        """failed → pending, with its retries forgotten, or → duplicate if the same bytes were taken since.

        None if it had not failed, or if nothing of it was taken.
        """
        ...


@dataclass(frozen=True, slots=True)
class SqlUploadLedger:
    """The ledger in the domain's database; see `UploadLedger`."""

    database: Database
    tenant: str
    now: Callable[[], datetime]

    def add(self, record: UploadRecord, also: Also | None = None) -> UploadRecord:
        """Look for the same bytes and insert in one transaction, so that of two at once one is the duplicate.

        The bytes become a known content in it too: from then on they are nobody's leavings.
        """
        with self.database.write() as connection:
            first = self._first(connection, record.sha256)
            if first is not None and record.status == "pending":
                record = replace(record, status="duplicate", duplicate_of=first)
            values = {field.name: getattr(record, field.name) for field in fields(record)}
            connection.execute(table.insert().values(tenant=self.tenant, **values))
            if record.object_key:
                self._know(connection, record)
            if also is not None:
                also(connection, record)
        return record

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

    def received(self, first: datetime, before: datetime) -> Iterator[UploadRecord]:
        """A page at a time, so that no snapshot is held while the caller works."""
        key = (table.c.uploaded_at, table.c.job_id)
        query = sa.select(table).where(self._mine(), table.c.uploaded_at < before).order_by(*key).limit(_PAGE)
        page = query.where(table.c.uploaded_at >= first)
        while True:
            with self.database.read() as connection:
                found = [_record(row) for row in connection.execute(page)]
            yield from found
            if len(found) < _PAGE:
                return
            last = (sa.literal(found[-1].uploaded_at, table.c.uploaded_at.type), sa.literal(found[-1].job_id))
            page = query.where(sa.tuple_(*key) > sa.tuple_(*last))

    def counts(self) -> dict[UploadStatus, int]:
        """Counted by the database."""
        query = sa.select(table.c.status, sa.func.count()).where(self._mine()).group_by(table.c.status)
        with self.database.read() as connection:
            return dict(connection.execute(query).tuples().all())

    def sums(self) -> dict[UploadStatus, UploadSums]:
        """Read from an index that holds all that is summed up."""
        c = table.c
        summed = (c.total_lines, c.documents, c.dead_letters, c.duplicates, c.expired, c.attempts)
        again = sa.case((c.attempts > 1, c.attempts - 1), else_=0)
        columns = [sa.func.coalesce(sa.func.sum(it), 0) for it in (*summed, again, c.seconds, c.file_size)]
        query = sa.select(c.status, sa.func.count(), *columns).where(self._mine()).group_by(c.status)
        with self.database.read() as connection:
            return {status: UploadSums(*figures) for status, *figures in connection.execute(query)}

    def begin(self, job_id: str) -> None:
        """Only what is open begins."""
        self._change(job_id, {"status": "processing", "attempts": table.c.attempts + 1}, OPEN)

    def hand_back(self, job_id: str) -> None:
        """Only what is in work."""
        self._change(job_id, {"status": "pending"}, ("processing",))

    def complete(
        self,
        connection: sa.Connection,
        job_id: str,
        documents: int,
        dead_letters: int,
        duplicates: int,
        seconds: float = 0.0,
    ) -> None:
        """processing → completed, in the transaction that makes the documents visible."""
        now = self.now()
        counts = {"documents": documents, "dead_letters": dead_letters, "duplicates": duplicates, "expired": 0}
        times = {"seconds": table.c.seconds + seconds, "completed_at": now, "updated_at": now, "failed_at": None}
        connection.execute(
            table.update()
            .where(self._mine(), table.c.job_id == job_id)
            .values(**counts, **times, status="completed", error_message=None)
        )

    def expire(self, connection: sa.Connection, sha256: str, documents: int) -> None:
        """So many documents of these bytes leave the index by their age, in the transaction in which they do."""
        one = (self._mine(), table.c.sha256 == sha256, table.c.status == "completed")
        connection.execute(table.update().where(*one).values(expired=table.c.expired + documents))

    def fail(self, job_id: str, error: str, *, final: bool, seconds: float = 0.0) -> int:
        """The count of retries is that of attempts that failed and were, or will be, made again."""
        values: dict[str, Any] = {"error_message": error, "status": "failed" if final else "pending"}
        values["seconds"] = table.c.seconds + seconds
        if final:
            values["failed_at"] = self.now()
        else:
            values["retry_count"] = table.c.retry_count + 1
        self._change(job_id, values, OPEN)
        record = self.get(job_id)
        return 0 if record is None else record.retry_count

    def retry(self, job_id: str) -> UploadStatus | None:
        """Look for the same bytes and change in one transaction."""
        mine = sa.and_(self._mine(), table.c.job_id == job_id, table.c.status == "failed", table.c.sha256 != "")
        with self.database.write() as connection:
            sha256 = connection.execute(sa.select(table.c.sha256).where(mine)).scalar_one_or_none()
            if sha256 is None:
                return None
            first = self._first(connection, sha256)
            status: UploadStatus = "pending" if first is None else "duplicate"
            reset = {"retry_count": 0, "error_message": None, "failed_at": None, "updated_at": self.now()}
            connection.execute(table.update().where(mine).values(status=status, duplicate_of=first, **reset))
            return status

    def _change(self, job_id: str, values: Mapping[str, Any], found_in: Sequence[UploadStatus]) -> bool:
        query = table.update().where(self._mine(), table.c.job_id == job_id, table.c.status.in_(found_in))
        with self.database.write() as connection:
            return connection.execute(query.values(**values, updated_at=self.now())).rowcount > 0

    def _first(self, connection: sa.Connection, sha256: str) -> str | None:
        """The job of the first upload of these bytes that has not failed."""
        same = (self._mine(), table.c.sha256 == sha256, table.c.status.in_((*OPEN, "completed")))
        query = sa.select(table.c.job_id).where(*same).order_by(table.c.uploaded_at).limit(1)
        return connection.execute(query).scalar_one_or_none()

    def _know(self, connection: sa.Connection, record: UploadRecord) -> None:
        """Bytes that come back after retention took them are there again."""
        dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
        values = {
            "domain": DOMAIN,
            "tenant": self.tenant,
            "sha256": record.sha256,
            "size": record.file_size,
            "object_key": record.object_key,
            "landed_at": record.uploaded_at,
            "lines": record.total_lines,
            "format": record.file_type,
        }
        known = {"removed_at": None, "object_key": record.object_key}
        insert = dialect.insert(content).values(**values)
        connection.execute(insert.on_conflict_do_update(index_elements=["domain", "tenant", "sha256"], set_=known))

    def _mine(self) -> sa.ColumnElement[bool]:
        return table.c.tenant == self.tenant


def _record(row: sa.Row[Any]) -> UploadRecord:
    values = row._mapping
    return UploadRecord(**{field.name: values[field.name] for field in fields(UploadRecord)})
