"""Bytes of a machine log to its lines, a block at a time.

What belongs here: the byte level of section "Lines": a BOM tells UTF-8 or UTF-16, else latin-1; NULs are
dropped; a line ends with LF, CRLF or CR. What does not: the meaning of a line (`parse`).

A block is never larger than one chunk of input plus one line of `max_line_bytes`, and holds at most
`MAX_BLOCK_LINES` lines, so memory does not grow with the file. Lines stay bytes of an ASCII-compatible codec
(latin-1 as it came, UTF-16 turned into UTF-8): numpy finds and reads them without making a string of each.
"""

import codecs
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

Codec = Literal["latin-1", "utf-8"]
Spans = npt.NDArray[np.int64]

MAX_BLOCK_LINES = 65_536
READ_BYTES = 1 << 18
# What a parser may read past the end of a line without leaving the buffer.
PADDING = b"\n" * 64

_LF, _CR = 10, 13
_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


@dataclass(frozen=True, slots=True)
class LineBlock:
    """Some consecutive lines.

    `data` ends with `PADDING`; line i (number `first_line + i`, counted from 1) is
    `data[starts[i]:ends[i]]` in `codec`, without its end. `overlong` marks a block of exactly one line that is
    longer than the limit, of which only the beginning is kept.
    """

    data: bytes
    codec: Codec
    first_line: int
    starts: Spans
    ends: Spans
    overlong: bool = False

    def __len__(self) -> int:
        return len(self.starts)

    def line(self, index: int, limit: int | None = None) -> bytes:
        """The bytes of one line (NULs dropped, UTF-16 as UTF-8), at most `limit` of them."""
        start, end = int(self.starts[index]), int(self.ends[index])
        return self.data[start : end if limit is None else min(end, start + limit)]

    def text(self, start: int, end: int) -> str:
        """A span of `data` as text; bytes that the codec does not know come as `\\xNN`."""
        return self.data[start:end].decode(self.codec, "backslashreplace")


def clean(chunks: Iterable[bytes]) -> Iterator[tuple[Codec, bytes]]:
    """The same bytes without BOM and NULs, in an ASCII-compatible codec; never raises for any bytes.

    UTF-16 is turned into UTF-8; what is no valid UTF-16 comes as `\\xNN`.
    """
    stream = iter(chunks)
    head = b""
    for chunk in stream:
        head += chunk
        if len(head) >= len(codecs.BOM_UTF8):
            break
    bom, name = next(((bom, name) for bom, name in _BOMS if head.startswith(bom)), (b"", "latin-1"))
    head = head[len(bom) :]
    if name.startswith("utf-16"):
        yield from (("utf-8", text) for text in _from_utf16(head, stream, name))
        return
    codec: Codec = "utf-8" if name == "utf-8" else "latin-1"
    yield codec, head.replace(b"\0", b"")
    for chunk in stream:
        yield codec, chunk.replace(b"\0", b"")


def _from_utf16(head: bytes, rest: Iterator[bytes], name: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(name)("backslashreplace")
    yield decoder.decode(head).replace("\0", "").encode()
    for chunk in rest:
        yield decoder.decode(chunk).replace("\0", "").encode()
    yield decoder.decode(b"", final=True).replace("\0", "").encode()


class LineReader:
    """Cuts a stream of bytes into `LineBlock`s.

    `final` tells what a last line without its end is: a line as it stands (True), or one that is still being
    written and is left for the next reading (False). A line that is found over `max_line_bytes` before
    its end is read comes as an overlong block; one that lies whole inside a chunk is left to the parser's length check.
    """

    def __init__(self, *, final: bool, max_line_bytes: int) -> None:
        self._final = final
        self._limit = max_line_bytes
        self._codec: Codec = "latin-1"
        self._carry = b""
        self._line = 1
        self._after_cr = False
        self._overlong: bytes | None = None

    @property
    def left(self) -> int:
        """1 where an unended line was left for a later reading, else 0; to be asked once all blocks were taken."""
        return 0 if self._final else int(bool(self._carry) or self._overlong is not None)

    def blocks(self, chunks: Iterable[bytes]) -> Iterator[LineBlock]:
        """The blocks of one file, in order; a reader serves one file."""
        for self._codec, data in clean(chunks):
            yield from self._feed(data)
        if not self._final:
            return
        if self._overlong is not None:
            yield self._overlong_block(self._overlong)
        elif self._carry:
            yield from self._cut(self._carry + b"\n")

    def _feed(self, data: bytes) -> Iterator[LineBlock]:
        if self._after_cr and data:
            # The CR that ended the last block may be the first half of a CRLF.
            data = data.removeprefix(b"\n")
            self._after_cr = False
        if self._overlong is not None:
            end = _first_end(data)
            if end < 0:
                return
            yield self._overlong_block(self._overlong)
            self._overlong = None
            self._after_cr = data[end] == _CR and end + 1 == len(data)
            data = data[end + (2 if data[end : end + 2] == b"\r\n" else 1) :]
        data = self._carry + data
        cut = max(data.rfind(b"\n"), data.rfind(b"\r")) + 1
        self._carry = data[cut:]
        if cut:
            self._after_cr = data[cut - 1] == _CR and not self._carry
            yield from self._cut(data[:cut])
        if len(self._carry) > self._limit:
            self._overlong, self._carry = self._carry[: self._limit], b""

    def _overlong_block(self, kept: bytes) -> LineBlock:
        spans = np.array([0]), np.array([len(kept)])
        block = LineBlock(kept + PADDING, self._codec, self._line, *spans, overlong=True)
        self._line += 1
        return block

    def _cut(self, data: bytes) -> Iterator[LineBlock]:
        starts, ends = line_spans(data)
        padded = data + PADDING
        for first in range(0, len(starts), MAX_BLOCK_LINES):
            part = slice(first, first + MAX_BLOCK_LINES)
            block = LineBlock(padded, self._codec, self._line, starts[part], ends[part])
            self._line += len(block)
            yield block


def _first_end(data: bytes) -> int:
    ends = [found for found in (data.find(b"\n"), data.find(b"\r")) if found >= 0]
    return min(ends, default=-1)


def line_spans(data: bytes) -> tuple[Spans, Spans]:
    """Start and end (exclusive, without LF, CRLF or CR) of each line of `data`, which ends with a line end."""
    array = np.frombuffer(data, np.uint8)
    feeds = np.flatnonzero(array == _LF)
    paired = (array[np.maximum(feeds - 1, 0)] == _CR) & (feeds > 0)
    returns = array == _CR
    if np.count_nonzero(returns) == np.count_nonzero(paired):
        return _starts(feeds), feeds - paired
    returns[feeds[paired] - 1] = False
    returns[feeds] = True
    stops = np.flatnonzero(returns)
    pairs = np.zeros(len(data), np.bool_)
    pairs[feeds[paired]] = True
    return _starts(stops), stops - pairs[stops]


def _starts(stops: Spans) -> Spans:
    return np.concatenate((np.zeros(1, np.int64), stops[:-1] + 1))[: len(stops)]
