"""Archives of every format, written by the standard tools' own libraries, for tests to damage."""

import bz2
import gzip
import lzma
from collections.abc import Callable

import zstandard

from logplatform.archives.formats import Compression

ENDING: dict[Compression, str] = {"gzip": ".gz", "bzip2": ".bz2", "xz": ".xz", "zstd": ".zst"}


def zstd(content: bytes) -> bytes:
    """One frame with a checksum, as the zstd tool writes it."""
    return zstandard.ZstdCompressor(write_checksum=True).compress(content)


COMPRESS: dict[Compression, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zstd": zstd,
}
