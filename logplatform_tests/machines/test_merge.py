"""Versions of one file: which replace which, and how those that do not make one day."""

import hashlib
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logplatform.failures import PermanentFailure
from logplatform.machines.merge import Version, effective_versions, repeated_lines


def version(data: bytes) -> Version:
    def read() -> Iterator[bytes]:
        yield from (data[first : first + 3] for first in range(0, len(data), 3))

    return Version(hashlib.sha256(data).hexdigest(), len(data), read)


def kept(*datas: bytes) -> list[bytes]:
    return [b"".join(found.read()) for found in effective_versions([version(data) for data in datas])]


def union(*datas: bytes, last_is_final: bool = True) -> list[bytes]:
    masks = repeated_lines([[data] for data in datas], last_is_final=last_is_final, max_line_bytes=1000, max_lines=1000)
    lines: list[bytes] = []
    for data, mask in zip(datas, masks, strict=True):
        lines.extend(line for line, told in zip(data.splitlines(), mask.tolist(), strict=False) if not told)
    return lines


def test_new_bytes_that_begin_with_old_ones_replace_them() -> None:
    assert kept(b"", b"a\n", b"a\nb", b"a\nb\nc\n") == [b"a\nb\nc\n"]


def test_versions_that_are_no_beginning_of_each_other_all_count() -> None:
    assert kept(b"a\nb\n", b"c\n", b"c\nd\n") == [b"a\nb\n", b"c\nd\n"]


def test_equal_bytes_count_once() -> None:
    assert kept(b"a\n", b"b\n", b"a\n") == [b"a\n", b"b\n"]


def test_a_beginning_needs_no_bytes_any_more() -> None:
    """Retention may have taken an old version away: its size and hash are enough to see that it is replaced."""

    def gone() -> Iterator[bytes]:
        raise PermanentFailure("bytes are gone")
        yield b""

    old = Version(hashlib.sha256(b"a\n").hexdigest(), 2, gone)
    assert [found.size for found in effective_versions([old, version(b"a\nb\n")])] == [4]


def test_the_day_is_the_union_by_whole_lines() -> None:
    """A line's count is the larger of its counts in the two."""
    assert union(b"a\na\nb\n", b"a\nc\na\na\n") == [b"a", b"a", b"b", b"c", b"a"]
    assert union(b"1\n2\n", b"3\n4\n") == [b"1", b"2", b"3", b"4"]


def test_equal_lines_in_another_encoding_or_with_other_ends_are_equal() -> None:
    masks = repeated_lines(
        [["Grisé\r\nb\r\n".encode("latin-1")], ["Grisé\nb\n".encode("utf-16")]],
        last_is_final=True,
        max_line_bytes=1000,
        max_lines=1000,
    )
    assert masks[1].tolist() == [True, True]


def test_an_unended_line_of_a_growing_version_is_left() -> None:
    masks = repeated_lines([[b"a\n"], [b"b\na"]], last_is_final=False, max_line_bytes=1000, max_lines=1000)
    assert [len(mask) for mask in masks] == [1, 1]


def test_a_version_of_too_many_lines_is_refused() -> None:
    with pytest.raises(PermanentFailure, match="not the log of a machine"):
        repeated_lines([[b"\n" * 11]], last_is_final=True, max_line_bytes=1000, max_lines=10)


@given(st.lists(st.lists(st.sampled_from("abc"), max_size=8), min_size=1, max_size=4))
def test_counts_are_the_largest_of_all_versions(files: list[list[str]]) -> None:
    merged = union(*("".join(f"{line}\n" for line in lines).encode() for lines in files))
    for line in "abc":
        assert merged.count(line.encode()) == max(lines.count(line) for lines in files)


@given(st.binary(max_size=40), st.lists(st.integers(0, 40), max_size=5))
def test_any_beginnings_are_replaced_by_the_whole(data: bytes, cuts: list[int]) -> None:
    assert kept(*(data[:cut] for cut in cuts), data) == [data]
