"""Inboxes: folders whose files are taken as if they had been sent over HTTP.

What belongs here: which folders, when a file of theirs is ready, and its way to an upload or to the error place. What
does not: receiving (`intake`), and listing folders (`sources`).

A file in an inbox is an observation of the ledger. It becomes `processed` (or `seen`, if its bytes are known) in the
transaction that records its upload, so that whoever is killed takes nothing twice; only then it leaves the inbox. What
is refused is an `error` first, and is then set aside under `error/uploads/<inbox>/`, with a JSON beside it that tells
why.
"""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

import sqlalchemy as sa

from logplatform.failures import LogplatformError, PermanentFailure, TransientFailure
from logplatform.landing.leases import Lease, holder_name
from logplatform.landing.observations import Observation
from logplatform.landing.retry import RetryPolicy
from logplatform.orchestration.discovery import Left, Watched
from logplatform.settings.uploads import INBOX
from logplatform.sources.base import Entry, Landed, Listing, Source
from logplatform.sources.folder import FolderSource
from logplatform.stores.upload_record import UploadRecord
from logplatform.tenancy import Tenancy
from logplatform.uploads.ingest import Doing
from logplatform.uploads.inspection import size_fault
from logplatform.uploads.intake import Arrival, receive
from logplatform.uploads.naming import name_fault
from logplatform.uploads.put_away import put_away
from logplatform.uploads.reading import chunks_of
from logplatform.uploads.room import UploadRoom

# Up to here a time ahead of ours is a difference of clocks, and the file may still grow; beyond, it tells nothing.
_CLOCKS_DIFFER = timedelta(hours=1)
_LATEST = 253_402_300_799


@dataclass(slots=True)
class Taken:
    """What one look into the inboxes took: files that became uploads, that were refused, and the bytes of both."""

    uploads: list[str] = field(default_factory=list)
    refused: int = 0
    failed: int = 0
    bytes: int = 0


def inbox_sources(tenancy: Tenancy) -> list[Source]:
    """The folders that are looked into: `inbox/` under the data root (it is made), and those of the settings."""
    own: list[Source] = []
    if tenancy.settings.uploads.inbox:
        folder = tenancy.settings.data_root / INBOX
        folder.mkdir(parents=True, exist_ok=True)
        own.append(FolderSource(INBOX, folder))
    return [*own, *tenancy.sources()]


def watched(tenancy: Tenancy) -> list[Watched]:
    """The inboxes; a file belongs to the day on which it is seen (UTC), once it has stopped growing."""
    settle = timedelta(seconds=tenancy.settings.uploads.settle_seconds)
    return [Watched(source, lambda entry: _day(entry, tenancy.now(), settle)) for source in inbox_sources(tenancy)]


def take(room: UploadRoom, doing: Doing, max_files: int, max_bytes: int) -> Taken:
    """Take the files that wait in the inboxes, up to these bounds (one file in any case).

    Raises LeaseHeld if somebody else is at it, TransientFailure while the disk is too full.
    """
    tenancy, taken = room.tenancy, Taken()
    with tenancy.ledger.leases.hold(f"inboxes/{tenancy.tenant}", holder_name(doing.run_id)) as lease:
        sources = {source.name: source for source in inbox_sources(tenancy)}
        put_away(tenancy, sources.values())
        for found in tenancy.ledger.waiting():
            if taken.bytes and (taken.bytes + found.size > max_bytes or len(taken.uploads) >= max_files):
                break
            doing.alive()
            tenancy.retention.require_room()
            _take_one(room, sources, found, doing, lease, taken)
            taken.bytes += found.size
        if taken.bytes or taken.refused:
            put_away(tenancy, sources.values())
    return taken


def _take_one(
    room: UploadRoom, sources: dict[str, Source], found: Observation, doing: Doing, lease: Lease, taken: Taken
) -> None:
    """One file: an upload, or an error of the ledger with the reason."""
    try:
        reason = _fault(room, found) or _received(room, _source(sources, found), found, doing, lease, taken)
    except LogplatformError as failure:
        if _is_gone(room.tenancy, sources.get(found.source), found):
            with room.tenancy.ledger.transaction(lease) as connection:
                room.tenancy.ledger.advance(connection, [found], "superseded", doing.run_id)
            return
        taken.failed += 1
        _fail(room, found, failure, doing, lease)
        return
    if reason is not None:
        taken.refused += 1
        _fail(room, found, reason, doing, lease)


def _fault(room: UploadRoom, found: Observation) -> str | None:
    """Why the file is refused before it is read."""
    too_large = found.size > room.limits.max_file_bytes
    return name_fault(found.name, room.limits.extensions) or (
        size_fault(room.limits.max_file_bytes) if too_large else None
    )


def _received(
    room: UploadRoom, source: Source, found: Observation, doing: Doing, lease: Lease, taken: Taken
) -> str | None:
    """Take the file in; why it is refused, None if it is not. Raises what kept it from being read."""
    landed = _fetched(room.tenancy, source, found.entry)
    ledger = room.tenancy.ledger
    refused = [it for it in ledger.versions(found.source, found.path) if it.status == "error" and it.id != found.id]

    def also(connection: sa.Connection, record: UploadRecord) -> None:
        ledger.leases.check(connection, lease)
        status = "seen" if record.status == "duplicate" else "processed"
        ledger.advance(connection, [found], status, doing.run_id, sha256=landed.sha256)
        # A file that was refused under this name has been put right.
        ledger.advance(connection, refused, "superseded", doing.run_id)

    with room.tenancy.files.open(landed.object_key) as stream:
        received = receive(room, found.name, chunks_of(stream), Arrival(also=also))
    if received.record is not None:
        taken.uploads.append(received.record.job_id)
    return received.error


def _fetched(tenancy: Tenancy, source: Source, entry: Entry) -> Landed:
    for fetched in source.fetch([entry], lambda _entry: tenancy.landing.receive()):
        if fetched.landed is not None:
            return fetched.landed
        if fetched.failure is not None:
            raise fetched.failure
    raise TransientFailure(f"{source.name}: {entry.path}: the inbox gave no answer")


def _source(sources: dict[str, Source], found: Observation) -> Source:
    source = sources.get(found.source)
    if source is None:
        raise PermanentFailure(f"there is no inbox {found.source} any more; put it back, then send the file again")
    return source


def _is_gone(tenancy: Tenancy, source: Source | None, found: Observation) -> bool:
    """Whether the file was taken out again, or a newer version of it is known: then this one never can be read."""
    if any(later.id > found.id for later in tenancy.ledger.versions(found.source, found.path)):
        return True
    if source is None:
        return False
    listing = Listing(source)
    return not any(entry.path == found.path for entry in listing) and listing.failure is None


def _fail(room: UploadRoom, found: Observation, failure: LogplatformError | str, doing: Doing, lease: Lease) -> None:
    settings = room.tenancy.settings.uploads
    policy = RetryPolicy(settings.max_retries + 1, settings.retry_seconds)
    with room.tenancy.ledger.transaction(lease) as connection:
        room.tenancy.ledger.fail(connection, found, "copy", failure, doing.run_id, policy)


def _day(entry: Entry, now: datetime, settle: timedelta) -> date | Left:
    """Today (UTC), or why the file is left: it changed less than `settle` ago, so it may still grow."""
    age = now - datetime.fromtimestamp(min(entry.mtime_ns // 1_000_000_000, _LATEST), UTC)
    if -_CLOCKS_DIFFER <= age < settle:
        return Left("growing", f"it changed {max(0, round(age.total_seconds()))} seconds ago")
    return now.astimezone(UTC).date()
