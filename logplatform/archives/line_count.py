"""Counting the lines of a content as it is extracted, independently of the parser that later reads them.

What belongs here: the "in" of the conservation check. What does not: any use of `lines`, whose faults this count is
there to show.
"""

import codecs

import numpy as np

_FEED = 10
_UNITS = {codecs.BOM_UTF16_LE: "<u2", codecs.BOM_UTF16_BE: ">u2"}
_MARK_BYTES = 2


class LineCount:
    """Counts line feeds in constant memory: bytes, or the 16-bit units of a content that begins with UTF-16's mark."""

    def __init__(self) -> None:
        self._unit = ""
        self._rest = b""
        self._feeds = 0
        self._ended = True

    def update(self, block: bytes) -> None:
        """Take the next bytes."""
        if self._rest:
            block = self._rest + block
        if not self._unit:
            if len(block) < _MARK_BYTES:
                self._rest = block
                return
            self._unit = _UNITS.get(block[:_MARK_BYTES], "u1")
        count, odd = divmod(len(block), np.dtype(self._unit).itemsize)
        units = np.frombuffer(block, self._unit, count)
        self._rest = block[-odd:] if odd else b""
        self._feeds += int(np.count_nonzero(units == _FEED))
        if count:
            self._ended = bool(units[-1] == _FEED)

    @property
    def lines(self) -> int:
        """Lines so far; an unfinished one counts."""
        return self._feeds + bool(self._rest or not self._ended)
