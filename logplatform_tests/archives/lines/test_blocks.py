"""Cutting bytes into lines: numbers, line ends, character sets, and lines that are too long."""

from collections.abc import Iterator

from hypothesis import given, settings
from hypothesis import strategies as st

from logplatform.archives.lines.blocks import KEPT_BYTES, LineBlock, Refused, line_blocks
from logplatform_tests.archives.lines.reading import line_count


def flat(data: bytes, limit: int, chunk: int) -> list[tuple[int, str | Refused]]:
    chunks = (data[start : start + chunk] for start in range(0, len(data), chunk))
    lines: list[tuple[int, str | Refused]] = []
    for found in line_blocks(chunks, limit):
        if isinstance(found, LineBlock):
            assert len(found.raw) == len(found.text)
            lines += list(enumerate(found.text, found.first))
        else:
            lines.append((found.line, found))
    return lines


def test_line_ends_and_the_unfinished_last_line() -> None:
    """CRLF and LF mix, blank lines count, what follows the last LF is a line."""
    assert flat(b"a\r\n\nb\rc\nlast", 100, 3) == [(1, "a"), (2, ""), (3, "b\rc"), (4, "last")]
    assert flat(b"a\n", 100, 1) == [(1, "a")]
    assert flat(b"", 100, 1) == []
    assert flat(b"\n", 100, 1) == [(1, "")]


def test_character_sets() -> None:
    """A line that is not UTF-8 is latin-1 by itself, its neighbours stay UTF-8; a byte order mark is no text."""
    data = b"\xef\xbb\xbfeins \xc3\xa9\nzwei \xe9\n\x00drei\n"
    assert [text for _, text in flat(data, 100, 1000)] == ["eins é", "zwei é", "\x00drei"]


def test_a_line_over_the_limit_is_refused_and_the_rest_goes_on() -> None:
    """The limit itself is allowed; one byte more is refused with its size, and only its beginning is kept."""
    data = b"x" * 10_000 + b"\n" + b"y" * 10_001 + b"\nshort\n"
    for chunk in (1, 7, 5_000, 10_001, 10_002, 30_000):
        found = flat(data, 10_000, chunk)
        assert [number for number, _ in found] == [1, 2, 3]
        letter = found[1][1]
        assert isinstance(letter, Refused)
        assert (letter.tag, letter.raw) == ("too_long", b"y" * KEPT_BYTES)
        assert "10001 bytes" in letter.reason
        assert found[2] == (3, "short")


def test_an_endless_line_is_not_held() -> None:
    """A file without any line end must not fill the memory."""

    def chunks() -> Iterator[bytes]:
        for _ in range(3_000):
            yield b"z" * 65_536

    found = list(line_blocks(chunks(), 1 << 20))
    assert len(found) == 1
    assert isinstance(found[0], Refused)
    assert len(found[0].raw) == KEPT_BYTES
    assert f"{3_000 * 65_536} bytes" in found[0].reason


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.sampled_from([b"\n", b"\r\n", b"a", b"\xff", b"\xc3\xa9", b"long" * 8, b"\x00"])), st.integers(1, 40)
)
def test_chunks_do_not_matter_and_no_line_is_lost(parts: list[bytes], chunk: int) -> None:
    """Any cutting of the input gives the same lines, numbered without a gap."""
    data = b"".join(parts)
    found = flat(data, 20, chunk)
    assert found == flat(data, 20, max(1, len(data)))
    assert [number for number, _ in found] == list(range(1, line_count(data) + 1))
