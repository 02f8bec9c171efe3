"""From bytes to lines to events: encodings, line ends, forms of a line, and what is refused."""

import re

import pytest

from logplatform.machines.count import LineCounter
from logplatform.machines.parse import JOB, OTHER, PIECE, START, STOP, WAIT, EventBlock
from logplatform.machines.reading import ReadingLimits, read_events
from logplatform_tests.machines.reading import at, read_bytes

LINES = "20250512 06:00:00|@StukUitgevoerd: 1\n20250512 07:00:00|@JobProfiel: R:1 L:2 C:Chêne doré\n"


def blocks(data: bytes, *, final: bool = True) -> list[EventBlock]:
    return [events for events, _ in read_events([data], ReadingLimits(), final=final)]


@pytest.mark.parametrize("codec", ["latin-1", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_bom_and_line_ends(codec: str, end: str) -> None:
    """A BOM tells UTF-8 or UTF-16, else latin-1; all three line ends; accents survive each of them."""
    data = LINES.replace("\n", end).encode(codec)
    read = read_bytes([data])
    assert read.session.pieces.tolist() == [at("06:00:00")]
    assert [(job.text.couleur, job.text.details) for job in read.session.jobs] == [("Chêne", "doré")]
    counter = LineCounter()
    counter.update(data)
    assert (counter.finish(), read.dead) == (2, [])


def test_utf16_big_endian_is_read() -> None:
    read = read_bytes([b"\xfe\xff" + LINES.encode("utf-16-be")])
    assert len(read.session.pieces) == 1


def test_nuls_are_dropped() -> None:
    """Machines fill files with NULs in advance; UTF-16 without a BOM becomes readable this way too."""
    data = LINES.encode("latin-1")
    holes = b"\0\0" + data.replace(b"|@Stuk", b"|\0\0@St\0uk") + b"\0" * 500
    for variant in (holes, LINES.encode("utf-16-le").replace(b"\xff\xfe", b"")):
        read = read_bytes([variant])
        assert len(read.session.pieces) == 1
        assert read.dead == []


def test_a_carriage_return_cut_from_its_line_feed_makes_no_line() -> None:
    data = LINES.replace("\n", "\r\n").encode("latin-1")
    cut = data.index(b"\r") + 1
    read = read_bytes([data[:cut], data[cut:]])
    assert (len(read.events), read.dead) == (2, [])


def test_bytes_that_are_no_utf8_after_a_bom_are_kept_visible() -> None:
    read = read_bytes([b"\xef\xbb\xbf20250512 06:00:00|@JobProfiel: R:\xff1 L:2 C:3\n"])
    assert read.session.jobs[0].text.reference == "\\xff1"


@pytest.mark.parametrize(
    ("text", "kind", "value", "details"),
    [
        ("StukUitgevoerd: 1", PIECE, 1, "1"),
        ("StukUitgevoerd 1", PIECE, 1, "1"),
        ("StukUitgevoerd:17", PIECE, 17, "17"),
        ("StukUitgevoerd : 17 ", PIECE, 17, "17"),
        ("StukUitgevoerd", PIECE, -1, ""),
        ("StukUitgevoerd: A7", PIECE, -1, "A7"),
        ("StukUitgevoerd: 1234567890", PIECE, 1_234_567_890, "1234567890"),
        ("StukUitgevoerd: 12 herstel", PIECE, 12, "12 herstel"),
        ("StukUitgevoerd: 007", PIECE, 7, "007"),
        ("StukUitgevoerd: 1234567890123456789", PIECE, -1, "1234567890123456789"),
        ("MachineStart", START, -1, ""),
        ("MachineStop: onderhoud", STOP, -1, "onderhoud"),
        ("MachineWait: 12.5 sec", WAIT, 12_500, "12.5 sec"),
        ("MachineWait: 12,5 sec", WAIT, 12_500, "12,5 sec"),
        ("MachineWait 5", WAIT, 5_000, "5"),
        ("MachineWait: 204.3", WAIT, 204_300, "204.3"),
        ("MachineWait: wacht 40 sec op 3 stukken", WAIT, 40_000, "wacht 40 sec op 3 stukken"),
        ("MachineWait: 0.0005", WAIT, 1, "0.0005"),
        ("MachineWait: lang", WAIT, -1, "lang"),
        ("MachineWait: 3 stukken", WAIT, -1, "3 stukken"),
        ("MachineWait: -5 sec", WAIT, -1, "-5 sec"),
        ("MachineWait: 1.2.3 sec", WAIT, -1, "1.2.3 sec"),
        ("MachineWait:", WAIT, -1, ""),
        ("JobProfiel: R:1 L:2 C:3", JOB, -1, "R:1 L:2 C:3"),
        ("GereedschapWissel: T13 slijtage 95%", OTHER, -1, "T13 slijtage 95%"),
        ("StukUitgevoerdX: 1", OTHER, -1, "1"),
        ("MachineStopped", OTHER, -1, ""),
        ("Stuk", OTHER, -1, ""),
    ],
)
def test_forms_of_an_event(text: str, kind: int, value: int, details: str) -> None:
    (block,) = blocks(f"20250512 06:00:00|@{text}\r\n".encode())
    assert (block.kind.tolist(), block.value.tolist()) == ([kind], [value])
    assert block.details(0) == details
    assert block.names.get(0) == (re.split("[ :]", text, maxsplit=1)[0] if kind == OTHER else None)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"", "empty line"),
        (b"hello", "no timestamp `YYYYMMDD HH:MM:SS` at the beginning"),
        (b"20250524 14:3", "no timestamp `YYYYMMDD HH:MM:SS` at the beginning"),
        (b"2025-05-24 14:30|@MachineStop", "no timestamp `YYYYMMDD HH:MM:SS` at the beginning"),
        (b" 20250524 14:30:00|@MachineStop", "no timestamp `YYYYMMDD HH:MM:SS` at the beginning"),
        (b"2025052\xb2 14:30:00|@MachineStop", "no timestamp `YYYYMMDD HH:MM:SS` at the beginning"),
        (b"20250229 14:30:00|@MachineStop", "no such date or time"),
        (b"20251312 14:30:00|@MachineStop", "no such date or time"),
        (b"00000512 14:30:00|@MachineStop", "no such date or time"),
        (b"20250512 24:00:00|@MachineStop", "no such date or time"),
        (b"20250512 23:60:00|@MachineStop", "no such date or time"),
        (b"20250512 23:00:60|@MachineStop", "no such date or time"),
        (b"20250512 23:00:00", "no `|@` after the timestamp"),
        (b"20250512 23:00:00|MachineStop", "no `|@` after the timestamp"),
        (b"20250512 23:00:00|@", "no event name after `@`"),
        (b"20250512 23:00:00|@: 5", "no event name after `@`"),
    ],
)
def test_refused_lines(line: bytes, reason: str) -> None:
    """A refused line keeps its number, bytes and reason, and the rest of the file goes on."""
    good = b"20250512 06:00:00|@StukUitgevoerd: 1\n"
    read = read_bytes([good + line + b"\n" + good])
    assert [(letter.line, letter.raw, letter.reason) for letter in read.dead] == [(2, line, reason)]
    assert len(read.events) == 2


def test_leap_days_follow_the_gregorian_rule() -> None:
    for year, real in ((2024, True), (2000, True), (1900, False), (2025, False)):
        assert bool(read_bytes([f"{year}0229 00:00:00|@MachineStop\n".encode()]).dead) is not real


@pytest.mark.parametrize("chunk", [7, 64, 1 << 20])
def test_an_overlong_line_is_refused_and_the_rest_goes_on(chunk: int) -> None:
    """However the bytes are cut, one line over the limit is one refused line of bounded bytes."""
    limits = ReadingLimits(max_line_bytes=50, raw_bytes=20)
    long = b"20250512 06:00:00|@MachineStop: " + b"x" * 500
    data = b"20250512 06:00:00|@MachineStart\r\n" + long + b"\r\n20250512 06:00:01|@MachineStart\r\n" + long
    pieces = [data[first : first + chunk] for first in range(0, len(data), chunk)]
    read = read_bytes(pieces, limits=limits)
    assert [(letter.line, letter.raw, letter.reason) for letter in read.dead] == [
        (2, long[:20], "line over the limit of bytes"),
        (4, long[:20], "line over the limit of bytes"),
    ]
    assert len(read.events) == 2


def test_a_line_without_its_end_is_left_until_the_file_is_final() -> None:
    data = b"20250512 06:00:00|@StukUitgevoerd: 1\n20250512 06:00:10|@StukUitgevoerd: 2"
    assert len(read_bytes([data], final=False).events) == 1
    assert len(read_bytes([data], final=True).events) == 2


def test_lines_over_several_blocks_keep_their_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("logplatform.machines.decode.MAX_BLOCK_LINES", 2)
    lines = [f"20250512 06:00:0{second}|@StukUitgevoerd: {second}\n".encode() for second in range(7)]
    numbers = [line for block in blocks(b"".join(lines)) for line in block.line.tolist()]
    assert numbers == [1, 2, 3, 4, 5, 6, 7]
