"""What is told of uploads: the answers of the routes, and how they are made of the ledger's records.

What belongs here: shapes, with the names that clients know. What does not: routes.
"""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from logplatform.landing.dead_letters import StoredLetter
from logplatform.stores.upload_record import UploadRecord

Count = Annotated[int, Field(ge=0)]


class FileData(BaseModel):
    """A file that was taken. `file_size` in bytes; `total_lines`: records; `uploaded_at` in UTC.

    `duplicate_of` (only where it is one): the job of the same bytes, which are not ingested again; `duplicate_status`:
    what became of it so far.
    """

    file_id: str
    job_id: str
    filename: str
    file_type: Literal["csv", "json", "api"]
    file_size: Count
    total_lines: Count
    uploaded_at: datetime
    duplicate_of: str | None = None
    duplicate_status: str | None = None


class UploadedData(FileData):
    """A file that was taken, with its first records (10 at most; long texts cut, secrets masked)."""

    preview_lines: Count
    preview: list[dict[str, Any]]


class Uploaded(BaseModel):
    """The answer to a file that was taken."""

    success: Literal[True] = True
    message: str = "File uploaded successfully"
    data: UploadedData


class BatchItem(BaseModel):
    """What became of one file of several: `data`, or `error`."""

    filename: str
    success: bool
    data: FileData | None = None
    error: str | None = None


class Batch(BaseModel):
    """The answer to several files: `success` if all were taken, `error` if not."""

    success: bool
    message: str
    error: str | None = None
    uploaded: Count
    failed: Count
    data: list[BatchItem]


class IngestedData(BaseModel):
    """Events that are safe and wait to be indexed. `total_lines`: how many they are."""

    file_id: str
    job_id: str
    total_lines: Count
    uploaded_at: datetime
    duplicate_of: str | None = None


class Accepted(BaseModel):
    """The answer to events."""

    success: Literal[True] = True
    message: str = "Events accepted"
    data: IngestedData


class RecordError(BaseModel):
    """A record that could not be indexed: `position` is its number in the file, from 1; reasons name the line."""

    position: int
    reasons: list[str]
    tags: list[str]


class UploadState(UploadedData):
    """An upload as the ledger has it; once completed `total_lines` = `documents` + `dead_letters` + `duplicates`.

    `errors`: the first of its dead letters.
    """

    unique_filename: str
    sha256: str
    status: Literal["pending", "processing", "completed", "failed", "duplicate"]
    processed: bool
    retry_count: Count
    documents: Count | None = None
    dead_letters: Count | None = None
    duplicates: Count | None = None
    updated_at: datetime
    completed_at: datetime | None = None
    failed_at: datetime | None = None
    error_message: str | None = None
    errors: list[RecordError]


class UploadAnswer(BaseModel):
    """The answer about one upload."""

    success: Literal[True] = True
    data: UploadState


class RecentUpload(FileData):
    """An upload in a list."""

    status: Literal["pending", "processing", "completed", "failed", "duplicate"]
    processed: bool
    documents: Count | None = None
    dead_letters: Count | None = None
    error_message: str | None = None


class RecentAnswer(BaseModel):
    """The newest uploads, newest first."""

    success: Literal[True] = True
    count: Count
    data: list[RecentUpload]


def file_data(record: UploadRecord, duplicate_status: str | None = None) -> FileData:
    """A record without its preview."""
    return FileData(**_shared(record), duplicate_status=duplicate_status)


def uploaded_data(record: UploadRecord, duplicate_status: str | None = None) -> UploadedData:
    """A record as the answer to its upload."""
    preview = [dict(one) for one in record.preview]
    return UploadedData(
        **_shared(record), duplicate_status=duplicate_status, preview_lines=len(preview), preview=preview
    )


def recent_upload(record: UploadRecord) -> RecentUpload:
    """A record in a list."""
    told = ("status", "processed", "documents", "dead_letters", "error_message")
    return RecentUpload(**_shared(record), **{name: getattr(record, name) for name in told})


def upload_state(record: UploadRecord, letters: list[StoredLetter], duplicate_status: str | None = None) -> UploadState:
    """All that is known of an upload."""
    told = (
        "unique_filename", "sha256", "status", "processed", "retry_count", "documents", "dead_letters", "duplicates",
        "updated_at", "completed_at", "failed_at", "error_message",
    )  # fmt: skip
    return UploadState(
        **uploaded_data(record, duplicate_status).model_dump(),
        **{name: getattr(record, name) for name in told},
        errors=[RecordError(position=one.position, reasons=list(one.reasons), tags=list(one.tags)) for one in letters],
    )


def _shared(record: UploadRecord) -> dict[str, Any]:
    told = ("file_id", "job_id", "filename", "file_type", "file_size", "total_lines", "uploaded_at", "duplicate_of")
    return {name: getattr(record, name) for name in told}
