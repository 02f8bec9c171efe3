"""Demonstration files on disk: compressed as asked, reproducible byte by byte, and damaged on request.

What belongs here: writing, compressing and breaking one file. What does not: what stands in it (`lines`, `machines`).
"""

import bz2
import lzma
import os
from collections.abc import Generator, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Literal, Protocol

import zstandard
from isal import igzip

Packing = Literal["plain", "gz", "gz-members", "bz2", "xz", "zst"]
"""How a file is packed; `gz-members`: gzip in several members, as programs that append to an archive leave it."""

Damage = Literal["flipped", "cut", "trailing", "no archive", "nothing"]
"""flipped: a byte in the middle differs; cut: the end is missing; trailing: bytes follow the last member;
no archive: plain text under an archive's name; nothing: not a single byte."""

BLOCK = 1 << 20
MEMBERS = 4


class Writer(Protocol):
    """The part of a binary file that packing needs."""

    def write(self, data: bytes, /) -> int:
        """Take all of `data`."""
        ...


def blocks(lines: Iterable[bytes], size: int = BLOCK) -> Iterator[bytes]:
    """Join lines into blocks of at least `size` bytes; the last one may be smaller."""
    held: list[bytes] = []
    length = 0
    for line in lines:
        held.append(line)
        length += len(line)
        if length >= size:
            yield b"".join(held)
            held.clear()
            length = 0
    if held:
        yield b"".join(held)


def write_packed(path: Path, lines: Iterable[bytes], packing: Packing, written: datetime) -> int:
    """Write the lines, packed, with `written` as the file's mtime; returns how many lines end in the text.

    Memory does not grow with the text.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    count = 0
    with path.open("wb") as file:
        if packing == "gz-members":
            for block in blocks(lines, BLOCK // MEMBERS):
                count += block.count(b"\n")
                file.write(igzip.compress(block, mtime=0))
        else:
            with _packer(file, packing) as packer:
                for block in blocks(lines):
                    count += block.count(b"\n")
                    packer.write(block)
    set_written(path, written)
    return count


def _packer(file: BinaryIO, packing: Packing) -> AbstractContextManager[Writer]:
    if packing == "bz2":
        return bz2.BZ2File(file, "wb")
    if packing == "xz":
        return lzma.LZMAFile(file, "wb", preset=1)
    if packing == "zst":
        return zstandard.ZstdCompressor(level=3).stream_writer(file, closefd=False)
    if packing == "gz":
        return igzip.IGzipFile("", "wb", fileobj=file, mtime=0)
    return _plain(file)


@contextmanager
def _plain(file: BinaryIO) -> Generator[Writer]:
    yield file


def damage(path: Path, how: Damage, written: datetime) -> None:
    """Break a finished file in place; its mtime stays `written`."""
    size = path.stat().st_size
    with path.open("r+b") as file:
        if how == "flipped":
            file.seek(size // 2)
            byte = file.read(1)[0]
            file.seek(size // 2)
            file.write(bytes([byte ^ 0xFF]))
        elif how == "cut":
            file.truncate(size * 2 // 3)
        elif how == "trailing":
            file.seek(size)
            file.write(b"\nconnection closed by peer\n")
        elif how == "no archive":
            file.truncate(0)
            file.write(b"<html><body>502 Bad Gateway</body></html>\n")
        else:
            file.truncate(0)
    set_written(path, written)


def set_written(path: Path, written: datetime) -> None:
    """Set the file's mtime."""
    os.utime(path, (written.timestamp(), written.timestamp()))
