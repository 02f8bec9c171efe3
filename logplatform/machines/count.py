"""Counting a machine log's lines as it lands, independently of the reader that later parses it.

What belongs here: the "in" of the conservation check. What does not: any use of `decode.LineReader`, whose
faults this count is there to show.
"""

import codecs
from typing import Final

_CODECS: Final = {codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}


class LineCounter:
    """Counts lines of a stream in constant memory: LF, CRLF or CR ends a line, NULs are not there.

    After `finish`, `ended` is the number of lines that have their end, and `unended` is 1 where text follows
    the last end, else 0.
    """

    def __init__(self) -> None:
        self._head: bytes | None = b""
        self._decoder: codecs.IncrementalDecoder | None = None
        self._last = b""
        self.ended = 0
        self.unended = 0

    def update(self, chunk: bytes) -> None:
        """Counts the next bytes of the file."""
        if self._head is not None:
            self._head += chunk
            if len(self._head) < len(codecs.BOM_UTF8):
                return
            chunk, self._head = self._begin(self._head), None
        self._count(chunk)

    def finish(self) -> int:
        """All lines of the file as it stands, a last one without its end included."""
        if self._head is not None:
            head, self._head = self._begin(self._head), None
            self._count(head)
        self._count(b"", final=True)
        self.unended = int(self._last not in {b"", b"\n", b"\r"})
        return self.ended + self.unended

    def _begin(self, head: bytes) -> bytes:
        name = _CODECS.get(head[:2])
        if name is not None:
            self._decoder = codecs.getincrementaldecoder(name)("backslashreplace")
            return head[2:]
        return head.removeprefix(codecs.BOM_UTF8)

    def _count(self, chunk: bytes, *, final: bool = False) -> None:
        text = chunk if self._decoder is None else self._decoder.decode(chunk, final).encode()
        text = text.replace(b"\0", b"")
        if not text:
            return
        pairs = text.count(b"\r\n") + (self._last == b"\r" and text[:1] == b"\n")
        self.ended += text.count(b"\n") + text.count(b"\r") - pairs
        self._last = text[-1:]
