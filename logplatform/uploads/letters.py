"""Refused records on their way to the dead letters: kept on disk until their file is committed.

What belongs here: that spool. What does not: the dead letters themselves (`landing.dead_letters`).
"""

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from logplatform.landing.dead_letters import Letter
from logplatform.landing.redaction import Redactor
from logplatform.orchestration.figures import FIRST_FAILURES, FailureNote
from logplatform.uploads.records import RefusedRecord

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Letter).decode


class LetterSpool:
    """The refused records of one upload, in a file without a name: it is gone with its process, whatever happens.

    What goes in is redacted first, so nothing secret leaves the parser. `first` are the first few, for people.
    """

    def __init__(self, folder: Path, file: str, redactor: Redactor) -> None:
        self.first: list[FailureNote] = []
        self._name = redactor.text(file)
        self._redactor = redactor
        self._spool = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 (closed with this object's context)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._spool.close()

    def add(self, refused: Iterable[RefusedRecord]) -> None:
        """Take the next records, in order."""
        for record in refused:
            reason = self._redactor.text(record.reason)
            letter = Letter(
                record.ordinal, self._redactor.raw(record.raw), (f"line {record.line}: {reason}",), record.tags
            )
            self._spool.write(_encode(letter) + b"\n")
            if len(self.first) < FIRST_FAILURES:
                self.first.append(FailureNote(f"{self._name}: line {record.line}", reason))

    def letters(self) -> Iterator[Letter]:
        """All of them, as a stream; may be asked for again."""
        self._spool.seek(0)
        return (_decode(line) for line in self._spool)
