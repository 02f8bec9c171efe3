"""What the ledger of uploads tells: one upload, and what many come to.

What belongs here: the values. What does not: keeping them (`upload_ledger`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from logplatform.stores.job_queue import Foreign

UploadStatus = Literal["pending", "processing", "completed", "failed", "duplicate"]
UploadType = Literal["csv", "json", "api"]
FOLDER = "uploads"
"""Where files are shown, below the data root."""
OPEN: tuple[UploadStatus, ...] = ("pending", "processing")


@dataclass(frozen=True, slots=True)
class Unfinished:
    """An upload that needs a job, and what the job tells of it."""

    job_id: str
    file_id: str
    unique_filename: str
    file_type: str
    total_lines: int

    def told(self) -> Foreign:
        """What its job tells of its file."""
        return Foreign(self.file_id, f"{FOLDER}/{self.unique_filename}", self.file_type, self.total_lines)


@dataclass(frozen=True, slots=True)
class UploadRecord:
    """One upload; times in UTC. `file_size` in bytes; once completed `total_lines` = `documents` + `dead_letters` +
    `duplicates`, which are named events that are in the index already.

    `file_type` is `api` for events that were sent as such, and lie in the file as JSON.

    A duplicate names in `duplicate_of` the job whose file has the same bytes; what became of these is told there.
    `expired` are documents that have left the index by their age; `attempts` of ingesting took `seconds` in all.
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
    expired: int = 0
    attempts: int = 0
    seconds: float = 0.0
    completed_at: datetime | None = None
    failed_at: datetime | None = None

    @property
    def file_path(self) -> str:
        """Where the file is shown, below the data root."""
        return f"{FOLDER}/{self.unique_filename}"

    @property
    def job(self) -> Unfinished:
        """What its job is made of."""
        return Unfinished(self.job_id, self.file_id, self.unique_filename, self.file_type, self.total_lines)

    @property
    def processed(self) -> bool:
        """Whether every record is in the index or in the dead letters."""
        return self.status == "completed"


@dataclass(frozen=True, slots=True)
class UploadSums:
    """All uploads of a status together; `records` as counted when they were received, `seconds` of ingesting."""

    uploads: int = 0
    records: int = 0
    documents: int = 0
    dead_letters: int = 0
    duplicates: int = 0
    expired: int = 0
    attempts: int = 0
    retries: int = 0
    seconds: float = 0.0
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class OpenUploads:
    """Uploads that are not finished: how many, their bytes, when the first and the last came (UTC), attempts so far."""

    uploads: int = 0
    bytes: int = 0
    first: datetime | None = None
    last: datetime | None = None
    attempts: int = 0
