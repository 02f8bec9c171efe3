"""Receiving a file: judged and made durable in one pass, then recorded and queued.

What belongs here: the way of an upload's bytes to a pending job. What does not: HTTP, and ingesting (`worker`).

The order makes it safe: bytes are published before the ledger knows them, and the ledger knows them before the queue
does. Killed in between, it is as if nothing had come (the sender has no answer and sends again), or the job is queued
again from the ledger.
"""

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from logplatform.landing.publish import PartReceiver
from logplatform.stores.upload_ledger import UploadRecord
from logplatform.uploads.inspection import Inspection, inspect_upload
from logplatform.uploads.naming import base_name, stored_name
from logplatform.uploads.room import UploadRoom


@dataclass(frozen=True, slots=True)
class Received:
    """What became of a file that was sent: `record`, or `error` for the sender."""

    record: UploadRecord | None
    error: str | None = None


class _NotTakenError(Exception):
    """The file is refused: its bytes are dropped."""


def receive(room: UploadRoom, name: str | None, chunks: Iterable[bytes]) -> Received:
    """Take one file. Bytes and names never raise; an OSError of `chunks` or of the disk passes through."""
    try:
        with room.tenancy.landing.receive() as receiver:
            found = _judged(room, name, _kept(chunks, receiver))
    except _NotTakenError as refused:
        return Received(None, str(refused))
    record = room.uploads.add(_record(room, name or "", found, receiver))
    if record.status == "pending":
        room.queue.push(record.job_id)
    return Received(record)


def _judged(room: UploadRoom, name: str | None, chunks: Iterable[bytes]) -> Inspection:
    found = inspect_upload(name, chunks, room.tenancy.redactor, room.limits)
    if found.error is not None:
        raise _NotTakenError(found.error)
    return found


def _kept(chunks: Iterable[bytes], receiver: PartReceiver) -> Iterator[bytes]:
    """The chunks, each written before it is read."""
    for chunk in chunks:
        receiver.write(chunk)
        yield chunk


def _record(room: UploadRoom, name: str, found: Inspection, receiver: PartReceiver) -> UploadRecord:
    landed = receiver.landed
    if landed is None or found.file_type is None:
        raise ValueError(f"{name}: not published")
    now = room.tenancy.now()
    job_id = uuid.uuid4().hex
    return UploadRecord(
        job_id=job_id,
        file_id=uuid.uuid4().hex,
        filename=base_name(name),
        unique_filename=stored_name(name, job_id, now),
        object_key=landed.object_key,
        file_size=landed.size,
        file_type=found.file_type,
        total_lines=found.total_lines,
        preview=list(found.preview),
        sha256=landed.sha256,
        uploaded_at=now,
        status="pending",
        updated_at=now,
    )
