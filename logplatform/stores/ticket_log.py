"""Message logs: the Protocol `TicketLog`, and the spool, a log in a folder of this machine.

What belongs here: appending messages and reading them from offsets. What does not: what a message means, and which
offsets are done with (they are committed together with the data, never kept by the log).

The spool keeps JSON lines: `<folder>/<partition>/<offset of the first line, 20 digits>.jsonl`. A message is a line
with its end; its offset is its number in the partition, from 0. Producers write under an exclusive lock and make the
bytes durable before they let go of it, so that several may append at once and a reader, who takes the lock shared for
a moment, is never given bytes that a crash could still take away. A line without its end is what a producer left
that died while writing: it was never a message, and the next producer cuts it off.
"""

import fcntl
import os
import zlib
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from logplatform.failures import PermanentFailure
from logplatform.stores.files import fsync_folder
from logplatform.stores.spool_segments import append_bytes, chunks_of, cut_torn_line, lines_from, make_topic

SEGMENT_BYTES = 16 << 20


@dataclass(frozen=True, slots=True)
class Block:
    """Consecutive messages of one partition; `offsets` and `values` go together.

    A value over the reader's limit is cut to `lines.KEPT_BYTES`, and `long` tells its true size by its offset.
    `next` is the offset to go on from; it may lie past the last message (a log may skip offsets).
    """

    partition: int
    offsets: Sequence[int]
    values: Sequence[bytes]
    next: int
    long: Mapping[int, int] = field(default_factory=dict)


class MessageTooLarge(PermanentFailure):
    """A message is longer than its topic takes; nothing of what was appended with it was kept."""


class TicketLog(Protocol):
    """A topic: partitions of messages that never change, each numbered by offsets that grow."""

    @property
    def identity(self) -> str | None:
        """What tells the topic from another that took its name; None where that is not known."""
        ...

    @property
    def partitions(self) -> int:
        """How many partitions there are; they are numbered from 0."""
        ...

    def append(self, messages: Iterable[tuple[bytes, bytes]]) -> None:
        """Add (key, value) pairs, durable when this returns; messages of one key keep their order."""
        ...

    def append_to(self, partition: int, values: Sequence[bytes], keys: Sequence[bytes] = ()) -> None:
        """Add values to one partition, durable when this returns; `keys`, if given, one a value."""
        ...

    def take_over(self) -> None:
        """Before what was appended last is looked at: nothing comes in any more of an `append_to` that died."""
        ...

    def ends(self) -> dict[int, int]:
        """The offset that the next message of each partition will get, as of now."""
        ...

    def starts(self) -> dict[int, int]:
        """The first offset of each partition that is still kept."""
        ...

    def read(self, partition: int, first: int, end: int, max_line_bytes: int) -> Iterator[Block]:
        """The messages from offset `first` up to, not including, `end` (at most what `ends` told), in blocks.

        A block has about a megabyte. Raises PermanentFailure if `first` lies before what is kept, or past `end`, and
        where messages are gone from in between.
        """
        ...

    def tell(self, offsets: Mapping[int, int]) -> None:
        """The offsets to go on from were committed: for people who look with the log's own tools, never read here."""
        ...

    def close(self) -> None:
        """Let go of what is open; the log opens it again if it is used on."""
        ...


def partition_of(key: bytes, partitions: int) -> int:
    """The partition of a key: CRC-32 of it modulo their number, as librdkafka's `consistent` partitioner does."""
    return zlib.crc32(key) % partitions


@dataclass(frozen=True, slots=True)
class Spool:
    """A topic in `folder`, which has a folder for each partition; see the module."""

    folder: Path
    partitions: int
    segment_bytes: int = SEGMENT_BYTES
    identity: None = None

    @classmethod
    def open(cls, folder: Path, partitions: int, segment_bytes: int = SEGMENT_BYTES) -> "Spool":
        """Open a topic, made with so many partitions if it is new; one that is there keeps the number it has."""
        if not folder.is_dir():
            make_topic(folder, partitions)
        return cls(folder, sum(path.name.isdecimal() for path in folder.iterdir()), segment_bytes)

    def append(self, messages: Iterable[tuple[bytes, bytes]]) -> None:
        """Add messages; a partition gets all of its part or, on a full disk, none (OSError).

        Raises PermanentFailure for a value with a line break in it, before anything is written.
        """
        lines: dict[int, list[bytes]] = {}
        for key, value in messages:
            self._check_line(value)
            lines.setdefault(partition_of(key, self.partitions), []).append(value)
        for partition, values in sorted(lines.items()):
            self.append_to(partition, values)

    def append_to(self, partition: int, values: Sequence[bytes], keys: Sequence[bytes] = ()) -> None:  # noqa: ARG002
        """Add values to one partition: all of them or none; a line has no key."""
        for value in values:
            self._check_line(value)
        with self._locked(partition, fcntl.LOCK_EX) as home:
            self._write(home, b"\n".join(values) + b"\n")

    def take_over(self) -> None:
        """Nothing to do: what a process that died did not write whole is no message."""

    def tell(self, offsets: Mapping[int, int]) -> None:
        """Nobody else looks at a spool."""

    def close(self) -> None:
        """Nothing stays open."""

    def _check_line(self, value: bytes) -> None:
        if b"\n" in value:
            raise PermanentFailure(f"{self.folder.name}: a message with a line break cannot be a line of the spool")

    def ends(self) -> dict[int, int]:
        """Count the lines of each last segment: it holds at most `segment_bytes` and one append."""
        return {partition: self._end(partition) for partition in range(self.partitions)}

    def starts(self) -> dict[int, int]:
        """The first segments' names."""
        return {n: next(iter(self._segments(self.folder / str(n))), (0, Path()))[0] for n in range(self.partitions)}

    def read(self, partition: int, first: int, end: int, max_line_bytes: int) -> Iterator[Block]:
        """Read segment by segment; nothing past the durable end is looked at."""
        home = self.folder / str(partition)
        segments = self._segments(home)
        self._check(partition, first, end, segments)
        for index, (base, path) in enumerate(segments):
            following = segments[index + 1][0] if index + 1 < len(segments) else end
            if base < end and following > first:
                yield from _blocks(path, partition, base, max(first, base), min(end, following), max_line_bytes)

    def _check(self, partition: int, first: int, end: int, segments: Sequence[tuple[int, Path]]) -> None:
        start = segments[0][0] if segments else 0
        if not start <= first <= end:
            raise PermanentFailure(
                f"{self.folder}: partition {partition} holds the offsets {start} to {end}, and {first} is to be read: "
                "the spool was replaced or cut since the last commit; put it back, or name a new topic"
            )

    def _end(self, partition: int) -> int:
        with self._locked(partition, fcntl.LOCK_SH) as home:
            segments = self._segments(home)
            if not segments:
                return 0
            base, path = segments[-1]
            with path.open("rb") as file:
                os.fdatasync(file.fileno())
                size = os.fstat(file.fileno()).st_size
                return base + sum(chunk.count(b"\n") for chunk in chunks_of(file, size))

    @contextmanager
    def _locked(self, partition: int, kind: int) -> Generator[Path]:
        home = self.folder / str(partition)
        with (home / ".lock").open("ab") as lock:
            fcntl.flock(lock, kind)
            yield home

    @staticmethod
    def _segments(home: Path) -> list[tuple[int, Path]]:
        with os.scandir(home) as found:
            names = sorted(entry.name for entry in found if entry.name.endswith(".jsonl"))
        return [(int(name[:20]), home / name) for name in names if name[:20].isdecimal()]

    def _write(self, home: Path, data: bytes) -> None:
        segments = self._segments(home)
        base, path = segments[-1] if segments else (0, home / f"{0:020}.jsonl")
        # Without a buffer: what a full disk did not take must not be written again when the file is closed.
        with path.open("ab+", buffering=0) as file:
            size = cut_torn_line(file)
            if size < self.segment_bytes:
                append_bytes(file, data, size)
                if not segments:
                    fsync_folder(home)
                return
            file.seek(0)
            base += sum(chunk.count(b"\n") for chunk in chunks_of(file, size))
        with (home / f"{base:020}.jsonl").open("ab", buffering=0) as file:
            append_bytes(file, data, 0)
        fsync_folder(home)


def _blocks(path: Path, partition: int, base: int, first: int, end: int, limit: int) -> Iterator[Block]:
    """The messages `first` to `end` of the segment that begins with `base`; PermanentFailure if it ends before."""
    offset = first
    for lines in lines_from(path, first - base, limit):
        kept = lines.values[: end - offset]
        after = offset + len(kept)
        sizes = {offset + index: size for index, size in lines.long.items() if offset + index < after}
        yield Block(partition, range(offset, after), kept, after, sizes)
        offset = after
        if offset >= end:
            return
    raise PermanentFailure(
        f"{path}: ends before offset {offset}, and the messages up to {end - 1} are to be read: a segment was removed "
        "or cut; put it back, or name a new topic"
    )
