"""What holds for any bytes, in every format: nothing raises, no line is lost or doubled, chunks do not matter."""

import codecs
import gzip
import io
import os
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logplatform.archives.line_count import LineCount
from logplatform.archives.lines.columns import LineFormat
from logplatform.archives.lines.recognise import recognise, sample
from logplatform_tests.archives.lines.reading import line_count, read

FORMATS: list[LineFormat] = ["access", "syslog", "jsonl", "log4j", "plain"]
PIECES = [
    b'1.2.3.4 - - [17/May/2015:10:05:03 +0000] "GET / HTTP/1.1" 200 1 "-" "agent"',
    b"Dec 31 23:59:59 host app[1]: text",
    b"<34>1 2003-10-11T22:14:15.003Z host app - ID47 - text",
    b'{"timestamp":"2025-01-01T00:00:00Z","level":"info","message":"m"}',
    b"[2016-12-19 16:31:47,437] INFO text (logger)",
    b"\tat a.b.C(D.java:1)",
    b"\n", b"\n", b"\n", b"\r\n", b"\xff\xfe", b"\xfe\xff", b"\x00", b" ", b"{", b"[2016-99-99 00:00:00]", b"9" * 70,
]  # fmt: skip

inputs = st.lists(st.one_of(st.sampled_from(PIECES), st.binary(max_size=12)), max_size=25).map(b"".join)
broken_utf16 = st.tuples(
    st.sampled_from([codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE]),
    st.lists(st.sampled_from([b"\n\x00", b"\x00\n", b"\n", b"\x00\xd8", b"\xdc\x00", b"a\x00", b"\n\n"]), max_size=12),
).map(lambda parts: parts[0] + b"".join(parts[1]))


@settings(max_examples=250, deadline=None)
@given(inputs, st.sampled_from(FORMATS), st.integers(1, 90))
def test_conservation_and_chunks(data: bytes, line_format: LineFormat, chunk: int) -> None:
    """Each line is in exactly one event or refused once, whatever the bytes and however they are cut."""
    events, refused = read(data, line_format, max_line_bytes=300)
    covered = [number for event in events for number in range(event["line"], event["line"] + event["lines"])]
    assert sorted(covered + [letter.line for letter in refused]) == list(range(1, line_count(data) + 1))
    assert (events, refused) == read(data, line_format, max_line_bytes=300, chunk=chunk)


@settings(max_examples=150, deadline=None)
@given(inputs | broken_utf16, st.integers(1, 9))
def test_lines_are_counted_as_they_are_parsed(data: bytes, chunk: int) -> None:
    """The count that extraction takes knows nothing of the parser, and agrees with it for any bytes in any chunks."""
    count = LineCount()
    for start in range(0, len(data), chunk):
        count.update(data[start : start + chunk])
    events, refused = read(data, "plain", chunk=chunk)
    assert count.lines == line_count(data) == sum(event["lines"] for event in events) + len(refused)


@settings(max_examples=100, deadline=None)
@given(inputs, st.integers(1, 50))
def test_any_bytes_are_recognised_as_something(data: bytes, lines: int) -> None:
    """Sampling reads any bytes, and a format it names takes at least one of the lines it saw."""
    seen = sample(io.BytesIO(data), len(data), lines)
    assert len(seen) <= lines
    line_format = recognise(seen, 0.5)
    if line_format != "plain":
        events, _ = read(data, line_format)
        assert events


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([PIECES[0]] * 3 + [b"odd"], "access"),
        ([PIECES[1]] * 3 + [b"odd"], "syslog"),
        ([PIECES[2]], "syslog"),
        ([b"2024-01-01T12:00:00.123456+01:00 host sshd[1]: text"], "syslog"),
        ([PIECES[3]] * 3 + [b"{"], "jsonl"),
        ([PIECES[4]] + [PIECES[5]] * 150, "log4j"),
        ([b"banner"] * 5 + [PIECES[4]] * 20, "log4j"),
        ([PIECES[0]] + [b"odd"] * 3, "plain"),
        ([b"banner"] * 50 + [PIECES[4]], "plain"),
        ([b"some text"] * 3, "plain"),
        ([b"2024-01-01 12:00:00 a diary without levels"] * 3, "plain"),
        ([b"", b" "], "plain"),
        ([], "plain"),
    ],
)
def test_recognition(lines: list[bytes], expected: LineFormat) -> None:
    """Half of the written lines decide; a log4j event carries the lines that follow it; else the file is plain."""
    data = b"\n".join(lines)
    assert recognise(sample(io.BytesIO(data), len(data), 200), 0.5) == expected


def test_sample_looks_beyond_the_beginning() -> None:
    """A long banner does not hide what the rest of the file is."""
    data = b"banner\n" * 200 + (PIECES[0] + b"\n") * 20_000
    seen = sample(io.BytesIO(data), len(data), 200)
    assert len(seen) == 200
    assert recognise(seen, 0.5) == "access"


@pytest.mark.parametrize(("mark", "codec"), [(codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")])
def test_utf16_reads_as_the_same_text_in_utf8_does(mark: bytes, codec: str) -> None:
    """Its mark tells it: the same lines, events and refusals, at the beginning, in the middle and at the end."""
    text = "banner é €\n" * 200 + (PIECES[0].decode() + "\r\n") * 20_000 + "odd 😀 line\nlast"
    data = mark + text.encode(codec)
    seen = sample(io.BytesIO(data), len(data), 200)
    assert seen[0] == "banner é €"
    assert recognise(seen, 0.5) == "access"
    assert read(data, "access", chunk=65_537) == read(text.encode(), "access")


@pytest.mark.samples
def test_sample_archives_account_for_every_line() -> None:
    """The figures of real logs: 10,000 requests, 9,059 broker events, 856 continuation lines, 19,915 lines in all."""
    root = Path(os.environ.get("LOGPLATFORM_SAMPLES", Path(__file__).parents[3].parent / "shared" / "samples"))
    archives = sorted(root.glob("archives/*/*.gz"))
    if not archives:
        pytest.skip(f"no samples at {root}")
    counts: Counter[str] = Counter()
    for path in archives:
        data = gzip.decompress(path.read_bytes())
        line_format = recognise(sample(io.BytesIO(data), len(data), 200), 0.5)
        events, refused = read(data, line_format, chunk=50_000)
        counts[line_format] += len(events)
        counts["continuation"] += sum(event["lines"] - 1 for event in events)
        counts["refused"] += len(refused)
        counts["lines"] += line_count(data)
    assert len(archives) == 39
    assert counts == {"access": 10_000, "log4j": 9_059, "continuation": 856, "refused": 0, "lines": 19_915}
