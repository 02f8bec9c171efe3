"""An upload's bytes as bytes of one encoding (UTF-8), and as lines; in bounded memory, whatever the chunks.

What belongs here: the byte level. What does not: records (`json_records`, `csv_records`).

A byte order mark tells UTF-8 or UTF-16; without one, text whose every second byte is NUL is UTF-16. Everything else
stays as it is: a reader takes a line for UTF-8 and, in CSV, for latin-1 if it is not.
"""

import codecs
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Literal

Encoding = Literal["utf-8", "utf-16-le", "utf-16-be"]

CHUNK_BYTES = 1 << 20
_BOMS: tuple[tuple[bytes, Encoding], ...] = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_PROBE_BYTES = 64
# No byte of UTF-8: it stands where UTF-16 ends in half a character, so that the line is refused.
_BROKEN = b"\xff"


@dataclass(frozen=True, slots=True)
class LineBlock:
    """Consecutive lines with their ends; the first is line number `first` of the file.

    `overlong`: the indexes of those of which `texts` holds only the beginning.
    """

    first: int
    texts: list[bytes]
    overlong: frozenset[int] = frozenset()


def regrouped(chunks: Iterable[bytes], size: int = CHUNK_BYTES) -> Iterator[bytes]:
    """The same bytes in chunks of exactly `size`, but for the last: how they came makes no difference."""
    held = bytearray()
    for chunk in chunks:
        held += chunk
        start = 0
        while len(held) - start >= size:
            yield bytes(held[start : start + size])
            start += size
        del held[:start]
    if held:
        yield bytes(held)


def utf8(chunks: Iterable[bytes]) -> tuple[Encoding, Iterator[bytes]]:
    """The encoding found, and the bytes without a mark, UTF-16 turned into UTF-8.

    UTF-16 that is broken comes as bytes that are no UTF-8, on the line where it is broken.
    """
    stream = iter(chunks)
    first = next(stream, b"")
    marked = ((bom, encoding) for bom, encoding in _BOMS if first.startswith(bom))
    bom, encoding = next(marked, (b"", _unmarked(first[:_PROBE_BYTES])))
    rest = chain((first[len(bom) :],), stream)
    return encoding, rest if encoding == "utf-8" else _from_utf16(rest, encoding)


def _unmarked(head: bytes) -> Encoding:
    """UTF-16 shows by its NULs: at odd places (little end first) or at even ones, and only there."""
    if len(head) >= 4:
        even, odd = head[::2].count(0), head[1::2].count(0)
        if even == 0 and 2 * odd > len(head) // 2:
            return "utf-16-le"
        if odd == 0 and 2 * even > len(head) // 2:
            return "utf-16-be"
    return "utf-8"


def _from_utf16(chunks: Iterable[bytes], encoding: Encoding) -> Iterator[bytes]:
    # Lone surrogates pass, as bytes that no UTF-8 decoder takes.
    decoder = codecs.getincrementaldecoder(encoding)("surrogatepass")
    odd = b""
    for chunk in chunks:
        whole = odd + chunk
        cut = len(whole) - len(whole) % 2
        odd = whole[cut:]
        yield decoder.decode(whole[:cut]).encode("utf-8", "surrogatepass")
    if odd or decoder.getstate()[0]:
        yield _BROKEN


def line_blocks(chunks: Iterable[bytes], max_line_bytes: int) -> Iterator[LineBlock]:
    """All lines, a chunk's worth at a time; LF, CRLF and CR end a line.

    A line of more than `max_line_bytes` (its end not counted) comes as its first `max_line_bytes`, marked overlong.
    """
    cutter = _LineCutter(max_line_bytes)
    for chunk in chunks:
        yield from cutter.feed(chunk)
    yield from cutter.finish()


class _LineCutter:
    """Cuts chunks at line ends and keeps what is unfinished."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._carry = b""
        self._number = 1
        self._skipping = False

    def feed(self, chunk: bytes) -> Iterator[LineBlock]:
        data = self._carry + chunk
        # A CR at the very end may be the first half of a CRLF.
        end = len(data) - data.endswith(b"\r")
        cut = max(data.rfind(b"\n", 0, end), data.rfind(b"\r", 0, end)) + 1
        self._carry = data[cut:]
        if cut:
            yield from self._cut(data[:cut])
        if len(self._carry) > self._limit + 1:
            yield from self._keep_beginning()

    def finish(self) -> Iterator[LineBlock]:
        if self._carry:
            yield from self._cut(self._carry)

    def _cut(self, data: bytes) -> Iterator[LineBlock]:
        texts = data.splitlines(keepends=True)
        if self._skipping:
            # The first of them is the rest of an overlong line, which was told already.
            self._skipping = False
            del texts[0]
        if texts:
            yield self._block(texts)
            self._number += len(texts)

    def _block(self, texts: list[bytes]) -> LineBlock:
        limit = self._limit
        overlong: frozenset[int] = frozenset()
        if max(map(len, texts)) > limit:
            overlong = frozenset(index for index, text in enumerate(texts) if len(text.rstrip(b"\r\n")) > limit)
            texts = [text[:limit] if index in overlong else text for index, text in enumerate(texts)]
        return LineBlock(self._number, texts, overlong)

    def _keep_beginning(self) -> Iterator[LineBlock]:
        if not self._skipping:
            yield LineBlock(self._number, [self._carry[: self._limit]], frozenset((0,)))
            self._number += 1
            self._skipping = True
        # What is kept stands for the line; a CR may be half of the end that is waited for.
        self._carry = b"\r" if self._carry.endswith(b"\r") else b"x"
