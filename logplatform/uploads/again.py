"""Deriving days again: the uploads that were received on them, from their landed bytes, whatever their status.

What belongs here: which uploads, and that none of them is gone. What does not: ingesting one (`ingest`).
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta

from logplatform.failures import PermanentFailure
from logplatform.landing.leases import holder_name
from logplatform.stores.upload_record import UploadRecord
from logplatform.uploads.day_reports import day_of
from logplatform.uploads.ingest import Doing, ingest, upload_lease
from logplatform.uploads.records import UnusableFile
from logplatform.uploads.room import UploadRoom

_ENOUGH = 5


def derive_again(room: UploadRoom, days: Sequence[date], doing: Doing) -> int:
    """Ingest the uploads of these days again, replacing their documents and dead letters; how many they were.

    Raises PermanentFailure, before anything is done, if retention has removed bytes of any of them, and at the end if
    one that was completed fails now: it keeps what it has. LeaseHeld if somebody else is at one of them.
    """
    _refuse_removed(room, days)
    count, failed = 0, ""
    for record in uploads_of(room, days):
        count += 1
        failed = failed or _again(room, record, doing)
    if failed:
        raise PermanentFailure(failed)
    return count


def mark_stale(room: UploadRoom, days: Sequence[date], asset: str) -> None:
    """Mark every event day that uploads of these days have documents on."""
    for record in uploads_of(room, days):
        changed = room.index.days([record.sha256])
        with room.tenancy.ledger.transaction() as connection:
            room.stale.mark(connection, (asset,), changed, day_of(record))


def uploads_of(room: UploadRoom, days: Sequence[date]) -> Iterator[UploadRecord]:
    """The uploads received on these days whose bytes were taken, but for repeated ones."""
    for day in days:
        begin = datetime.combine(day, time(), UTC)
        for record in room.uploads.received(begin, begin + timedelta(days=1)):
            if record.object_key and record.status != "duplicate":
                yield record


def _again(room: UploadRoom, record: UploadRecord, doing: Doing) -> str:
    """Ingest one upload again; why one that was completed fails now, else nothing."""
    with room.tenancy.ledger.leases.hold(upload_lease(room, record.sha256), holder_name(doing.run_id)) as lease:
        now = room.uploads.get(record.job_id) or record
        if now.status == "failed" and room.uploads.retry(now.job_id) == "duplicate":
            return ""
        try:
            ingest(room, now, lease, doing)
        except (PermanentFailure, UnusableFile) as error:
            reason = room.tenancy.redactor.text(str(error))
            room.uploads.fail(now.job_id, reason, final=True)
            return f"{now.filename}: {reason}" if now.processed else ""
    return ""


def _refuse_removed(room: UploadRoom, days: Sequence[date]) -> None:
    gone: list[str] = []
    for record in uploads_of(room, days):
        if not room.tenancy.files.exists(record.object_key):
            gone.append(f"{record.filename} ({day_of(record)})")
            if len(gone) >= _ENOUGH:
                break
    if gone:
        raise PermanentFailure(
            f"retention has removed the bytes of {', '.join(gone)}{', …' if len(gone) >= _ENOUGH else ''}: these days "
            "cannot be derived again; send the files again, or choose other days"
        )
