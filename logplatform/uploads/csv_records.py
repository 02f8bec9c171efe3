"""An upload named `.csv` as records: a header, then a record a row.

What belongs here: lines to rows under a header. What does not: bytes to lines (`csv_lines`), and what cells mean.

Quoting is RFC 4180's: a quoted cell may hold delimiters, doubled quotes and line ends. A quote that is never closed
would swallow the rest of the file; so a row that does not end within the largest size allowed is refused by its
first line, and reading goes on with the second. Going back costs time, so it is done REWINDS times at most in a
file; after that such a row is refused as a whole.

Lines of which each is a row, as most are, are read many at once; only the others are followed line by line.
"""

import csv
from collections import Counter
from collections.abc import Iterator
from itertools import chain
from typing import NamedTuple

from logplatform.uploads.csv_lines import TOO_LONG, Feed, RowBrokenError, small_blocks
from logplatform.uploads.decode import CHUNK_BYTES, line_blocks
from logplatform.uploads.delimiter import detect_delimiter
from logplatform.uploads.records import BLOCK_RECORDS, RAW_BYTES, CsvRecords, RecordBlock, RefusedRecord, UnusableFile

REWINDS = 64
_PROBED_LINES = 50
# What the parser is given after the last line: it becomes a row of its own, unless that line's row goes on.
_AFTER = "\n"


class Row(NamedTuple):
    """A row and the line it begins on; `fault`: why it is no record."""

    line: int
    cells: list[str]
    fault: str | None = None


def read_csv(chunks: Iterator[bytes], max_record_bytes: int, *, latin_1: bool) -> Iterator[RecordBlock]:
    """The records of a CSV in UTF-8, without a byte order mark; any bytes are read.

    `latin_1`: a line that is no UTF-8 is taken for latin-1. Raises UnusableFile for a header that cannot be used.
    """
    # The standard library knows this bound for the whole process only; ours may only widen it.
    csv.field_size_limit(max(csv.field_size_limit(), max_record_bytes))
    feed = Feed(small_blocks(line_blocks(chunks, max_record_bytes)), max_record_bytes, latin_1)
    rows = Rows(feed, detect_delimiter(feed.first(_PROBED_LINES)))
    header = _header(rows)
    ordinal = 1
    while (block := rows.many(header, ordinal) or _block(rows, header, ordinal)).count:
        ordinal += block.count
        yield block


class Rows:
    """The rows of a CSV, broken ones among them; blank lines are none."""

    def __init__(self, feed: Feed, delimiter: str) -> None:
        self._feed = feed
        self._delimiter = delimiter
        self._reader = csv.reader(feed, delimiter=delimiter)
        self._rewinds = REWINDS

    def __iter__(self) -> Iterator[Row]:
        return self

    def __next__(self) -> Row:
        while True:
            self._feed.begin()
            try:
                cells = next(self._reader)
            except RowBrokenError:
                return self._broken()
            except csv.Error as error:
                return self._row([], str(error))
            if len(cells) > 1 or (cells and cells[0].strip()):
                return self._row(cells, self._too_long())

    def many(self, header: tuple[str, ...], ordinal: int) -> RecordBlock | None:
        """The next records at once, if there are some and each of the next lines is a good row or blank."""
        if (lines := self._feed.plain()) is None:
            return None
        first, texts = lines
        found = self._each_a_row(texts)
        rows = [row for row in found if row]
        if not all(_fits(row, header) for row in rows) or not rows:
            self._feed.take_back(first, texts)
            return None
        numbers = [number for number, row in enumerate(found, first) if row]
        return RecordBlock(CsvRecords(header, rows), range(ordinal, ordinal + len(rows)), numbers)

    def _each_a_row(self, texts: list[str]) -> list[list[str]]:
        """The rows of lines, an empty one for a blank line; none at all if a row is not exactly one line."""
        try:
            rows = list(csv.reader(chain(texts, (_AFTER,)), delimiter=self._delimiter))
        except csv.Error:
            return []
        return rows[:-1] if len(rows) == len(texts) + 1 else []

    def _broken(self) -> Row:
        fault = self._feed.held[0].fault
        if fault is None:
            fault = "a quote is opened and never closed"
            if self._rewinds:
                self._rewinds -= 1
                self._feed.back()
        return self._row([], fault)

    def _too_long(self) -> str | None:
        return TOO_LONG if self._feed.size > self._feed.limit else None

    def _row(self, cells: list[str], fault: str | None) -> Row:
        return Row(self._feed.held[0].number, cells, fault)

    @property
    def text(self) -> str:
        """The text of the row that was given last."""
        return self._feed.text

    @property
    def between(self) -> bool:
        """Whether no line waits to be read one by one."""
        return not self._feed.waiting

    @property
    def size(self) -> int:
        """Its length."""
        return self._feed.size


def _fits(row: list[str], header: tuple[str, ...]) -> bool:
    """Whether it is a good row; a single cell of nothing but blanks is a blank line."""
    return len(row) == len(header) and (len(row) > 1 or bool(row[0].strip()))


def _header(rows: Rows) -> tuple[str, ...]:
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


def _block(rows: Rows, header: tuple[str, ...], ordinal: int) -> RecordBlock:
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
        if rows.between or len(good) + len(refused) >= BLOCK_RECORDS or size >= CHUNK_BYTES:
            break
    return RecordBlock(CsvRecords(header, good), ordinals, lines, refused)
