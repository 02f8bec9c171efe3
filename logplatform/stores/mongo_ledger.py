"""The ledger of uploads in MongoDB: the collection `uploads`, with the fields that its users know.

What belongs here: the MongoDB implementation of `UploadLedger`. What does not: the connection (`mongo_client`), the
form of documents (`mongo_documents`), and what the SQL store knows of uploads (`upload_facts`).

MongoDB and the domain's database have no common transaction, and no order of two writes is right if the process may
die between them. So whatever belongs to data (an upload has come, is completed, has failed for good, is tried again)
is committed with the data, as an entry of the outbox, and done to the collection after it. Every method does what is
left in the outbox first: it reads what was committed before it was called. A change knows by its token that it was
done, so two may do it at once, or one again. What belongs to no data (an attempt begins, fails, is given up) is one
change of one document.

An upload is safe once its transaction has committed: it is taken also while MongoDB is away.
"""

from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import asdict, fields, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from logplatform.failures import TransientFailure
from logplatform.settings.stores import UploadsStore
from logplatform.stores.mongo_changes import MongoChanges
from logplatform.stores.mongo_client import SUMS
from logplatform.stores.mongo_documents import kept_record, record_of, to_milliseconds
from logplatform.stores.sql import Database
from logplatform.stores.upload_contents import know_content
from logplatform.stores.upload_facts import Change, UploadFacts
from logplatform.stores.upload_ledger import Also
from logplatform.stores.upload_record import OPEN, OpenUploads, Unfinished, UploadRecord, UploadStatus, UploadSums

_PAGE = 100
_SUMS = {"records": "total_lines", "bytes": "file_size"} | {
    name: name for name in ("documents", "dead_letters", "duplicates", "expired", "attempts", "seconds")
}


class MongoUploadLedger:
    """The ledger of one tenant in MongoDB; see `UploadLedger`. `database` is that of the domain's data."""

    def __init__(self, section: UploadsStore, database: Database, tenant: str, now: Callable[[], datetime]) -> None:
        self._database = database
        self._tenant = tenant
        self._facts = UploadFacts(tenant)
        self._changes = MongoChanges(section, database, self._facts)
        self._now = lambda: to_milliseconds(now())

    def add(self, record: UploadRecord, also: Also | None = None) -> UploadRecord:
        """Decided in the SQL store, whose write transactions follow each other: of two at once one is the duplicate."""
        record = kept_record(record)
        with self._database.write() as connection:
            if record.status == "pending" and (first := self._facts.first_with(connection, record.sha256)) is not None:
                record = replace(record, status="duplicate", duplicate_of=first)
            self._facts.add(connection, record)
            self._facts.put(connection, record.job_id, Change(asdict(record), new=True))
            if record.object_key:
                know_content(connection, self._tenant, record)
            if also is not None:
                also(connection, record)
        self._changes.settle_soon()
        return record

    def get(self, job_id: str) -> UploadRecord | None:
        """One document. Raises TransientFailure if it is older than what was committed (a server was cut off)."""
        self.settle()
        with self._database.read() as connection:
            known = self._facts.status(connection, job_id)
        with self._changes.asked() as uploads:
            found = uploads.find_one(self._changes.one(job_id))
        record = None if found is None else record_of(found)
        if record is not None and known == "completed" and record.status in OPEN:
            raise TransientFailure(f"job {job_id} is completed, but MongoDB does not know it yet (stores.uploads.url)")
        return record

    def recent(self, limit: int) -> list[UploadRecord]:
        """By the time of upload."""
        self.settle()
        with self._changes.asked() as uploads:
            found = uploads.find({"tenant": self._tenant}).sort([("uploaded_at", -1), ("job_id", -1)]).limit(limit)
            return [record_of(one) for one in found]

    def unfinished(self) -> Iterator[Unfinished]:
        """One after the other, as the server hands them out."""
        self.settle()
        names = [field.name for field in fields(Unfinished)]
        with self._changes.asked() as uploads:
            for one in uploads.find(self._chosen(OPEN), dict.fromkeys(names, 1)).sort("uploaded_at", 1):
                yield Unfinished(*(one[name] for name in names))

    def received(self, first: datetime, before: datetime) -> Iterator[UploadRecord]:
        """A page at a time, so that no cursor is held while the caller works."""
        self.settle()
        since: dict[str, Any] = {"uploaded_at": {"$gte": first, "$lt": before}}
        while True:
            with self._changes.asked() as uploads:
                page = uploads.find({"tenant": self._tenant, **since}).sort([("uploaded_at", 1), ("job_id", 1)])
                found = [record_of(one) for one in page.limit(_PAGE)]
            yield from found
            if len(found) < _PAGE:
                return
            at, job_id = found[-1].uploaded_at, found[-1].job_id
            later = {"uploaded_at": {"$gt": at, "$lt": before}}
            since = {"$or": [{"uploaded_at": at, "job_id": {"$gt": job_id}}, later]}

    def find(
        self, statuses: Collection[UploadStatus], limit: int, untouched_since: datetime | None = None
    ) -> list[UploadRecord]:
        """By the time of upload."""
        self.settle()
        with self._changes.asked() as uploads:
            found = uploads.find(self._chosen(statuses, untouched_since)).sort([("uploaded_at", 1), ("job_id", 1)])
            return [record_of(one) for one in found.limit(limit)]

    def count(self, statuses: Collection[UploadStatus], untouched_since: datetime | None = None) -> int:
        """Counted by the server."""
        self.settle()
        with self._changes.asked() as uploads:
            return uploads.count_documents(self._chosen(statuses, untouched_since))

    def counts(self) -> dict[UploadStatus, int]:
        """Counted by the server."""
        return {status: sums.uploads for status, sums in self.sums().items()}

    def sums(self) -> dict[UploadStatus, UploadSums]:
        """Read from an index that holds all that is summed up."""
        self.settle()
        sums = {name: {"$sum": {"$ifNull": [f"${column}", 0]}} for name, column in _SUMS.items()}
        again = {"$sum": {"$max": [0, {"$subtract": ["$attempts", 1]}]}}
        group = {"_id": "$status", "uploads": {"$sum": 1}, "retries": again, **sums}
        with self._changes.asked() as uploads:
            found = uploads.aggregate([{"$match": {"tenant": self._tenant}}, {"$group": group}], hint=SUMS)
            return {one.pop("_id"): UploadSums(**one) for one in found}

    def open_uploads(self) -> OpenUploads:
        """Read by the index of statuses."""
        self.settle()
        group = {
            "_id": None,
            "uploads": {"$sum": 1},
            "bytes": {"$sum": "$file_size"},
            "first": {"$min": "$uploaded_at"},
            "last": {"$max": "$uploaded_at"},
            "attempts": {"$sum": "$attempts"},
        }
        with self._changes.asked() as uploads:
            for one in uploads.aggregate([{"$match": self._chosen(OPEN)}, {"$group": group}]):
                del one["_id"]
                return OpenUploads(**one)
        return OpenUploads()

    def last_completed(self) -> datetime | None:
        """Read from an index."""
        self.settle()
        group = {"_id": None, "last": {"$max": "$completed_at"}}
        with self._changes.asked() as uploads:
            found = uploads.aggregate([{"$match": {"tenant": self._tenant}}, {"$group": group}], hint=SUMS)
            return next((one["last"] for one in found), None)

    def begin(self, job_id: str) -> None:
        """Only what is open begins."""
        self._changes.change(job_id, self._told({"status": "processing"}, attempts=1), OPEN)

    def hand_back(self, job_id: str) -> None:
        """Only what is in work."""
        self._changes.change(job_id, self._told({"status": "pending"}), ("processing",))

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
        """Into the outbox."""
        now = self._now()
        counts = {"documents": documents, "dead_letters": dead_letters, "duplicates": duplicates, "expired": 0}
        state = {"status": "completed", "error_message": note, "completed_at": now, "failed_at": None}
        self._facts.become(connection, job_id, "completed", now, None)
        self._facts.put(connection, job_id, self._told({**counts, **state}, seconds=seconds))

    def expire(self, connection: sa.Connection, sha256: str, documents: int) -> None:
        """Into the outbox."""
        for job_id in self._facts.completed_with(connection, sha256):
            self._facts.put(connection, job_id, Change({}, {"expired": documents}))

    def settle(self) -> int:
        """Do the outbox's changes in their order; others may be at the same."""
        return self._changes.settle()

    def fail(self, job_id: str, error: str, *, final: bool, seconds: float = 0.0) -> int:
        """For good: with the facts, for its bytes are nobody's then. Else one change of the document."""
        if not final:
            again = self._told({"status": "pending", "error_message": error}, retry_count=1, seconds=seconds)
            self._changes.change(job_id, again, OPEN)
        else:
            now = self._now()
            failed = {"status": "failed", "error_message": error, "failed_at": now}
            with self._database.write() as connection:
                if self._facts.become(connection, job_id, "failed", now, "pending"):
                    self._facts.put(connection, job_id, self._told(failed, seconds=seconds))
        record = self.get(job_id)
        return 0 if record is None else record.retry_count

    def retry(self, job_id: str) -> UploadStatus | None:
        """Look for the same bytes and change in one transaction of the facts."""
        record = self.get(job_id)
        if record is None or not record.sha256:
            return None
        now = self._now()
        with self._database.write() as connection:
            first = self._facts.first_with(connection, record.sha256)
            status: UploadStatus = "pending" if first is None else "duplicate"
            if not self._facts.become(connection, job_id, status, now, "failed"):
                return None
            reset = {"retry_count": 0, "error_message": None, "failed_at": None}
            self._facts.put(connection, job_id, self._told({"status": status, "duplicate_of": first, **reset}))
        self._changes.settle_soon()
        return status

    def _chosen(self, statuses: Collection[UploadStatus], untouched_since: datetime | None = None) -> dict[str, Any]:
        untouched = {} if untouched_since is None else {"updated_at": {"$lt": untouched_since}}
        return {"tenant": self._tenant, "status": {"$in": list(statuses)}, **untouched}

    def _told(self, values: Mapping[str, Any], **more: float) -> Change:
        """A change that somebody makes now."""
        return Change({**values, "updated_at": self._now()}, more)
