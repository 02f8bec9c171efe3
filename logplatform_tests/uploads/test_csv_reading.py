"""CSV as it is in the wild: encodings, quotes, odd lines; many lines at once are read as one by one."""

import csv
import io
from collections.abc import Iterable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from logplatform.uploads.csv_lines import Feed, small_blocks
from logplatform.uploads.csv_records import Rows, read_csv
from logplatform.uploads.decode import line_blocks
from logplatform.uploads.reading import read_records
from logplatform.uploads.records import UnusableFile

LIMIT = 40
# More lines than are looked at for the delimiter, which are read one by one.
HEAD = b"a,b\n" + b"1,2\n" * 60
PIECES = st.sampled_from(
    [b"3,4\n", b"x,\n", b'"q,1",2\n', b'"two\nlines",2\n', b"\n", b" \n", b"7\n", b"1,2,3\n", b'"open,2\n', b"\0,1\n",
     b"\xff,1\r\n", b"\xc3\xa9,1\r", b"l" * 50 + b",1\n", b'"a""b",c\n', b'x"y,1\n', b"5,6", b"\x0b,\x1c\n", b'"\r"\n'],
)  # fmt: skip

Found = list[tuple[int, object]]


def one_by_one(data: bytes) -> Found:
    """The rows that the careful way finds, with their lines; a fault as text."""
    rows = Rows(Feed(small_blocks(line_blocks([data], LIMIT)), LIMIT, latin_1=True), ",")
    next(rows)
    found: Found = []
    for row in rows:
        wrong = f"{len(row.cells)} cells where the header has 2" if len(row.cells) != 2 else None
        found.append((row.line, row.fault or wrong or row.cells))
    return found


def as_uploads_are(chunks: Iterable[bytes]) -> Found:
    found: Found = []
    for block in read_csv(iter(chunks), LIMIT, latin_1=True):
        rows = [list(block.records.record(index).values()) for index in range(len(block.records))]
        assert len(rows) == len(block.ordinals) == len(block.lines)
        good = zip(block.ordinals, block.lines, rows, strict=True)
        bad = [(one.ordinal, one.line, one.reason) for one in block.refused]
        found += [(line, what) for _, line, what in sorted([*good, *bad], key=lambda one: one[0])]
    return found


@settings(max_examples=150)
@given(st.lists(st.lists(PIECES, max_size=4), max_size=4))
@example([[b'"open,2\n', b"3,4\n"], [b"3,4\n"]])
@example([[b'"two\nli'], [b'nes",2\n']])
def test_many_lines_at_once_are_read_as_one_by_one(parts: list[list[bytes]]) -> None:
    """Wherever a chunk ends and whatever is odd in it: the same rows on the same lines, the same faults."""
    chunks = [HEAD, *(b"".join(part) for part in parts)]
    assert as_uploads_are(chunks) == one_by_one(b"".join(chunks))


def records(data: bytes) -> list[dict[str, object]]:
    blocks = list(read_records([data], "csv"))
    assert not any(block.refused for block in blocks)
    return [block.records.record(index) for block in blocks for index in range(len(block.records))]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "latin-1"])
@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_a_long_table_is_the_same_in_every_encoding(encoding: str, ending: str) -> None:
    """Ten thousand rows, so that every way of reading takes part; umlauts, so that encodings differ."""
    rows = [[str(number), "Köln" if number % 3 else "a, b", 'say "é"'] for number in range(10_000)]
    file = io.StringIO()
    csv.writer(file, lineterminator=ending).writerows([["number", "ort", "straße"], *rows])
    found = records(file.getvalue().encode(encoding))
    assert [list(record.values()) for record in found] == rows
    assert list(found[0]) == ["number", "ort", "straße"]


def test_quoted_line_ends_count_once() -> None:
    """A stack trace in a cell is one record, however many lines it has; its line is the one it begins on."""
    data = b"id,trace\n" + b'1,"one\ntwo\nthree"\n' * 5_000
    blocks = list(read_records([data], "csv"))
    assert sum(block.count for block in blocks) == 5_000
    assert [line for block in blocks for line in block.lines] == list(range(2, 15_002, 3))


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        (b"a,b,a", "line 1: duplicate column name 'a'"),
        (b"a, a", "line 1: duplicate column name 'a'"),
        (b"\n\na;b;b", "line 3: duplicate column name 'b'"),
        (b'"a\nb",c', "line 1: the content is not text"),
    ],
)
def test_a_header_that_cannot_be_used_is_told_with_its_line(header: bytes, reason: str) -> None:
    """Two columns of one name: nobody could tell which of them counts."""
    with pytest.raises(UnusableFile, match=f"^Invalid CSV: {reason}$"):
        list(read_records([header + b"\n1;2;3\n"], "csv"))
