"""Reading uploads: every shape and encoding, every fault told with its line, no bytes that raise."""

import csv
import io
import json
import time
from collections.abc import Iterable
from dataclasses import dataclass

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from logplatform.uploads.decode import line_blocks
from logplatform.uploads.json_records import read_json
from logplatform.uploads.naming import FileType
from logplatform.uploads.reading import read_records
from logplatform.uploads.records import UnusableFile


@dataclass
class Read:
    """All that reading a file gave."""

    records: list[dict[str, object]]
    places: list[tuple[int, int]]
    refused: list[tuple[int, int, str]]
    unusable: str | None = None


def read(chunks: Iterable[bytes], kind: FileType, limit: int = 1 << 20) -> Read:
    found = Read([], [], [])
    try:
        for block in read_records(chunks, kind, limit):
            found.records += [block.records.record(index) for index in range(len(block.records))]
            found.places += zip(block.ordinals, block.lines, strict=True)
            found.refused += [(one.ordinal, one.line, one.reason) for one in block.refused]
    except UnusableFile as fault:
        found.unusable = str(fault)
    return found


def letters(text: bytes | str, kind: FileType = "json") -> list[tuple[int, str]]:
    data = text.encode() if isinstance(text, str) else text
    return [(line, reason) for _, line, reason in read([data], kind).refused]


NAMES = st.text(st.characters(codec="utf-8"), max_size=8)
SCALARS = st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(st.characters(codec="utf-8"), max_size=20)
VALUES = st.recursive(SCALARS, lambda deeper: st.lists(deeper, max_size=3) | st.dictionaries(NAMES, deeper, max_size=3))
RECORDS = st.lists(st.dictionaries(NAMES, VALUES, max_size=4), min_size=1, max_size=8)


@settings(max_examples=60)
@given(RECORDS, st.sampled_from(["ndjson", "array", "pretty", "tabs", "crlf"]), st.sampled_from(["utf-8", "utf-8-sig"]))
def test_every_shape_of_json_gives_the_same_records(
    records: list[dict[str, object]], shape: str, encoding: str
) -> None:
    """A producer may print its records as it likes; nothing is lost or changed by it."""
    texts = {
        "ndjson": "\n".join(json.dumps(record, ensure_ascii=False) for record in records),
        "crlf": "\r\n\r\n".join(json.dumps(record) for record in records) + "\r\n",
        "array": json.dumps(records, ensure_ascii=False),
        "pretty": json.dumps(records, indent=2),
        "tabs": "\n\n" + json.dumps(records, indent="\t", ensure_ascii=False) + "\n\n",
    }
    found = read([texts[shape].encode(encoding)], "json")
    assert found.unusable is None
    assert found.refused == []
    assert found.records == records
    assert [ordinal for ordinal, _ in found.places] == list(range(1, len(records) + 1))


@given(st.lists(st.dictionaries(NAMES, VALUES, min_size=1, max_size=3), min_size=1, max_size=5))
def test_objects_that_span_lines_are_records(records: list[dict[str, object]]) -> None:
    """One pretty-printed object, or several one after the other, are no NDJSON, but records all the same."""
    text = "\n".join(json.dumps(record, indent=2) for record in records)
    found = read([text.encode()], "json")
    assert (found.records, found.refused) == (records, [])


CELLS = st.text(st.characters(codec="utf-8", exclude_characters="\0\r"), max_size=12)


@settings(max_examples=60)
@given(
    st.integers(2, 5).flatmap(
        lambda width: st.lists(st.lists(CELLS, min_size=width, max_size=width), min_size=1, max_size=6)
    ),
    st.sampled_from(",;\t|"),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le-bom"]),
)
def test_every_dialect_of_csv_gives_the_same_records(rows: list[list[str]], delimiter: str, encoding: str) -> None:
    """Delimiter and encoding are found out; quoted delimiters, quotes and line ends stay in their cell."""
    header = [f"name{number}" for number in range(len(rows[0]))]
    file = io.StringIO()
    writer = csv.writer(file, delimiter=delimiter, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow(header)
    writer.writerows(rows)
    text = file.getvalue()
    data = b"\xff\xfe" + text.encode("utf-16-le") if encoding == "utf-16-le-bom" else text.encode(encoding)
    found = read([data], "csv")
    assert found.refused == []
    assert found.records == [dict(zip(header, row, strict=True)) for row in rows]


@settings(max_examples=150)
@given(
    st.text(st.sampled_from('{}[],:"\\\n\r ab1;\0é|')).map(str.encode) | st.binary(), st.sampled_from(["csv", "json"])
)
@example(b"[", "json")
@example(b"\xff\xfe{", "json")
@example(b"\xff\xfe\x00\xd8", "csv")
@example(b'"', "csv")
@example(b"[" * 5000, "json")
def test_any_bytes_are_read(data: bytes, kind: FileType) -> None:
    """Hostile input never raises, and every record is counted exactly once: used or refused."""
    found = read([data], kind, limit=64)
    if found.unusable is None:
        ordinals = [ordinal for ordinal, _ in found.places] + [ordinal for ordinal, _, _ in found.refused]
        assert sorted(ordinals) == list(range(1, len(ordinals) + 1))
        assert found.records


@settings(max_examples=60)
@given(
    st.text(st.sampled_from('{}[],:"\\\n\r a1')).map(str.encode),
    st.lists(st.integers(1, 9), min_size=1),
    st.sampled_from([8, 20, 1000]),
)
def test_how_bytes_come_makes_no_difference_to_lines(data: bytes, sizes: list[int], limit: int) -> None:
    """A line is the same wherever a chunk ends, inside a CRLF too, and whether it is overlong or not."""

    def lines(chunks: Iterable[bytes]) -> list[tuple[int, bytes, bool]]:
        return [
            (block.first + index, text, index in block.overlong)
            for block in line_blocks(chunks, limit)
            for index, text in enumerate(block.texts)
        ]

    assert lines(cut(data, sizes)) == lines([data])


@settings(max_examples=150)
@given(
    st.lists(
        st.sampled_from(['{"a":1}', '{"a":1},', "{", "}", "[", "]", ",", '"', "\n", " ", '"x\\"', "\n ", "12"]),
        max_size=40,
    ),
    st.lists(st.integers(1, 9), min_size=1),
)
def test_how_bytes_come_makes_no_difference_to_json(parts: list[str], sizes: list[int]) -> None:
    """Records are found where they are, however broken the text around them, not where a chunk happens to end."""
    data = ("[" + "".join(parts)).encode()

    def found(chunks: Iterable[bytes]) -> list[tuple[object, ...]]:
        blocks = list(read_json(iter(chunks), 30))
        good: list[tuple[object, ...]] = [
            record
            for block in blocks
            for record in zip(block.ordinals, block.lines, block.records.sources(), strict=True)
        ]
        return good + [(one.ordinal, one.line, one.raw, one.reason) for b in blocks for one in b.refused]

    assert sorted(found(cut(data, sizes)), key=str) == sorted(found([data]), key=str)


def cut(data: bytes, sizes: list[int]) -> list[bytes]:
    chunks, start, turn = [], 0, 0
    while start < len(data):
        size = sizes[turn % len(sizes)]
        chunks.append(data[start : start + size])
        start, turn = start + size, turn + 1
    return chunks


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('{"a":1}\n{"a":NaN}\n\n', [(2, "NaN and Infinity are not JSON")]),
        ('{"a":1}\n\n\n5\n', [(4, "a record must be an object, not a number")]),
        ('{"a":1}\n{"a":"x\n{"b":2}\n', [(2, "invalid character (byte 8)")]),
        ('{"a":1}\n{"a":"\x00"}\n', [(2, "NUL byte")]),
        ('[{"a":1},\n "x",\n {"b":2}]', [(2, "a record must be an object, not a text")]),
        ('[{"a":1},\n {"b":', [(2, "the file ends inside this record")]),
        ('[{"a":1},\n {"b":2}\n', [(3, "the array is not closed: the end of the file is missing")]),
        ('[{"a":1}]\n\n{"b":2}', [(3, "text after the end of the array")]),
        ('[\n {"a":1},\n {"a":"x},\n {"b":2}\n]', [(3, "not closed before the next record begins")]),
        ("{}\n" + '{"a":' * 101 + "1" + "}" * 101, [(2, "nested deeper than 100 levels")]),
    ],
)  # fmt: skip
def test_a_bad_record_is_a_dead_letter_with_its_line(text: str, expected: list[tuple[int, str]]) -> None:
    """The rest of the file goes on; a broken record does not take the next ones with it."""
    if expected[0][1].startswith("invalid"):
        ((line, reason),) = letters(text)
        assert line == expected[0][0]
        assert "invalid" in reason or "truncated" in reason
    else:
        assert letters(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a,b\n1,2\n3\n4,5,6\n", [(3, "1 cells where the header has 2"), (4, "3 cells where the header has 2")]),
        ('a,b\n"x\ny",2\n3\n', [(4, "1 cells where the header has 2")]),
        ('a,b\n1,"2\n3,4\n', [(2, "a quote is opened and never closed")]),
        ("a,b\n1,2\n\n3,\0\n", [(4, "NUL byte")]),
    ],
)
def test_a_bad_row_is_a_dead_letter_with_its_line(text: str, expected: list[tuple[int, str]]) -> None:
    """Lines are those of the file: the header is line 1, a quoted line end is counted."""
    assert letters(text, "csv") == expected


@pytest.mark.parametrize(
    ("kind", "data", "message"),
    [
        ("csv", b"a,b,a\n1,2,3\n", "Invalid CSV: line 1: duplicate column name 'a'"),
        ("csv", b"\na,b\n", "Invalid CSV: line 1: a header without records"),
        ("csv", b'{"a":1}\n', "Invalid CSV: line 1: the content looks like JSON"),
        ("csv", b"\x1f\x8b\x08\x00", "Invalid CSV: line 1: the content is gzip"),
        ("csv", b"a,\x00\n1,2\n", "Invalid CSV: line 1: NUL byte"),
        ("csv", b"a,b\n1\n2\n", "Invalid CSV: line 2: 1 cells where the header has 2"),
        ("json", b"[]", "Invalid JSON: no records"),
        ("json", b"\n42", "Invalid JSON: line 2: a record must be an object, not a number"),
        ("json", b"NaN", "Invalid JSON: line 1: NaN and Infinity are not JSON"),
        ("json", b"[1, 2]", "Invalid JSON: line 1: a record must be an object, not a number"),
        ("json", b"\x89PNG\r\n", "Invalid JSON: line 1: the content is PNG"),
        ("json", b"[" * 200 + b"]" * 200, "Invalid JSON: line 1: nested deeper than 100 levels"),
    ],
)
def test_an_unusable_file_is_told_with_line_and_reason(kind: FileType, data: bytes, message: str) -> None:
    """The client learns at once what to mend."""
    assert read([data], kind).unusable == message


def test_records_over_the_limit_are_refused_and_the_rest_goes_on() -> None:
    """However a record is written, one that is too long costs itself only."""
    long = json.dumps({"text": "x" * 200})
    ndjson = read([f'{{"a":1}}\n{long}\n{{"a":2}}'.encode()], "json", 100)
    array = read([f'[{{"a":1}},{long},{{"a":2}}]'.encode()], "json", 100)
    table = read([("a,b\n1,1\n" + "x" * 200 + ",1\n2,2\n").encode()], "csv", 100)
    for found in (ndjson, array, table):
        assert len(found.records) == 2
        assert [reason for _, _, reason in found.refused] == ["longer than the largest record allowed"]


def test_text_that_begins_like_something_else_is_text() -> None:
    """A column may be called PAR1, as a Parquet file begins."""
    assert read([b"PAR1,PAR2\n1,2\n"], "csv").records == [{"PAR1": "1", "PAR2": "2"}]


def test_latin_1_csv_is_read() -> None:
    """Spreadsheets of the west write it still."""
    assert read(["ort,straße\nKöln,Große\n".encode("latin-1")], "csv").records == [{"ort": "Köln", "straße": "Große"}]


def test_quotes_that_never_close_cannot_make_reading_slow() -> None:
    """Each line would make the reader go back a whole record's size: it does so a bounded number of times only."""
    found = read([b"a,b\n" + b'x","\n' * 200_000], "csv", 1 << 16)
    assert found.unusable is not None


@pytest.mark.parametrize(
    ("begin", "again"),
    [('{"a": "', '\\"'), ('{"a": ', '"'), ('{"a": "', "\\")],
    ids=["escaped", "quotes", "backslashes"],
)
def test_a_string_that_never_closes_cannot_make_judging_slow(begin: str, again: str) -> None:
    """Telling why a record of a megabyte is no JSON takes as long as reading it, not the square of that."""
    started = time.process_time()
    text = begin + again * (800_000 // len(again)) + "NaN"
    assert letters("{}\n" + text)[0][0] == 2
    assert time.process_time() - started < 10
