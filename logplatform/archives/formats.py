"""Which compression a file has: its first bytes decide, its name only convicts.

What belongs here: magic numbers and name endings. What does not: reading the compressed bytes (`decompress`).

Magic numbers are those of RFC 1952 (gzip), the bzip2 format, the .xz file format 1.2.1 and RFC 8878 (Zstandard,
skippable frames included).
"""

from typing import Literal

ArchiveFormat = Literal["gzip", "bzip2", "xz", "zstd", "plain"]
Compression = Literal["gzip", "bzip2", "xz", "zstd"]

HEAD_BYTES = 10
"""So many first bytes of a file are enough for `detect`."""

ENDINGS: dict[str, Compression] = {
    ".gz": "gzip",
    ".gzip": "gzip",
    ".tgz": "gzip",
    ".bz2": "bzip2",
    ".bz": "bzip2",
    ".xz": "xz",
    ".zst": "zstd",
    ".zstd": "zstd",
}

# What follows the level digit: the block magic (pi) or the end-of-stream magic (sqrt pi) of an empty stream.
_BZIP2_BLOCKS = (b"1AY&SY", b"\x17\x72\x45\x38\x50\x90")
_SKIPPABLE = {bytes([low, 0x2A, 0x4D, 0x18]) for low in range(0x50, 0x60)}
_MEMBER_BYTES: dict[Compression, int] = {"gzip": 4, "bzip2": 10, "xz": 6, "zstd": 4}


def promised(name: str) -> Compression | None:
    """The compression that a file's name promises; None if it promises none."""
    lowered = name.lower()
    return next((compression for ending, compression in ENDINGS.items() if lowered.endswith(ending)), None)


def without_ending(name: str) -> str:
    """`name` without a compression's ending (`app.log.gz` is `app.log`); a name that is nothing else stays."""
    lowered = name.lower()
    for ending in ENDINGS:
        if lowered.endswith(ending) and len(name) > len(ending):
            return name[: -len(ending)]
    return name


def begins_member(head: bytes, compression: Compression) -> bool:
    """Whether `head` begins a member (stream, frame) of `compression`; `head` needs `member_head_bytes` of bytes."""
    if compression == "gzip":
        # Deflate is the only method there is, and the three high flag bits must be zero (RFC 1952, 2.3.1.2).
        return head[:3] == b"\x1f\x8b\x08" and len(head) > 3 and not head[3] & 0xE0
    if compression == "bzip2":
        return head[:3] == b"BZh" and head[3:4] in set(map(bytes, zip(b"123456789"))) and head[4:10] in _BZIP2_BLOCKS
    if compression == "xz":
        return head[:6] == b"\xfd7zXZ\x00"
    return head[:4] == b"\x28\xb5\x2f\xfd" or head[:4] in _SKIPPABLE


def member_head_bytes(compression: Compression) -> int:
    """How many bytes `begins_member` looks at."""
    return _MEMBER_BYTES[compression]


def detect(head: bytes, name: str) -> ArchiveFormat:
    """The format of a file that begins with `head` (`HEAD_BYTES` bytes, fewer only if the file is shorter).

    Bytes without any magic are plain, unless the name promises a compression: then the format is the promised one,
    and decompressing such bytes tells what is wrong with them.
    """
    for compression in _MEMBER_BYTES:
        if begins_member(head, compression):
            return compression
    return promised(name) or "plain"
