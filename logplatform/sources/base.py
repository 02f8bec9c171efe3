"""The Protocol of a source and the values it exchanges.

What belongs here: what every source promises. What does not: which files are taken, and when; the ledger and the
batches decide that.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from logplatform.failures import LogplatformError

_MTIME_NS = 2**63


def held_mtime(nanoseconds: int) -> int:
    """A file's mtime as an `Entry` tells it: some disks take any 64 bits of seconds, no database takes that many
    nanoseconds; what is beyond 64 bits is told as the nearest that is not.
    """
    return max(-_MTIME_NS, min(nanoseconds, _MTIME_NS - 1))


@dataclass(frozen=True, slots=True)
class Entry:
    """One file in a source's listing.

    `path` is relative to the source's root, with `/`; `size` in bytes; `mtime_ns` in nanoseconds since the epoch
    (0 where the server does not tell), within 64 bits.
    """

    path: str
    size: int
    mtime_ns: int

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.path.rsplit("/", 1)[-1]

    @property
    def changed(self) -> datetime:
        """When the file was last changed (UTC); 1970 where it says before that."""
        return datetime.fromtimestamp(max(0, self.mtime_ns // 1_000_000_000), UTC)


@dataclass(frozen=True, slots=True)
class Landed:
    """Bytes that were received whole and are published.

    `size` in bytes, `sha256` in hex over exactly these bytes, `object_key` their key in the files store.
    """

    sha256: str
    size: int
    object_key: str


class Receiver(Protocol):
    """Takes the bytes of one file; `landed` is set once its context has ended well."""

    landed: Landed | None

    def write(self, data: bytes | memoryview) -> int:
        """Take the next bytes, in order; return how many (all)."""
        ...


Sink = Callable[[Entry], AbstractContextManager[Receiver]]


@dataclass(frozen=True, slots=True)
class Fetched:
    """What became of one entry: `landed`, or the `failure` that prevented it."""

    entry: Entry
    landed: Landed | None = None
    failure: LogplatformError | None = None


class Source(Protocol):
    """A place with files, under a name that is unique in its domain."""

    @property
    def name(self) -> str:
        """The source's name in the settings."""
        ...

    def list(self) -> Iterator[Entry]:
        """Every file there is, as a stream, in no particular order.

        Raises Unreachable when the place cannot be reached, PermanentFailure when it may not be read. A part that may
        not be read (a subfolder) is told in the same way, but after everything else was listed: use `Listing`.
        """
        ...

    def fetch(self, entries: Iterable[Entry], sink: Sink) -> Iterator[Fetched]:
        """Send each entry's bytes to `sink(entry)` and tell what became of it, one by one.

        One entry's failure never ends the others. A file whose size or mtime is not the entry's, before or after
        its bytes were read, is a TransientFailure: it still changes. What the sink's store raises (a full disk) is no
        entry's failure and ends the stream.
        """
        ...

    def remove(self, entry: Entry) -> bool:
        """Remove the file if its size and mtime are still the entry's; False (and untouched) if they are not."""
        ...


@dataclass(slots=True)
class Listing:
    """A source's listing that ends where the source fails: what was listed before is not lost, `failure` tells why."""

    source: Source
    failure: LogplatformError | None = None

    def __iter__(self) -> Iterator[Entry]:
        self.failure = None
        try:
            yield from self.source.list()
        except LogplatformError as failure:
            self.failure = failure
