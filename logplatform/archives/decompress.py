"""Compressed bytes in, original bytes out, block by block, with an exact verdict at the end.

What belongs here: members, streams and frames, and what makes them corrupt. What does not: hashing and limits
(`extract`).

A verdict is stricter than the command line tools': a wrong checksum or length, an end that is cut and any byte after
the last member that begins no further member is corruption. gzip(1) ignores zero bytes there (tape padding) and warns
about others; here both convict, because zeros are also what a crash leaves in place of a member that was being
appended. What a format itself defines is no fault: stream padding of xz (zeros, a multiple of four) and skippable
frames of zstd.
"""

import bz2
import lzma
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

import zstandard
from isal import igzip_lib

from logplatform.archives.formats import Compression, begins_member, member_head_bytes

BLOCK_BYTES = 1 << 20
"""Most bytes of one decompressed block (zstd may pass it, see `_ZstdDecoder`)."""

# Xz files say how much memory they need; presets need at most 65 MiB, and a hostile header may ask for 4 GiB.
_XZ_MEMORY_BYTES = 128 << 20
_ZSTD_WINDOW_BYTES = 128 << 20
# One block of zstd (128 KiB of zeros) may be 4 bytes long, and the library offers no bound on its output: 1 KiB
# of input gives 32 MiB at most.
_ZSTD_STEP_BYTES = 1 << 10
# After a member's end the rest of the input is copied; small first steps keep millions of tiny members linear.
_FIRST_STEP_BYTES = 16 << 10


_ERROR_NUMBER = re.compile(r"^Error -?\d+ ")


class CorruptArchive(ValueError):
    """The compressed bytes are not whole; the message says which member and why."""


class _Decoder(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = -1, /) -> bytes: ...


class _ZstdDecoder:
    """Gives zstandard's decompressor the shape of the standard library's, with small steps of input."""

    def __init__(self) -> None:
        self._frame = zstandard.ZstdDecompressor(max_window_size=_ZSTD_WINDOW_BYTES).decompressobj()
        self._pending = b""

    @property
    def eof(self) -> bool:
        """Whether the frame has ended."""
        return self._frame.eof

    @property
    def needs_input(self) -> bool:
        """Whether all input given so far is used."""
        return not self._pending

    @property
    def unused_data(self) -> bytes:
        """Input after the frame's end."""
        return self._frame.unused_data + self._pending if self._frame.eof else b""

    def decompress(self, data: bytes, max_length: int = -1, /) -> bytes:
        """Output of about `max_length` bytes: the step that reaches it is finished, up to 32 MiB."""
        pending = memoryview(self._pending + data)
        blocks: list[bytes] = []
        size = used = 0
        while used < len(pending) and not self._frame.eof and (max_length < 0 or size < max_length):
            blocks.append(self._frame.decompress(pending[used : used + _ZSTD_STEP_BYTES]))
            size += len(blocks[-1])
            used += _ZSTD_STEP_BYTES
        self._pending = bytes(pending[used:])
        return b"".join(blocks)


_NEW: dict[Compression, Callable[[], _Decoder]] = {
    "gzip": lambda: igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP),
    "bzip2": bz2.BZ2Decompressor,
    "xz": lambda: lzma.LZMADecompressor(format=lzma.FORMAT_XZ, memlimit=_XZ_MEMORY_BYTES),
    "zstd": _ZstdDecoder,
}
_ERRORS: dict[Compression, tuple[type[Exception], ...]] = {  # ty: ignore[invalid-assignment] (isal's stub: see gzip)
    "gzip": (igzip_lib.IsalError,),  # The stub declares this class as if it were an instance.
    "bzip2": (OSError, ValueError),
    "xz": (lzma.LZMAError,),
    "zstd": (zstandard.ZstdError,),
}


class _Input:
    """The compressed chunks with a position that can be moved back, and a peek that joins chunks."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._chunk = b""
        self._at = 0
        self.offset = 0

    def peek(self, count: int) -> bytes:
        """The next `count` bytes, fewer only at the end."""
        while len(self._chunk) - self._at < count:
            more = next(self._chunks, None)
            if more is None:
                break
            self._chunk = self._chunk[self._at :] + more
            self._at = 0
        return self._chunk[self._at : self._at + count]

    def take(self, count: int) -> bytes:
        """Up to `count` bytes of the present chunk; empty only at the end."""
        if not self.peek(1):
            return b""
        # A whole chunk is handed over as it is: no copy on the way of a large member.
        whole = self._at == 0 and count >= len(self._chunk)
        piece = self._chunk if whole else self._chunk[self._at : self._at + count]
        self._at += len(piece)
        self.offset += len(piece)
        return piece

    def give_back(self, count: int) -> None:
        """Move back over the last `count` bytes, at most those of the last `take`."""
        self._at -= count
        self.offset -= count


def decompressed(chunks: Iterable[bytes], compression: Compression) -> Iterator[bytes]:
    """The original bytes of `chunks`, in blocks of about `BLOCK_BYTES`; raises CorruptArchive where they are not whole.

    All blocks before the fault have been given by then. Memory is bounded whatever the bytes say.
    """
    source = _Input(chunks)
    member = 0
    while head := source.peek(member_head_bytes(compression)):
        if member and compression == "xz" and head[0] == 0:
            _skip_padding(source)
            continue
        member += 1
        if not begins_member(head, compression):
            raise CorruptArchive(_no_member(head, compression, member, source.offset))
        yield from _member(source, compression, member)
    if not member:
        raise CorruptArchive(f"empty file: not even one {compression} member")


def _member(source: _Input, compression: Compression, member: int) -> Iterator[bytes]:
    decoder = _NEW[compression]()
    step = _FIRST_STEP_BYTES
    while not decoder.eof:
        piece = source.take(step)
        if not piece:
            raise CorruptArchive(f"{compression} member {member} is cut at byte {source.offset}, the end of the file")
        step = min(step * 4, BLOCK_BYTES)
        yield from _blocks(decoder, piece, compression, f"{member} before byte {source.offset}")
    source.give_back(len(decoder.unused_data))


def _blocks(decoder: _Decoder, piece: bytes, compression: Compression, place: str) -> Iterator[bytes]:
    while True:
        try:
            block = decoder.decompress(piece, BLOCK_BYTES)
        except _ERRORS[compression] as error:
            reason = _ERROR_NUMBER.sub("", str(error))
            raise CorruptArchive(f"{compression} member {place}: {reason}") from error
        if block:
            yield block
        if decoder.eof or decoder.needs_input:
            return
        piece = b""


def _skip_padding(source: _Input) -> None:
    zeros = 0
    while source.peek(1) == b"\x00":
        piece = source.take(BLOCK_BYTES)
        rest = piece.lstrip(b"\x00")
        source.give_back(len(rest))
        zeros += len(piece) - len(rest)
    if zeros % 4:
        raise CorruptArchive(f"{zeros} bytes of padding before byte {source.offset}: not a multiple of four")


def _no_member(head: bytes, compression: Compression, member: int, offset: int) -> str:
    if member == 1:
        return f"the name promises {compression}, but the file begins with {head.hex(' ')}"
    return f"bytes after the last member: at byte {offset} stands {head.hex(' ')}, not another {compression} member"
