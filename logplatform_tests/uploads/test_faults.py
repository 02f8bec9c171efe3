"""What is refused, and how far one refused record reaches: by size, by form, by what it says."""

import json

import pytest

from logplatform.landing.redaction import Redactor
from logplatform.uploads.inspection import inspect_upload
from logplatform.uploads.naming import FileType
from logplatform.uploads.reading import MAX_RECORD_BYTES, read_records
from logplatform.uploads.records import RAW_BYTES, RefusedRecord

TOO_LONG = "longer than the largest record allowed"


def read(data: bytes, kind: FileType) -> tuple[int, list[RefusedRecord]]:
    """How many records are good, and those that are refused."""
    blocks = list(read_records([data], kind))
    return sum(len(block.records) for block in blocks), [one for block in blocks for one in block.refused]


def record_of(size: int) -> bytes:
    """An object of so many bytes."""
    return b'{"text":"%s"}' % (b"x" * (size - 11))


@pytest.mark.parametrize(("size", "refused"), [(MAX_RECORD_BYTES, 0), (MAX_RECORD_BYTES + 1, 1)])
@pytest.mark.parametrize("file", [b'{"a":1}\n%s\n{"a":2}', b'[{"a":1},\n%s,\n{"a":2}]'], ids=["lines", "array"])
def test_a_record_of_a_mebibyte_is_the_largest(file: bytes, size: int, refused: int) -> None:
    """A byte more and it is a dead letter, of which the beginning is kept; its neighbours stay."""
    good, bad = read(file % record_of(size), "json")
    assert (good, len(bad)) == (3 - refused, refused)
    for one in bad:
        assert (one.ordinal, one.line, one.reason, one.tags) == (2, 2, TOO_LONG, ("_jsonparsefailure",))
        assert one.raw == record_of(size)[:RAW_BYTES]


@pytest.mark.parametrize(("size", "refused"), [(MAX_RECORD_BYTES, 0), (MAX_RECORD_BYTES + 1, 1)])
def test_a_row_of_a_mebibyte_is_the_largest(size: int, refused: int) -> None:
    """The row's line end counts with it; quoted over many lines or on one."""
    for cell in (b"x" * (size - 3), b'"' + b"x\n" * ((size - 5) // 2) + b"y" * ((size - 5) % 2) + b'"'):
        row = b"1," + cell + b"\n"
        assert len(row) == size
        good, bad = read(b"a,b\n" + b"0,0\n" * 100 + row + b"2,2\n", "csv")
        assert (good, len(bad)) == (102 - refused, refused)
        assert [(one.ordinal, one.line, one.reason, one.tags) for one in bad] == [
            (101, 102, TOO_LONG, ("_csvparsefailure",))
        ] * refused


@pytest.mark.parametrize(
    ("kind", "data", "tag"),
    [
        ("json", b'{"a":1}\n{"a":', "_jsonparsefailure"),
        ("json", b'[{"a":1},\n5]', "_jsonparsefailure"),
        ("csv", b"a,b\n1,2\n3\n", "_csvparsefailure"),
        ("csv", b"a,b\n1,2\n\0,3\n", "_csvparsefailure"),
    ],
)
def test_what_cannot_be_read_has_its_format_as_tag(kind: FileType, data: bytes, tag: str) -> None:
    """Dead letters are found by it."""
    good, (bad,) = read(data, kind)
    assert good == 1
    assert bad.tags == (tag,)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("indent", [None, 2])
def test_every_record_of_an_array_counts_and_is_shown_as_it_is(encoding: str, indent: int | None) -> None:
    """An array as other programs print it is no fault; records are counted whether they are good or not."""
    records = [{"n": number, "ort": "Köln"} for number in range(30)]
    text = json.dumps([*records, 5, *records], indent=indent, ensure_ascii=False)
    found = inspect_upload("array.json", [text.encode(encoding)], Redactor())
    assert (found.ok, found.total_lines, found.refused) == (True, 61, 1)
    assert list(found.preview) == records[:10]


@pytest.mark.parametrize(
    ("name", "data", "error"),
    [
        ("a.json", b"\xff\xfe{\x00", "Invalid JSON: line 1: Input data was truncated"),
        ("a.json", b'{"a":"\xff"}', "Invalid JSON: line 1: not valid UTF-8"),
        ("a.json", b"PK\x03\x04\x14\x00", "Invalid JSON: line 1: the content is ZIP (or an Excel workbook)"),
        ("a.json", b" \n \n", "Invalid JSON: no records"),
        ("a.csv", b"\n\n", "Invalid CSV: line 1: no header"),
        ("a.csv", b"a;b\n", "Invalid CSV: line 1: a header without records"),
        ("a.csv", b"%PDF-1.7\n\x00\xff", "Invalid CSV: line 1: the content is PDF"),
        ("a.csv", b"a,b\n" + b"1\n" * 20_000, "Invalid CSV: line 2: 1 cells where the header has 2"),
    ],
)  # fmt: skip
def test_a_file_of_which_nothing_can_be_used_is_answered_with_line_and_reason(
    name: str, data: bytes, error: str
) -> None:
    """The sender can mend it at once."""
    found = inspect_upload(name, [data], Redactor())
    assert (found.ok, found.error) == (False, error)
