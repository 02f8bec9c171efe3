"""A stream of bytes cut into lines, block by block.

What belongs here: line ends, numbers, character sets, and lines that are too long. What does not: what a line says.

A line ends with LF; a CR before it belongs to the end. What follows the last LF is a line too, unless it is empty. A
line is UTF-8, or else latin-1, in which every byte means something; a byte order mark before the first is dropped.
UTF-16 is UTF-8 by the time it comes here (`encoding`).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

KEPT_BYTES = 8_192
"""So much of a refused line is kept."""

_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class LineBlock:
    """Consecutive lines: `first` is the number of the first one (from 1), `raw` their bytes, `text` what they say."""

    first: int
    raw: list[bytes]
    text: list[str]


@dataclass(frozen=True, slots=True)
class Refused:
    """A line that became no event: its number, its first KEPT_BYTES bytes, and why; `tag` is a word for programs."""

    line: int
    raw: bytes
    reason: str
    tag: str


def line_blocks(chunks: Iterable[bytes], max_line_bytes: int) -> Iterator[LineBlock | Refused]:
    """All lines of `chunks` in order; a line over `max_line_bytes` comes as Refused and is never held as a whole.

    A block holds the lines that end in one chunk, so memory is bounded by a chunk and a line.
    """
    tail = _Tail(max_line_bytes)
    number = 1
    for chunk in chunks:
        head, newline, rest = chunk.partition(b"\n")
        if not newline:
            tail.grow(chunk)
            continue
        whole, newline, begun = rest.rpartition(b"\n")
        tail.grow(head)
        if tail.size > max_line_bytes:
            yield tail.refused(number)
            number += 1
        else:
            whole = tail.bytes() + newline + whole if newline else tail.bytes()
            newline = b"\n"
        tail = _Tail(max_line_bytes)
        tail.grow(begun)
        if newline:
            for found in _lines(whole, number, max_line_bytes):
                yield found
                number += len(found.raw) if isinstance(found, LineBlock) else 1
    if tail.size > max_line_bytes:
        yield tail.refused(number)
    elif tail.size:
        yield from _lines(tail.bytes(), number, max_line_bytes)


class _Tail:
    """The unfinished line at a chunk's end; past the limit only its beginning is kept."""

    def __init__(self, limit: int) -> None:
        self.size = 0
        self._limit = limit
        self._parts: list[bytes] = []

    def grow(self, more: bytes) -> None:
        kept = max(self._limit + 1, KEPT_BYTES) - self.size
        if kept > 0 and more:
            self._parts.append(more[:kept])
        self.size += len(more)

    def bytes(self) -> bytes:
        return b"".join(self._parts)

    def refused(self, number: int) -> Refused:
        return _too_long(number, self.bytes(), self.size, self._limit)


def _lines(data: bytes, first: int, limit: int) -> Iterator[LineBlock | Refused]:
    """The lines of `data`, which is cut at LFs (no LF at its end), those over the limit apart."""
    if first == 1 and data.startswith(_BOM):
        data = data[len(_BOM) :]
    raw = data.split(b"\n")
    if len(max(raw, key=len)) <= limit:
        yield LineBlock(first, raw, _text(data, raw))
        return
    start = 0
    for index, line in enumerate(raw):
        if len(line) > limit:
            if start < index:
                yield _block(first + start, raw[start:index])
            yield _too_long(first + index, line, len(line), limit)
            start = index + 1
    if start < len(raw):
        yield _block(first + start, raw[start:])


def _block(first: int, raw: list[bytes]) -> LineBlock:
    return LineBlock(first, raw, _text(b"\n".join(raw), raw))


def _text(data: bytes, raw: list[bytes]) -> list[str]:
    try:
        text = data.decode().split("\n")
    except UnicodeDecodeError:
        text = [_line_text(line) for line in raw]
    if b"\r" in data:
        return [line.removesuffix("\r") for line in text]
    return text


def _line_text(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        return line.decode("latin-1")


def _too_long(number: int, raw: bytes, size: int, limit: int) -> Refused:
    return Refused(
        number, raw[:KEPT_BYTES], f"the line has {size} bytes, {limit} are allowed (max_line_bytes)", "too_long"
    )
