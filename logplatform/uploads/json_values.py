"""JSON whose records span lines: the elements of one array, or objects one after the other.

What belongs here: cutting a text into its records, and finding the way back after a broken one. What does not:
records that are lines (`json_lines`), parsing (`json_text`).

A record that is never closed would swallow the rest of the file. So where a record does not end within the largest
size allowed, reading goes on at the next line that begins just as the record's own line does (as deep, and with
`{`); if there is none, the record is passed over to its end. Going back costs time, so it is done REWINDS times at
most in a file: no file can make reading slow.
"""

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec

from logplatform.uploads.gather import Gatherer
from logplatform.uploads.json_scan import Scan, ScanState, scan
from logplatform.uploads.json_shapes import BlockDecoder
from logplatform.uploads.json_text import FAULTS, decode_one
from logplatform.uploads.records import BLOCK_RECORDS, RecordBlock

REWINDS = 64
_MAX_INDENT = 256
_elements = msgspec.json.Decoder(list[msgspec.Raw]).decode
_NOT_CLOSED = "not closed before the next record begins"


class _Item(NamedTuple):
    """A record's text and line; `fault` tells why it is none, `overlong` that it is too long."""

    line: int
    text: bytes
    fault: str | None = None
    overlong: bool = False


def read_values(
    chunks: Iterable[bytes], max_record_bytes: int, *, line: int, indent: bytes | None, array: bool
) -> Iterator[RecordBlock]:
    """The records of a text that begins on `line` after `indent` (None: after something else than blanks).

    `array`: the text follows the opening bracket of an array; else it is objects with nothing but blanks between.
    """
    cutter = _ValueCutter(max_record_bytes, line, indent, array)
    ordinal, decoder = 1, BlockDecoder()
    for chunk in chunks:
        for block in _blocks(cutter.feed(chunk), ordinal, decoder):
            ordinal += block.count
            yield block
    yield from _blocks(cutter.finish(), ordinal, decoder)


def _blocks(items: list[_Item], ordinal: int, decoder: BlockDecoder) -> Iterator[RecordBlock]:
    for start in range(0, len(items), BLOCK_RECORDS):
        part = items[start : start + BLOCK_RECORDS]
        yield _block(part, ordinal + start, decoder)


def _block(items: list[_Item], ordinal: int, decoder: BlockDecoder) -> RecordBlock:
    texts = [item.text for item in items]
    if not any(item.fault or item.overlong for item in items) and (records := decoder.records(texts)) is not None:
        ordinals = range(ordinal, ordinal + len(items))
        return RecordBlock(records, ordinals, [item.line for item in items])
    gatherer = Gatherer(ordinal)
    for item in items:
        if item.fault:
            gatherer.refuse(item.line, item.text, item.fault)
        elif item.overlong:
            gatherer.overlong(item.line, item.text)
        else:
            gatherer.json(item.line, item.text)
    return gatherer.block()


class _ValueCutter:
    """Cuts chunks into records; what is unfinished waits in a buffer of at most one record and one chunk."""

    def __init__(self, limit: int, line: int, indent: bytes | None, array: bool) -> None:
        self._limit = limit
        self._array = array
        self._base = ScanState(depth=1 if array else 0)
        self._buffer = b""
        self._line = line
        self._indent = indent
        self._rewinds = REWINDS
        self._skipping: ScanState | None = None
        self._ended = False
        self._cut_inside = False
        self._told_trailing = False

    def feed(self, chunk: bytes) -> list[_Item]:
        if self._skipping is not None:
            chunk = self._skip(chunk, self._skipping)
        self._buffer += chunk
        return self._take(final=False)

    def finish(self) -> list[_Item]:
        items = self._take(final=True)
        if self._array and not (self._ended or self._cut_inside or self._skipping):
            items.append(_Item(self._line, b"", "the array is not closed: the end of the file is missing"))
        return items

    def _take(self, *, final: bool) -> list[_Item]:
        items = self._sound() if self._array and not self._ended else []
        while not self._ended and self._buffer and self._round(items, final=final):
            pass
        if self._ended:
            self._trailing(items)
        return items

    def _sound(self) -> list[_Item]:
        """Take the elements up to the last object that ends here, if all of them are sound; it is the quick way."""
        data = self._buffer
        end = data.rfind(b"},") + 1
        try:
            texts = [bytes(element) for element in _elements(b"[%b]" % data[:end])] if end else []
        except FAULTS:
            return []
        if not texts or max(map(len, texts)) > self._limit:
            return []
        items: list[_Item] = []
        line, place = self._line, 0
        for text in texts:
            # Between elements there are blanks and a comma, with which none begins.
            begin = data.index(text[:1], place)
            line += data.count(b"\n", place, begin)
            items.append(_Item(line, text))
            place = begin + len(text)
            line += data.count(b"\n", begin, place)
        self._advance(end + 1)
        return items

    def _round(self, items: list[_Item], *, final: bool) -> bool:
        """Take the records that are whole; whether the buffer must be looked at again, from where it begins then."""
        data = self._buffer
        found = scan(data, self._base)
        newlines = found.newlines.tolist()
        start = 0
        for end in self._ends(found):
            text = data[start:end].lstrip()
            begin = end - len(text)
            if len(text) > self._limit:
                return self._recover(items, found, begin, end, final=False)
            if text:
                items.append(_Item(self._line + bisect_left(newlines, begin), text.rstrip()))
            start = end + self._array
            if self._array and data[end] != ord(","):
                self._advance(start)
                return self._closed(data[end])
        rest = data[start:].lstrip()
        begin = len(data) - len(rest)
        if final and self._array and len(rest) <= self._limit and isinstance(decode_one(rest), dict):
            # The last element is whole, only the array's end is missing.
            items.append(_Item(self._line + bisect_left(newlines, begin), rest.rstrip()))
            begin = len(data)
        elif len(rest) > self._limit or (final and rest):
            return self._recover(items, found, begin, None, final=final)
        self._advance(begin)
        return False

    def _ends(self, found: Scan) -> list[int]:
        ends = found.commas(1) if self._array else found.closers(0) + 1
        return ends.tolist()

    def _closed(self, bracket: int) -> bool:
        """A bracket has closed the array; a brace too many has not, as long as we may go back."""
        if bracket == ord("}") and self._rewinds:
            self._rewinds -= 1
            return True
        self._ended = True
        return False

    def _recover(self, items: list[_Item], found: Scan, begin: int, end: int | None, *, final: bool) -> bool:
        """Refuse the record at `begin`, which ends too late (at `end`) or never; go on behind it."""
        line = self._line + bisect_left(found.newlines.tolist(), begin)
        text = self._buffer[begin : begin + self._limit]
        if (resume := self._resume(begin)) is not None:
            self._rewinds -= 1
            items.append(_Item(line, text.partition(b"\n")[0], _NOT_CLOSED))
            self._advance(resume)
            return True
        if final and end is None and len(self._buffer) - begin <= self._limit:
            self._cut_inside = True
            items.append(_Item(line, text, "the file ends inside this record"))
            self._advance(len(self._buffer))
            return False
        items.append(_Item(line, text, overlong=True))
        if end is not None:
            self._advance(end)
            return True
        self._skipping = found.end
        self._advance(len(self._buffer))
        return False

    def _resume(self, begin: int) -> int | None:
        """The beginning of the next line that looks like the one on which the record at `begin` stands."""
        head = self._buffer[:begin]
        indent = self._indent_after(head)
        if not self._rewinds or indent is None:
            return None
        if not indent and self._buffer[begin : begin + 2].strip() == b"{":
            # Neither indented nor a line a record: lines within the record look the same.
            return None
        found = self._buffer.find(b"\n" + indent + b"{", begin, begin + self._limit)
        return None if found < 0 else found + 1

    def _skip(self, chunk: bytes, state: ScanState) -> bytes:
        found = scan(chunk, state)
        ends = self._ends(found)
        cut = ends[0] if ends else len(chunk)
        self._line += chunk.count(b"\n", 0, cut)
        self._indent = None
        self._skipping = None if ends else found.end
        return chunk[cut:]

    def _advance(self, to: int) -> None:
        gone = self._buffer[:to]
        self._indent = self._indent_after(gone)
        self._line += gone.count(b"\n")
        self._buffer = self._buffer[to:]

    def _indent_after(self, gone: bytes) -> bytes | None:
        """The blanks that stand on a line before what follows `gone`; None if there is something else, or too much."""
        newline = gone.rfind(b"\n")
        if newline < 0 and self._indent is None:
            return None
        indent = gone[newline + 1 :] if newline >= 0 else (self._indent or b"") + gone
        return indent if len(indent) <= _MAX_INDENT and not indent.strip(b" \t") else None

    def _trailing(self, items: list[_Item]) -> None:
        """After the array only blanks may follow; the first text that does is refused, and nothing more is read."""
        rest = self._buffer.lstrip()
        if rest and not self._told_trailing:
            self._told_trailing = True
            blanks = len(self._buffer) - len(rest)
            line = self._line + self._buffer.count(b"\n", 0, blanks)
            # How much of it is here depends on the chunks; what is kept of it must not.
            items.append(_Item(line, rest[:1], "text after the end of the array"))
        self._line += self._buffer.count(b"\n")
        self._buffer = b""
