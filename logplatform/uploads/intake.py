"""Receiving a file: judged and made durable in one pass, then recorded and queued.

What belongs here: the way of an upload's bytes to a pending job. What does not: HTTP, and ingesting (`worker`).

The order makes it safe: bytes are published before the ledger knows them, and the ledger knows them before the queue
does. Killed in between, it is as if nothing had come (the sender has no answer and sends again), or the job is queued
again from the ledger.
"""

import logging
import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from logplatform.failures import LogplatformError, TransientFailure
from logplatform.landing.publish import PartReceiver
from logplatform.stores.upload_ledger import Also
from logplatform.stores.upload_record import UploadRecord
from logplatform.uploads.day_reports import add_arrival
from logplatform.uploads.inspection import Inspection, UploadLimits, inspect_upload
from logplatform.uploads.naming import base_name, stored_name
from logplatform.uploads.room import UploadRoom
from logplatform.uploads.views import show

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Received:
    """What became of a file that was sent: `record`, or `error` for the sender."""

    record: UploadRecord | None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Arrival:
    """How a file came, where it did not come by itself.

    `also` is done in the transaction that records it. `job_id`, `file_id` and `unique_filename` are those that another
    producer has given it already; None: new ones. `file_type` api: JSON that was sent as events, which is taken
    whatever extensions are.
    """

    also: Also | None = None
    job_id: str | None = None
    file_id: str | None = None
    unique_filename: str | None = None
    file_type: Literal["api"] | None = None


class _NotTakenError(Exception):
    """The file is refused: its bytes are dropped."""


def receive(room: UploadRoom, name: str | None, chunks: Iterable[bytes], arrival: Arrival = Arrival()) -> Received:
    """Take one file. Bytes and names never raise; an OSError of `chunks` or of the disk passes through.

    Raises TransientFailure if retention took equal bytes away just now: the sender sends again.
    """
    try:
        with room.tenancy.landing.receive() as receiver:
            limits = replace(room.limits, extensions=("json",)) if arrival.file_type else room.limits
            found = _judged(room, name, _kept(chunks, receiver), limits)
    except _NotTakenError as refused:
        return Received(None, str(refused))
    record = _recorded(room, _record(room, name or "", found, receiver, arrival), arrival.also)
    if record.status == "pending":
        _queue(room, record)
    return Received(record)


def _queue(room: UploadRoom, record: UploadRecord) -> None:
    try:
        room.queue.push(record.job_id, record.job.told())
    except (OSError, SQLAlchemyError, LogplatformError) as error:
        # The upload is safe, and its sender is told so: it is queued again from the ledger.
        _log.warning("%s is not queued yet: %s", record.job_id, error, extra={"file": record.filename})


def _judged(room: UploadRoom, name: str | None, chunks: Iterable[bytes], limits: UploadLimits) -> Inspection:
    found = inspect_upload(name, chunks, room.tenancy.redactor, limits)
    if found.error is not None:
        raise _NotTakenError(found.error)
    return found


def _kept(chunks: Iterable[bytes], receiver: PartReceiver) -> Iterator[bytes]:
    """The chunks, each written before it is read."""
    for chunk in chunks:
        receiver.write(chunk)
        yield chunk


def _recorded(room: UploadRoom, record: UploadRecord, also: Also | None) -> UploadRecord:
    """Record an upload, its content and its day together; its link is there before anybody can read of it."""

    def together(connection: sa.Connection, kept: UploadRecord) -> None:
        # Retention removes inside a transaction of its own, so the answer holds until this one ends.
        if not room.tenancy.files.exists(kept.object_key):
            raise TransientFailure(f"{kept.filename}: its bytes were removed while they came; send it again")
        add_arrival(connection, room.tenancy, kept)
        if also is not None:
            also(connection, kept)

    show(room.tenancy, record)
    return room.uploads.add(record, together)


def _record(room: UploadRoom, name: str, found: Inspection, receiver: PartReceiver, arrival: Arrival) -> UploadRecord:
    landed = receiver.landed
    if landed is None or found.file_type is None:
        raise ValueError(f"{name}: not published")
    now = room.tenancy.now()
    job_id = arrival.job_id or uuid.uuid4().hex
    return UploadRecord(
        job_id=job_id,
        file_id=arrival.file_id or uuid.uuid4().hex,
        filename=base_name(name),
        unique_filename=arrival.unique_filename or stored_name(name, job_id, now),
        object_key=landed.object_key,
        file_size=landed.size,
        file_type=arrival.file_type or found.file_type,
        total_lines=found.total_lines,
        preview=list(found.preview),
        sha256=landed.sha256,
        uploaded_at=now,
        status="pending",
        updated_at=now,
    )
