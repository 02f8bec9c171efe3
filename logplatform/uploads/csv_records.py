"""An upload named `.csv` as records: a header, then a record a row.

What belongs here: lines to rows under a header. What does not: bytes to lines (`decode`), and what cells mean.

Quoting is RFC 4180's: a quoted cell may hold delimiters, doubled quotes and line ends. A quote that is never closed
would swallow the rest of the file; so a row that does not end within the largest size allowed is refused by its
first line, and reading goes on with the second. Going back costs time, so it is done REWINDS times at most in a
file; after that such a row is refused as a whole.
"""

import csv
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import NamedTuple

from logplatform.uploads.decode import CHUNK_BYTES, LineBlock, line_blocks
from logplatform.uploads.delimiter import detect_delimiter
from logplatform.uploads.records import BLOCK_RECORDS, RAW_BYTES, CsvRecords, RecordBlock, RefusedRecord, UnusableFile

REWINDS = 64
_PROBED_LINES = 50


class _Line(NamedTuple):
    """A line as text with its end; `fault`: why it can be no part of a row."""

    number: int
    text: str
    fault: str | None = None


class _Row(NamedTuple):
    """A row and the line it begins on; `fault`: why it is no record."""

    line: int
    cells: list[str]
    fault: str | None = None


class _RowBrokenError(Exception):
    """The row that was begun does not end within the bound, or the line that begins it has a fault."""


def read_csv(chunks: Iterator[bytes], max_record_bytes: int, *, latin_1: bool) -> Iterator[RecordBlock]:
    """The records of a CSV in UTF-8, without a byte order mark; any bytes are read.

    `latin_1`: a line that is no UTF-8 is taken for latin-1. Raises UnusableFile for a header that cannot be used.
    """
    # The standard library knows this bound for the whole process only; ours may only widen it.
    csv.field_size_limit(max(csv.field_size_limit(), max_record_bytes))
    lines = _texts(line_blocks(chunks, max_record_bytes), latin_1=latin_1)
    probed = list(islice(lines, _PROBED_LINES))
    delimiter = detect_delimiter([line.text for line in probed])
    rows = _Rows(_Feed(chain(probed, lines), max_record_bytes), delimiter)
    header = _header(rows)
    ordinal = 1
    while (block := _block(rows, header, ordinal)).count:
        ordinal += block.count
        yield block


def _texts(blocks: Iterable[LineBlock], *, latin_1: bool) -> Iterator[_Line]:
    for block in blocks:
        for index, data in enumerate(block.texts):
            number = block.first + index
            if index in block.overlong:
                yield _Line(number, data.decode("latin-1"), "longer than the largest record allowed")
            else:
                yield _text(number, data, latin_1=latin_1)


def _text(number: int, data: bytes, *, latin_1: bool) -> _Line:
    fault = "NUL byte" if b"\0" in data else None
    try:
        return _Line(number, data.decode(), fault)
    except UnicodeDecodeError:
        return _Line(number, data.decode("latin-1"), fault or (None if latin_1 else "not valid UTF-16"))


@dataclass(slots=True)
class _Feed:
    """Gives the parser lines, and keeps those of the row that is being read."""

    lines: Iterator[_Line]
    limit: int
    held: list[_Line] = field(default_factory=list)
    size: int = 0
    again: deque[_Line] = field(default_factory=deque)

    def __iter__(self) -> "_Feed":
        return self

    def __next__(self) -> str:
        if self.held and self.size > self.limit:
            raise _RowBrokenError
        line = self.again.popleft() if self.again else next(self.lines, None)
        if line is None:
            if self.held:
                # The parser asks for more of a row, but there is none.
                raise _RowBrokenError
            raise StopIteration
        if line.fault and self.held:
            self.again.appendleft(line)
            raise _RowBrokenError
        self.held.append(line)
        self.size += len(line.text)
        if line.fault:
            raise _RowBrokenError
        return line.text

    def begin(self) -> None:
        """A new row begins with the next line."""
        self.held.clear()
        self.size = 0

    def back(self) -> None:
        """Give all but the first line of the row again."""
        self.again.extendleft(reversed(self.held[1:]))
        del self.held[1:]

    @property
    def text(self) -> str:
        """The row's text."""
        return "".join(line.text for line in self.held)


class _Rows:
    """The rows of a CSV, broken ones among them; blank lines are none."""

    def __init__(self, feed: _Feed, delimiter: str) -> None:
        self._feed = feed
        self._reader = csv.reader(feed, delimiter=delimiter)
        self._rewinds = REWINDS

    def __iter__(self) -> Iterator[_Row]:
        return self

    def __next__(self) -> _Row:
        while True:
            self._feed.begin()
            try:
                cells = next(self._reader)
            except _RowBrokenError:
                return self._broken()
            except csv.Error as error:
                return self._row([], str(error))
            if len(cells) > 1 or (cells and cells[0].strip()):
                return self._row(cells, self._too_long())

    def _broken(self) -> _Row:
        fault = self._feed.held[0].fault
        if fault is None:
            fault = "a quote is opened and never closed"
            if self._rewinds:
                self._rewinds -= 1
                self._feed.back()
        return self._row([], fault)

    def _too_long(self) -> str | None:
        return "longer than the largest record allowed" if self._feed.size > self._feed.limit else None

    def _row(self, cells: list[str], fault: str | None) -> _Row:
        return _Row(self._feed.held[0].number, cells, fault)

    @property
    def text(self) -> str:
        """The text of the row that was given last."""
        return self._feed.text

    @property
    def size(self) -> int:
        """Its length."""
        return self._feed.size


def _header(rows: _Rows) -> tuple[str, ...]:
    row = next(rows, None)
    if row is None:
        raise UnusableFile("line 1: no header")
    where = f"line {row.line}"
    if row.fault:
        raise UnusableFile(f"{where}: {row.fault}")
    names = tuple(cell.strip() or f"column_{number}" for number, cell in enumerate(row.cells, 1))
    if names[0].startswith(("{", "[")):
        raise UnusableFile(f"{where}: the content looks like JSON")
    if not all(name.isprintable() for name in names):
        raise UnusableFile(f"{where}: the content is not text")
    if repeated := [name for name, count in Counter(names).items() if count > 1]:
        raise UnusableFile(f"{where}: duplicate column name {repeated[0][:100]!r}")
    return names


def _block(rows: _Rows, header: tuple[str, ...], ordinal: int) -> RecordBlock:
    good: list[list[str]] = []
    ordinals: list[int] = []
    lines: list[int] = []
    refused: list[RefusedRecord] = []
    size = 0
    for number, row in enumerate(rows, ordinal):
        fault = row.fault
        if fault is None and len(row.cells) != len(header):
            fault = f"{len(row.cells)} cells where the header has {len(header)}"
        if fault is None:
            good.append(row.cells)
            ordinals.append(number)
            lines.append(row.line)
        else:
            raw = rows.text.encode("utf-8", "surrogatepass")[:RAW_BYTES]
            refused.append(RefusedRecord(number, row.line, raw, fault, ("_csvparsefailure",)))
        size += rows.size
        if len(good) + len(refused) >= BLOCK_RECORDS or size >= CHUNK_BYTES:
            break
    return RecordBlock(CsvRecords(header, good), ordinals, lines, refused)
