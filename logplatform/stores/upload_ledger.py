"""The ledger of uploads: every file that was received, and what became of it.

What belongs here: the Protocol `UploadLedger`. What does not: its implementations (`sql_upload_ledger`,
`mongo_ledger`), receiving (`uploads.intake`) and ingesting (`uploads.worker`).

It is the truth of uploads. Jobs in the queue are hints that are made again from it; so an upload whose job was lost
is ingested all the same.

What an upload came to is recorded in the transaction of the domain's database that makes it so. A ledger that is no
part of that database catches up once the transaction has committed: its methods read what was committed before they
were called, whoever died in between, and `settle` brings it to those who read the server itself.
"""

from collections.abc import Callable, Collection, Iterator
from datetime import datetime
from typing import Protocol

import sqlalchemy as sa

from logplatform.stores.upload_record import OpenUploads, Unfinished, UploadRecord, UploadStatus, UploadSums

Also = Callable[[sa.Connection, UploadRecord], object]
"""What is to be done in the transaction that records an upload; is given the record as it is kept."""


class UploadLedger(Protocol):
    """The uploads of one tenant."""

    def add(self, record: UploadRecord, also: Also | None = None) -> UploadRecord:
        """Record a new upload: as pending, or as a duplicate if one with the same bytes has not failed.

        A record that has failed already is kept as it is. Its bytes become a known content in the same transaction.
        Raises Conflict if the job is recorded already.
        """
        ...

    def get(self, job_id: str) -> UploadRecord | None:
        """One upload."""
        ...

    def recent(self, limit: int) -> list[UploadRecord]:
        """The newest uploads, newest first."""
        ...

    def unfinished(self) -> Iterator[Unfinished]:
        """Uploads that are pending or in work, oldest first."""
        ...

    def received(self, first: datetime, before: datetime) -> Iterator[UploadRecord]:
        """The uploads that were received from `first` on and before `before`, oldest first."""
        ...

    def find(
        self, statuses: Collection[UploadStatus], limit: int, untouched_since: datetime | None = None
    ) -> list[UploadRecord]:
        """The oldest uploads of these statuses; with a time, of those that nothing has happened to since."""
        ...

    def count(self, statuses: Collection[UploadStatus], untouched_since: datetime | None = None) -> int:
        """How many `find` chooses from."""
        ...

    def counts(self) -> dict[UploadStatus, int]:
        """Uploads by status."""
        ...

    def sums(self) -> dict[UploadStatus, UploadSums]:
        """What all uploads of each status come to."""
        ...

    def open_uploads(self) -> OpenUploads:
        """What the uploads that are pending or in work come to."""
        ...

    def last_completed(self) -> datetime | None:
        """When an upload was completed last."""
        ...

    def begin(self, job_id: str) -> None:
        """pending → processing; one more attempt."""
        ...

    def hand_back(self, job_id: str) -> None:
        """processing → pending: an attempt that was given up, and is nobody's fault."""
        ...

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
        """processing → completed, in the transaction that makes the documents visible; never told before it commits.

        `note` is kept as the error message: what whoever sent it should know although nothing failed.
        """
        ...

    def expire(self, connection: sa.Connection, sha256: str, documents: int) -> None:
        """So many documents of these bytes leave the index by their age, in the transaction in which they do."""
        ...

    def settle(self) -> int:
        """Bring to the ledger's server what was committed; how many changes that were.

        Cheap where there is none. Raises Unreachable if the server cannot be had: nothing is lost by that.
        """
        ...

    def fail(self, job_id: str, error: str, *, final: bool, seconds: float = 0.0) -> int:
        """Record a failure: back to pending, or failed for good; how many retries there have been."""
        ...

    def retry(self, job_id: str) -> UploadStatus | None:
        """failed → pending, with its retries forgotten, or → duplicate if the same bytes were taken since.

        None if it had not failed, or if nothing of it was taken.
        """
        ...
