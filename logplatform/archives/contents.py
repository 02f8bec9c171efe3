"""Reading what was extracted, in either form it is kept: the bytes themselves, or zstd once they are recompressed.

What belongs here: one seekable reader for both. What does not: making either form (`unpack`, `recompress`), and which
key has which form (`places`).
"""

import errno
import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO

from logplatform.archives.decompress import CorruptArchive, decompressed
from logplatform.archives.places import is_recompressed
from logplatform.stores.files import Files

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_READ_BYTES = 1 << 20


def open_content(files: Files, key: str) -> BinaryIO:
    """Open extracted content for reading its original bytes; FileNotFoundError if it is not there.

    Recompressed content that is not whole raises OSError where it is read.
    """
    stored = files.open(key)
    return original(stored) if is_recompressed(key) else stored


def original(packed: BinaryIO) -> io.BufferedReader:
    """The original bytes of seekable zstd, seekable themselves, in bounded memory; closing it closes `packed`.

    Moving back begins anew: made for readers that look ahead a few times and then read to the end.
    """
    return io.BufferedReader(_Original(packed), _READ_BYTES)


class _Original(io.RawIOBase):
    def __init__(self, packed: BinaryIO) -> None:
        super().__init__()
        self._packed = packed
        self._begin()

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        target = memoryview(buffer)
        piece = self._take(len(target))
        target[: len(piece)] = piece
        return len(piece)

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        if whence == io.SEEK_END:
            raise io.UnsupportedOperation("the end of a compressed stream is not known before it is read")
        wanted = offset + (self._at if whence == io.SEEK_CUR else 0)
        if wanted < self._at:
            self._begin()
        while self._at < wanted and self._take(wanted - self._at):
            pass
        return self._at

    def close(self) -> None:
        self._packed.close()
        super().close()

    def _begin(self) -> None:
        self._packed.seek(0)
        self._blocks = decompressed(_chunks(self._packed), "zstd")
        self._block = memoryview(b"")
        self._at = 0

    def _take(self, most: int) -> memoryview:
        """The next bytes, at most so many; none only at the end."""
        if not self._block:
            try:
                self._block = memoryview(next(self._blocks, b""))
            except CorruptArchive as fault:
                raise OSError(errno.EIO, str(fault)) from fault
        piece, self._block = self._block[:most], self._block[most:]
        self._at += len(piece)
        return piece


def _chunks(reader: BinaryIO) -> Iterator[bytes]:
    while chunk := reader.read(_READ_BYTES):
        yield chunk
