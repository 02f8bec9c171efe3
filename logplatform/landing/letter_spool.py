"""Refused records on their way to the dead letters: kept on disk until their file is committed.

What belongs here: that spool. What does not: the dead letters themselves (`dead_letters`).
"""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from logplatform.landing.dead_letters import Letter
from logplatform.landing.redaction import Redactor

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Letter).decode


class LetterSpool:
    """The refused records of one file, in a file without a name: it is gone with its process, whatever happens.

    What goes in is redacted first, so nothing secret leaves the parser. `count` is how many went in; `first` holds
    the line and the reason of the first `keep` of them, for people.
    """

    def __init__(self, folder: Path, redactor: Redactor, keep: int) -> None:
        self.count = 0
        self.first: list[tuple[int, str]] = []
        self._keep = keep
        self._redactor = redactor
        self._spool = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 (closed with this object's context)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._spool.close()

    def add(self, line: int, raw: bytes, reason: str, tags: Sequence[str], ordinal: int | None = None) -> None:
        """Take the next record. Its position is its line, or its `ordinal`; the reason then names the line."""
        hidden = self._redactor.text(reason)
        position, told = (line, hidden) if ordinal is None else (ordinal, f"line {line}: {hidden}")
        self._spool.write(_encode(Letter(position, self._redactor.raw(raw), (told,), tuple(tags))) + b"\n")
        if len(self.first) < self._keep:
            self.first.append((line, hidden))
        self.count += 1

    def letters(self) -> Iterator[Letter]:
        """All of them, as a stream; may be asked for again."""
        self._spool.seek(0)
        return (_decode(line) for line in self._spool)
