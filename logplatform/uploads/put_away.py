"""Emptying inboxes: what was taken leaves, what was refused is set aside with the reason.

What belongs here: the way out of an inbox. What does not: the way in (`inbox`).
"""

from collections.abc import Generator, Iterable
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from logplatform.failures import LogplatformError
from logplatform.landing.observations import Observation
from logplatform.sources.base import Entry, Landed, Listing, Source
from logplatform.stores.files import Part, published_before
from logplatform.stores.schema import observation as table
from logplatform.stores.sql import chunks
from logplatform.tenancy import Tenancy
from logplatform.uploads.naming import secure_name

ERRORS = "error/uploads"
"""Below the data root: what was refused, a folder an inbox."""

_NAME_BYTES = 230
_SETTLED = "taken out of error/uploads"
"""The run by which a refused file is settled: people do it."""


class ErrorNote(msgspec.Struct, frozen=True):
    """What stands beside a file that was refused; times in UTC, `size` in bytes."""

    inbox: str
    path: str
    reason: str
    size: int
    first_time: datetime
    last_time: datetime
    observation: int


def put_away(tenancy: Tenancy, sources: Iterable[Source]) -> None:
    """Empty the inboxes of what was taken or refused, where they do not keep their files.

    Asked of the listings, not of what this look did: one before may have died between its commit and this.
    """
    keeping = {folder.name for folder in tenancy.settings.uploads.inboxes if folder.keep_files}
    for source in sources:
        # An inbox that cannot be read is told where it is listed for new files.
        with suppress(LogplatformError):
            settle_refused(tenancy, source)
            for chunk in chunks(Listing(source)):
                for found in _done_with(tenancy, source.name, chunk):
                    _leave(tenancy, source, found, keep=source.name in keeping)


def settle_refused(tenancy: Tenancy, source: Source) -> None:
    """Forget what was refused, is in the inbox no more, and was taken out of the error place too: it is dealt with."""
    refused = (table.c.source == source.name, table.c.status == "error", table.c.error_type == "permanent")
    gone = {found.path: found for found in tenancy.ledger.find(*refused)}
    if not gone:
        return
    listing = Listing(source)
    for entry in listing:
        gone.pop(entry.path, None)
    if listing.failure is None:
        settled = [found for found in gone.values() if not tenancy.files.exists(f"{_key(found)}.json")]
        with tenancy.ledger.transaction() as connection:
            for found in settled:
                tenancy.ledger.advance(connection, [found], "superseded", _SETTLED)


def _done_with(tenancy: Tenancy, name: str, entries: list[Entry]) -> list[Observation]:
    """The observations of these entries that are through: taken, or given up."""
    there = {(entry.path, entry.size, entry.mtime_ns) for entry in entries}
    paths = [entry.path for entry in entries]
    known = tenancy.ledger.find(table.c.source == name, table.c.path.in_(paths))
    through = [it for it in known if it.status in {"processed", "seen"} or it.error_type == "permanent"]
    return [it for it in through if (it.path, it.size, it.mtime_ns) in there]


def _leave(tenancy: Tenancy, source: Source, found: Observation, *, keep: bool) -> None:
    if found.status == "error":
        _set_aside(tenancy, source, found, keep=keep)
    if not keep:
        source.remove(found.entry)


def _set_aside(tenancy: Tenancy, source: Source, found: Observation, *, keep: bool) -> None:
    """Put a copy of a refused file, and why, into the error place; done again it is the same."""
    key = _key(found)
    if tenancy.files.exists(f"{key}.json"):
        return
    if not keep:
        for fetched in source.fetch([found.entry], lambda _entry: _aside(tenancy, key)):
            if fetched.failure is not None:
                raise fetched.failure
    note = ErrorNote(
        inbox=found.source,
        path=found.path,
        reason=tenancy.redactor.text(found.error or ""),
        size=found.size,
        first_time=found.first_seen,
        last_time=found.updated,
        observation=found.id,
    )
    with tenancy.files.part() as part:
        part.write(msgspec.json.format(msgspec.json.encode(note)))
        part.publish(f"{key}.json")


def _key(found: Observation) -> str:
    """Where a refused file is set aside."""
    return f"{ERRORS}/{found.source}/{found.id:08}_{secure_name(found.path.replace('/', '_'), _NAME_BYTES)}"


@dataclass(slots=True)
class _Aside:
    """Takes the bytes of a refused file; see `sources.base.Receiver`."""

    part: Part
    landed: Landed | None = None
    size: int = 0

    def write(self, data: bytes | memoryview) -> int:
        self.size += len(data)
        return self.part.write(data)


@contextmanager
def _aside(tenancy: Tenancy, key: str) -> Generator[_Aside]:
    with tenancy.files.part() as part:
        receiver = _Aside(part)
        yield receiver
        part.publish(key)
        receiver.landed = Landed("", receiver.size, key)


def forget_set_aside(tenancy: Tenancy) -> int:
    """Remove what was set aside longer ago than errors are kept; return how many files."""
    before = tenancy.now() - timedelta(days=tenancy.settings.landing.retention.error_days)
    keys = (key for key in tenancy.files.keys(ERRORS) if published_before(tenancy.files, key, before))
    return sum(tenancy.files.remove(key) for key in keys)
