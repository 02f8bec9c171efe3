"""The ledger of uploads in the domain's SQL database.

What belongs here: the SQL implementation of `UploadLedger`. What does not: the Protocol (`upload_ledger`).
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from logplatform.failures import Conflict
from logplatform.stores.sql import Database
from logplatform.stores.upload_contents import first_with, know_content
from logplatform.stores.upload_facts import Change, UploadFacts
from logplatform.stores.upload_ledger import Also
from logplatform.stores.upload_record import OPEN, OpenUploads, Unfinished, UploadRecord, UploadStatus, UploadSums
from logplatform.stores.upload_tables import upload as table

_PAGE = 100


@dataclass(frozen=True, slots=True)
class SqlUploadLedger:
    """The ledger in the domain's database; see `UploadLedger`."""

    database: Database
    tenant: str
    now: Callable[[], datetime]

    def add(self, record: UploadRecord, also: Also | None = None) -> UploadRecord:
        """Look for the same bytes and insert in one transaction, so that of two at once one is the duplicate."""
        with self.database.write() as connection:
            first = first_with(connection, table, self.tenant, record.sha256)
            if first is not None and record.status == "pending":
                record = replace(record, status="duplicate", duplicate_of=first)
            values = {field.name: getattr(record, field.name) for field in fields(record)}
            try:
                connection.execute(table.insert().values(tenant=self.tenant, **values))
            except IntegrityError as error:
                raise Conflict(f"job {record.job_id} is recorded already") from error
            if record.object_key:
                know_content(connection, self.tenant, record)
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
        query = (
            sa.select(table)
            .where(self._mine())
            .order_by(*(it.desc() for it in (table.c.uploaded_at, table.c.job_id)))
            .limit(limit)
        )
        with self.database.read() as connection:
            return [_record(row) for row in connection.execute(query)]

    def unfinished(self) -> Iterator[Unfinished]:
        """One after the other, in one snapshot."""
        columns = [table.c[field.name] for field in fields(Unfinished)]
        query = sa.select(*columns).where(self._mine(), table.c.status.in_(OPEN)).order_by(table.c.uploaded_at)
        with self.database.read() as connection:
            for row in connection.execute(query):
                yield Unfinished(*row)

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

    def find(
        self, statuses: Collection[UploadStatus], limit: int, untouched_since: datetime | None = None
    ) -> list[UploadRecord]:
        """By the time of upload."""
        key = (table.c.uploaded_at, table.c.job_id)
        query = sa.select(table).where(self._chosen(statuses, untouched_since)).order_by(*key).limit(limit)
        with self.database.read() as connection:
            return [_record(row) for row in connection.execute(query)]

    def count(self, statuses: Collection[UploadStatus], untouched_since: datetime | None = None) -> int:
        """Counted by the database."""
        query = sa.select(sa.func.count()).select_from(table).where(self._chosen(statuses, untouched_since))
        with self.database.read() as connection:
            return connection.execute(query).scalar_one()

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
        columns = [_sum(it) for it in (*summed, again, c.seconds, c.file_size)]
        query = sa.select(c.status, sa.func.count(), *columns).where(self._mine()).group_by(c.status)
        with self.database.read() as connection:
            return {status: UploadSums(*figures) for status, *figures in connection.execute(query)}

    def open_uploads(self) -> OpenUploads:
        """Two questions, each of which an index answers alone."""
        c = table.c
        sums = sa.select(sa.func.count(), _sum(c.file_size), _sum(c.attempts)).where(self._chosen(OPEN))
        came = sa.select(sa.func.min(c.uploaded_at), sa.func.max(c.uploaded_at)).where(self._chosen(OPEN))
        with self.database.read() as connection:
            uploads, size, attempts = connection.execute(sums).one()
            first, last = connection.execute(came).one()
        return OpenUploads(uploads, size, first, last, attempts)

    def last_completed(self) -> datetime | None:
        """Asked of the database."""
        query = sa.select(sa.func.max(table.c.completed_at)).where(self._mine())
        with self.database.read() as connection:
            return connection.execute(query).scalar_one()

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
        note: str | None = None,
    ) -> None:
        """In the same database, so that there is nothing to settle."""
        now = self.now()
        counts = {"documents": documents, "dead_letters": dead_letters, "duplicates": duplicates, "expired": 0}
        times = {"seconds": table.c.seconds + seconds, "completed_at": now, "updated_at": now, "failed_at": None}
        connection.execute(
            table.update()
            .where(self._mine(), table.c.job_id == job_id)
            .values(**counts, **times, status="completed", error_message=note)
        )

    def expire(self, connection: sa.Connection, sha256: str, documents: int) -> None:
        """Of the upload that was completed."""
        one = (self._mine(), table.c.sha256 == sha256, table.c.status == "completed")
        connection.execute(table.update().where(*one).values(expired=table.c.expired + documents))

    def settle(self) -> int:
        """Nothing is ever left to be done."""
        return 0

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
            first = first_with(connection, table, self.tenant, sha256)
            status: UploadStatus = "pending" if first is None else "duplicate"
            reset = {"retry_count": 0, "error_message": None, "failed_at": None, "updated_at": self.now()}
            connection.execute(table.update().where(mine).values(status=status, duplicate_of=first, **reset))
            return status

    def hand_over(self, facts: UploadFacts) -> None:
        """Give all uploads to the ledger of another server: they leave this one for the facts and the outbox."""
        some = sa.select(table).where(self._mine()).limit(_PAGE)
        while self.recent(1):
            with self.database.write() as connection:
                records = [_record(row) for row in connection.execute(some)]
                for record in records:
                    facts.add(connection, record)
                    facts.put(connection, record.job_id, Change(asdict(record), new=True))
                jobs = [record.job_id for record in records]
                connection.execute(table.delete().where(self._mine(), table.c.job_id.in_(jobs)))

    def _change(self, job_id: str, values: Mapping[str, Any], found_in: Collection[UploadStatus]) -> bool:
        query = table.update().where(self._mine(), table.c.job_id == job_id, table.c.status.in_(found_in))
        with self.database.write() as connection:
            return connection.execute(query.values(**values, updated_at=self.now())).rowcount > 0

    def _chosen(
        self, statuses: Collection[UploadStatus], untouched_since: datetime | None = None
    ) -> sa.ColumnElement[bool]:
        untouched = sa.true() if untouched_since is None else table.c.updated_at < untouched_since
        return sa.and_(self._mine(), table.c.status.in_(statuses), untouched)

    def _mine(self) -> sa.ColumnElement[bool]:
        return table.c.tenant == self.tenant


def _sum(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    """A sum of the column's own kind: PostgreSQL adds whole numbers up to decimals."""
    kind = sa.Float if isinstance(column.type, sa.Float) else sa.BigInteger
    return sa.func.coalesce(sa.cast(sa.func.sum(column), kind), 0)


def _record(row: sa.Row[Any]) -> UploadRecord:
    values = row._mapping
    return UploadRecord(**{field.name: values[field.name] for field in fields(UploadRecord)})
