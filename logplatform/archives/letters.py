"""Refused lines on their way to the dead letters: kept on disk until their file is committed.

What belongs here: that spool. What does not: the dead letters themselves (`landing.dead_letters`).
"""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from logplatform.archives.lines.blocks import Refused
from logplatform.landing.dead_letters import Letter
from logplatform.landing.redaction import Redactor
from logplatform.orchestration.figures import FIRST_FAILURES, FailureNote

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Refused).decode


class LetterSpool:
    """The refused lines of one file, in a file without a name: it is gone with its process, whatever happens.

    What goes in is redacted first, so nothing secret leaves the parser.
    """

    def __init__(self, folder: Path, file: str, redactor: Redactor) -> None:
        self.count = 0
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

    def add(self, refused: Sequence[Refused]) -> None:
        """Take the next lines, in order."""
        for one in refused:
            reason = self._redactor.text(one.reason)
            self._spool.write(_encode(Refused(one.line, self._redactor.raw(one.raw), reason, one.tag)) + b"\n")
            if len(self.first) < FIRST_FAILURES:
                self.first.append(FailureNote(f"{self._name}: line {one.line}", reason))
        self.count += len(refused)

    def letters(self) -> Iterator[Letter]:
        """All of them, as a stream; may be asked for again."""
        self._spool.seek(0)
        for line in self._spool:
            one = _decode(line)
            yield Letter(one.line, one.raw, (one.reason,), (one.tag,))
