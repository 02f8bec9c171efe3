"""The lines of a CSV as text: many at once where nothing is odd, else one by one with what is wrong with them.

What belongs here: bytes of lines to text, and giving them to the parser. What does not: rows (`csv_records`), and
finding the lines (`decode`).
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from logplatform.uploads.decode import LineBlock
from logplatform.uploads.records import BLOCK_RECORDS

TOO_LONG = "longer than the largest record allowed"


class Line(NamedTuple):
    """A line as text with its end; `fault`: why it can be no part of a row."""

    number: int
    text: str
    fault: str | None = None


class RowBrokenError(Exception):
    """The row that was begun does not end within the bound, or the line that begins it has a fault."""


@dataclass(slots=True)
class Feed:
    """Gives the parser lines, and keeps those of the row that is being read. `latin_1`: see `csv_records.read_csv`."""

    blocks: Iterator[LineBlock]
    limit: int
    latin_1: bool
    held: list[Line] = field(default_factory=list)
    size: int = 0
    waiting: deque[Line] = field(default_factory=deque)

    def __iter__(self) -> "Feed":
        return self

    def __next__(self) -> str:
        if self.held and self.size > self.limit:
            raise RowBrokenError
        if not self._fill():
            if self.held:
                # The parser asks for more of a row, but there is none.
                raise RowBrokenError
            raise StopIteration
        if self.waiting[0].fault and self.held:
            raise RowBrokenError
        line = self.waiting.popleft()
        self.held.append(line)
        self.size += len(line.text)
        if line.fault:
            raise RowBrokenError
        return line.text

    def begin(self) -> None:
        """A new row begins with the next line."""
        self.held.clear()
        self.size = 0

    def back(self) -> None:
        """Give all but the first line of the row again."""
        self.waiting.extendleft(reversed(self.held[1:]))
        del self.held[1:]

    def first(self, count: int) -> list[str]:
        """The texts of at most so many of the next lines, which stay the next."""
        while len(self.waiting) < count and (block := next(self.blocks, None)) is not None:
            self._add(block)
        return [line.text for _, line in zip(range(count), self.waiting, strict=False)]

    def plain(self) -> tuple[int, list[str]] | None:
        """The next lines and the number of the first, if nothing waits and nothing is odd about any of them.

        Lines with something odd, which are told by None, are the next of `__next__`; so is the end of the file.
        """
        if self.waiting or (block := next(self.blocks, None)) is None:
            return None
        texts = None if block.overlong or any(b"\0" in text for text in block.texts) else _decoded(block.texts)
        if texts is None or max(map(len, texts)) > self.limit:
            self._add(block)
            return None
        return block.first, texts

    def take_back(self, first: int, texts: Iterable[str]) -> None:
        """Give the lines of `plain` again, one by one."""
        self.waiting.extend(Line(number, text) for number, text in enumerate(texts, first))

    @property
    def text(self) -> str:
        """The row's text."""
        return "".join(line.text for line in self.held)

    def _fill(self) -> bool:
        if not self.waiting and (block := next(self.blocks, None)) is not None:
            self._add(block)
        return bool(self.waiting)

    def _add(self, block: LineBlock) -> None:
        for index, data in enumerate(block.texts):
            number = block.first + index
            if index in block.overlong:
                self.waiting.append(Line(number, data.decode("latin-1"), TOO_LONG))
            else:
                self.waiting.append(_line(number, data, latin_1=self.latin_1))


def small_blocks(blocks: Iterable[LineBlock]) -> Iterator[LineBlock]:
    """The same lines, at most BLOCK_RECORDS at a time."""
    for block in blocks:
        for start in range(0, len(block.texts), BLOCK_RECORDS):
            end = start + BLOCK_RECORDS
            overlong = frozenset(index - start for index in block.overlong if start <= index < end)
            yield LineBlock(block.first + start, block.texts[start:end], overlong)


def _decoded(texts: Iterable[bytes]) -> list[str] | None:
    try:
        return [text.decode() for text in texts]
    except UnicodeDecodeError:
        return None


def _line(number: int, data: bytes, *, latin_1: bool) -> Line:
    fault = "NUL byte" if b"\0" in data else None
    try:
        return Line(number, data.decode(), fault)
    except UnicodeDecodeError:
        return Line(number, data.decode("latin-1"), fault or (None if latin_1 else "not valid UTF-16"))
