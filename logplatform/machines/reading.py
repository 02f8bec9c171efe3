"""One version of a machine log, from its bytes to a day's events and its refused lines.

What belongs here: the loop over blocks that the dry run and the engine share. What does not: several versions of
a file (`merge`), and where bytes come from.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from logplatform.machines.decode import READ_BYTES, LineReader
from logplatform.machines.parse import DeadLine, EventBlock, parse_block


@dataclass(frozen=True, slots=True)
class ReadingLimits:
    """`max_line_bytes`: a longer line is refused; `raw_bytes`: how much of a refused line is kept."""

    max_line_bytes: int = 1 << 20
    raw_bytes: int = 4096


def chunks_of(stream: BinaryIO) -> Iterator[bytes]:
    """The bytes of an open file, a bounded chunk at a time."""
    while chunk := stream.read(READ_BYTES):
        yield chunk


class EventReader:
    """Reads one file: its events and refused lines, block by block; any bytes are read, none raise.

    `final` False leaves a last line without its end for a later reading; `left` then tells, once all blocks were
    taken, whether there was one (1) or not (0).
    """

    def __init__(self, limits: ReadingLimits, *, final: bool) -> None:
        self._limits = limits
        self._lines = LineReader(final=final, max_line_bytes=limits.max_line_bytes)

    @property
    def left(self) -> int:
        """Lines that were left for a later reading."""
        return self._lines.left

    def blocks(self, chunks: Iterable[bytes]) -> Iterator[tuple[EventBlock, list[DeadLine]]]:
        """The blocks of the file; a reader serves one file."""
        limits = self._limits
        for block in self._lines.blocks(chunks):
            yield parse_block(block, max_line_bytes=limits.max_line_bytes, raw_bytes=limits.raw_bytes)


def read_events(
    chunks: Iterable[bytes], limits: ReadingLimits, *, final: bool
) -> Iterator[tuple[EventBlock, list[DeadLine]]]:
    """As `EventReader`, for who need not know what was left."""
    return EventReader(limits, final=final).blocks(chunks)
