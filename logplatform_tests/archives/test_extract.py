"""What one pass over an archive promises: exact verdicts, exact hashes, bounded output, no exception for any bytes."""

import hashlib
import io
import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from logplatform.archives.extract import Extraction, Limits, extract, verify
from logplatform.archives.formats import Compression, detect
from logplatform_tests.archives.writers import COMPRESS, ENDING, zstd

TEXT = b"".join(b"line %d of a log\r\n" % number for number in range(300)) + b"an unfinished line"
FORMATS = sorted(COMPRESS)
DEFAULT = Limits()


class Dribble:
    """A reader that gives a different, small number of bytes at every read, as a network does."""

    def __init__(self, data: bytes, seed: int) -> None:
        self._data = io.BytesIO(data)
        self._random = random.Random(seed)

    def read(self, size: int, /) -> bytes:
        return self._data.read(min(size, self._random.randint(1, 40)))


def run(data: bytes, name: str, limits: Limits = DEFAULT) -> tuple[Extraction, bytes]:
    blocks: list[bytes] = []
    result = extract(io.BytesIO(data), name, blocks.append, limits)
    return result, b"".join(blocks)


@pytest.mark.parametrize("compression", FORMATS)
def test_whole_archive_gives_content_hashes_sizes_and_lines(compression: Compression) -> None:
    """The five figures of an archive are those that independent tools compute."""
    data = COMPRESS[compression](TEXT)
    result, content = run(data, "app.log" + ENDING[compression])
    assert content == TEXT
    assert result == Extraction(
        format=compression,
        compressed_bytes=len(data),
        extracted_bytes=len(TEXT),
        lines=301,
        sha256=hashlib.sha256(data).hexdigest(),
        content_sha256=hashlib.sha256(TEXT).hexdigest(),
    )


@pytest.mark.parametrize("compression", FORMATS)
def test_several_members_are_one_content(compression: Compression) -> None:
    """Appending to an archive is how many tools write it; all members count, the empty one in between too."""
    pack = COMPRESS[compression]
    result, content = run(pack(TEXT) + pack(b"") + pack(b"\nmore\n"), "a" + ENDING[compression])
    assert result.ok
    assert content == TEXT + b"\nmore\n"
    assert result.lines == 302


@pytest.mark.parametrize("compression", FORMATS)
def test_content_decides_the_format_whatever_the_name(compression: Compression) -> None:
    """A file renamed without care is still read right."""
    data = COMPRESS[compression](TEXT)
    for name in ("app.log", "app.log.gz", "app.log.bz2"):
        result, content = run(data, name)
        assert (result.format, result.ok, content) == (compression, True, TEXT)


@pytest.mark.parametrize("compression", FORMATS)
def test_an_archive_of_nothing_is_whole(compression: Compression) -> None:
    """An empty log was rotated: nothing is wrong with it."""
    result, content = run(COMPRESS[compression](b""), "a" + ENDING[compression])
    assert result.ok
    assert (content, result.lines, result.extracted_bytes) == (b"", 0, 0)
    assert result.content_sha256 == hashlib.sha256(b"").hexdigest()


@pytest.mark.parametrize("compression", FORMATS)
def test_cut_at_every_byte_is_detected(compression: Compression) -> None:
    """No length of a broken transfer passes for a whole file, the empty one included."""
    data = COMPRESS[compression](TEXT)
    passed = [cut for cut in range(len(data)) if run(data[:cut], "a" + ENDING[compression])[0].ok]
    assert passed == []


@pytest.mark.parametrize("compression", FORMATS)
def test_cut_in_a_later_member_is_detected(compression: Compression) -> None:
    """Whole members before it do not excuse a cut one; only the cut between two members cannot be seen."""
    first, second = COMPRESS[compression](TEXT), COMPRESS[compression](b"second")
    name = "a" + ENDING[compression]
    passed = [cut for cut in range(1, len(second)) if run((first + second)[: len(first) + cut], name)[0].ok]
    assert passed == []


@pytest.mark.parametrize("compression", FORMATS)
@pytest.mark.parametrize("tail", [b"x", b"junk after the end", b"\x00", b"\x00" * 513, b"\x1f\x8b"])
def test_bytes_after_the_last_member_are_corruption(compression: Compression, tail: bytes) -> None:
    """Also zeros: they may stand where a member was lost. (Four by four they are padding that xz defines.)"""
    result, _ = run(COMPRESS[compression](TEXT) + tail, "a" + ENDING[compression])
    assert not result.ok
    assert result.content_sha256 is None
    assert result.error is not None
    assert "byte" in result.error


def test_what_formats_define_between_members_is_no_fault() -> None:
    """Stream padding of xz and skippable frames of zstd belong to the formats."""
    skippable = b"\x53\x2a\x4d\x18" + (5).to_bytes(4, "little") + b"12345"
    pack = COMPRESS["xz"]
    assert run(pack(TEXT) + bytes(8) + pack(b"x") + bytes(4), "a.xz")[0].ok
    result, content = run(skippable + zstd(TEXT) + skippable, "a.zst")
    assert result.ok
    assert content == TEXT


@pytest.mark.parametrize("compression", FORMATS)
def test_changed_checksum_or_content_is_detected(compression: Compression) -> None:
    """One changed bit anywhere either changes nothing that was extracted, or convicts."""
    data = COMPRESS[compression](TEXT)
    for place in range(len(data)):
        changed = bytearray(data)
        changed[place] ^= 0x10
        result, content = run(bytes(changed), "a" + ENDING[compression])
        assert not result.ok or content == TEXT, place


def test_gzip_with_wrong_length_field_is_detected() -> None:
    """CRC right, ISIZE wrong: RFC 1952 asks for both."""
    data = bytearray(COMPRESS["gzip"](TEXT))
    data[-4] ^= 1
    result, _ = run(bytes(data), "a.gz")
    assert not result.ok


def test_compressed_name_without_magic_is_corruption_not_plain() -> None:
    """An error page saved as app.log.gz must not become events."""
    result, content = run(b"<html>502 Bad Gateway</html>", "app.log.gz")
    assert (result.format, result.ok, content) == ("gzip", False, b"")
    assert result.error is not None
    assert "promises gzip" in result.error
    empty, _ = run(b"", "app.log.gz")
    assert empty.error is not None
    assert "empty file" in empty.error


def test_plain_is_whole_even_when_empty() -> None:
    """A plain log has no integrity of its own; nothing can be wrong with it."""
    assert run(TEXT, "app.log")[0].content_sha256 == hashlib.sha256(TEXT).hexdigest()
    assert run(b"", "app.log")[0].ok


def test_hash_of_the_file_is_whole_even_if_it_is_corrupt() -> None:
    """Quarantine names the file by its bytes, also those after the fault."""
    data = COMPRESS["gzip"](TEXT) + b"tail" * 1_000_000
    result, _ = run(data, "a.gz")
    assert (result.sha256, result.compressed_bytes) == (hashlib.sha256(data).hexdigest(), len(data))


@pytest.mark.parametrize("compression", FORMATS)
def test_bombs_stop_at_the_limits(compression: Compression) -> None:
    """Neither limit is passed by more than one block, whatever the format promises to expand to."""
    data = COMPRESS[compression](bytes(96 << 20))
    for limits in (Limits(max_extracted_bytes=5 << 20), Limits(max_ratio=50, ratio_from_bytes=5 << 20)):
        sizes: list[int] = []
        result = extract(
            io.BytesIO(data), "a" + ENDING[compression], lambda block, to=sizes: to.append(len(block)), limits
        )
        assert not result.ok
        assert sum(sizes) <= 5 << 20
        assert result.extracted_bytes <= 40 << 20


def test_a_million_tiny_members_take_linear_time() -> None:
    """Each member's end copies the rest of the input; without small steps this would take minutes."""
    data = COMPRESS["gzip"](b"x\n") * 200_000
    result, content = run(data, "a.gz")
    assert result.ok
    assert content == b"x\n" * 200_000


def test_large_content_is_hashed_right_in_its_thread(tmp_path: Path) -> None:
    """Past eight megabytes the hash moves to another thread; it must see every block, in order, and the end."""
    content = random.Random(7).randbytes(3 << 20) * 7 + b"\n"
    path = tmp_path / "big.zst"
    path.write_bytes(zstd(content))
    result = verify(path)
    assert result.content_sha256 == hashlib.sha256(content).hexdigest()
    assert result.lines == content.count(b"\n")


HEADS = [b"", *(pack(b"log\n") for pack in COMPRESS.values())]
NAMES = ["a", "a.gz", "a.bz2", "a.xz", "a.zst"]


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=400), st.sampled_from(HEADS), st.sampled_from(NAMES), st.integers(0, 99))
def test_any_bytes_in_any_chunks_never_raise_and_agree(data: bytes, head: bytes, name: str, seed: int) -> None:
    """A verdict depends on the bytes alone, not on how a reader cuts them, and hostile bytes are no exception."""
    whole, content = run(head + data, name)
    blocks: list[bytes] = []
    dribbled = extract(Dribble(head + data, seed), name, blocks.append)
    assert (whole.ok, whole.sha256, whole.content_sha256) == (dribbled.ok, dribbled.sha256, dribbled.content_sha256)
    if whole.ok:
        assert b"".join(blocks) == content
    assert whole.sha256 == hashlib.sha256(head + data).hexdigest()
    assert detect((head + data)[:10], name) == whole.format
