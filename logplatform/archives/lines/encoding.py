"""Logs in UTF-16: as Windows writes them, told by their byte order mark.

What belongs here: finding the mark, and turning such bytes into UTF-8, which all parsers read. What does not: UTF-8
and latin-1, told apart line by line (`blocks`), and counting lines as they are extracted (`line_count`).

Without a mark nothing is taken for UTF-16: a NUL may stand in any log.
"""

import codecs
import itertools
from collections.abc import Iterable, Iterator
from typing import Literal

Utf16 = Literal["utf-16-le", "utf-16-be"]

MARK_BYTES = 2
"""So many first bytes of a file are enough for `utf16_of`."""

_MARKS: dict[bytes, Utf16] = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}


def utf16_of(head: bytes) -> Utf16 | None:
    """Which UTF-16 a file is in that begins with `head` (`MARK_BYTES` bytes at least); None if it has no such mark."""
    return _MARKS.get(head[:MARK_BYTES])


def as_utf8(chunks: Iterable[bytes], utf16: Utf16 | None) -> Iterator[bytes]:
    """`chunks` of UTF-16 as UTF-8, those of any other text (None) as they are; a mark stays, as that of UTF-8.

    Never raises: what is no valid UTF-16 (half a character, half a pair) comes as `\\xNN`, and no line end is lost.
    """
    if utf16 is None:
        yield from chunks
        return
    decoder = codecs.getincrementaldecoder(utf16)("backslashreplace")
    for chunk in chunks:
        yield decoder.decode(chunk).encode()
    yield decoder.decode(b"", final=True).encode()


def readable(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """The chunks of a whole file, turned into UTF-8 if its mark says that it is in UTF-16."""
    stream = iter(chunks)
    head = b""
    while len(head) < MARK_BYTES and (chunk := next(stream, b"")):
        head += chunk
    return as_utf8(itertools.chain((head,), stream), utf16_of(head))
