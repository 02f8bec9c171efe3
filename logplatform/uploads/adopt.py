"""Adopting: a job that another producer has queued becomes an upload of ours.

What belongs here: which file such a job may mean, and taking it in. What does not: the queue, and ingesting (`jobs`).

Anybody who can push to the queue can name any path, so a path is trusted only inside the upload folder, with all links
resolved. A job that cannot be adopted is recorded as a failed upload with the reason: it is told, not lost.
"""

import os
import stat
import uuid
from pathlib import Path
from typing import BinaryIO

from logplatform.failures import PermanentFailure
from logplatform.stores.job_queue import QueuedJob
from logplatform.stores.upload_record import UploadRecord
from logplatform.uploads.day_reports import add_arrival
from logplatform.uploads.intake import Arrival, receive
from logplatform.uploads.naming import base_name, stored_name
from logplatform.uploads.reading import chunks_of
from logplatform.uploads.room import UploadRoom
from logplatform.uploads.views import FOLDER, replace_original


def adopt(room: UploadRoom, job: QueuedJob) -> UploadRecord:
    """Take in the file that a job without a ledger record names; its record, failed with the reason if it is refused.

    Once its bytes are landed a link takes the file's place. Raises OSError or TransientFailure if the disk refuses.
    """
    try:
        found = _trusted(room, job.foreign.file_path)
        with _opened(found) as stream:
            seen = os.fstat(stream.fileno())
            name = str(found.relative_to(_folder(room)))
            arrival = Arrival(job_id=job.job_id, file_id=job.foreign.file_id, unique_filename=name)
            received = receive(room, found.name, chunks_of(stream), arrival)
    except PermanentFailure as refused:
        return _failed(room, job, str(refused))
    if received.record is None:
        return _failed(room, job, received.error or "refused")
    replace_original(room.tenancy, received.record, found, seen)
    return received.record


def _folder(room: UploadRoom) -> Path:
    return (room.tenancy.settings.data_root / FOLDER).resolve()


def _trusted(room: UploadRoom, file_path: str | None) -> Path:
    """The file that a job means; PermanentFailure if it names none, or none inside the upload folder."""
    if not file_path or "\0" in file_path:
        raise PermanentFailure("the job has no upload in the ledger, and names no file")
    folder = _folder(room)
    try:
        found = (room.tenancy.settings.data_root / file_path).resolve(strict=True)
    except (OSError, RuntimeError) as error:
        raise PermanentFailure(f"the job's file_path {file_path!r} is no file") from error
    if not found.is_relative_to(folder):
        raise PermanentFailure(f"the job's file_path {file_path!r} leaves the upload folder {folder}")
    return found


def _opened(path: Path) -> BinaryIO:
    # What was a file when it was resolved may be a link or a pipe by now: neither is followed nor waited for.
    try:
        stream = os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW), "rb")
    except OSError as error:
        raise PermanentFailure(f"the job's file {path} may not be read: {error.strerror}") from error
    if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
        stream.close()
        raise PermanentFailure(f"the job's file {path} is no regular file")
    return stream


def _failed(room: UploadRoom, job: QueuedJob, reason: str) -> UploadRecord:
    """Record the job as an upload of which nothing was taken."""
    now = room.tenancy.now()
    name = base_name(job.foreign.file_path or "") or "unnamed"
    record = UploadRecord(
        job_id=job.job_id,
        file_id=job.foreign.file_id or uuid.uuid4().hex,
        filename=name,
        unique_filename=stored_name(name, job.job_id, now),
        object_key="",
        file_size=0,
        file_type="csv" if job.foreign.file_type == "csv" else "json",
        total_lines=0,
        preview=[],
        sha256="",
        uploaded_at=now,
        status="failed",
        updated_at=now,
        error_message=room.tenancy.redactor.text(reason),
        failed_at=now,
    )
    return room.uploads.add(record, lambda connection, kept: add_arrival(connection, room.tenancy, kept))
