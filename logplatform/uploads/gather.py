"""Making a block of JSON records one by one, where some are good and some are not.

What belongs here: counting ordinals and keeping the two apart. What does not: judging a text (`json_text`).
"""

from dataclasses import dataclass, field
from typing import Any

from logplatform.uploads.json_text import decode_one
from logplatform.uploads.records import RAW_BYTES, JsonRecords, RecordBlock, RefusedRecord


@dataclass(slots=True)
class Gatherer:
    """Takes records in order; `ordinal` is the number of the next."""

    ordinal: int
    _rows: list[dict[str, Any]] = field(default_factory=list)
    _texts: list[bytes] = field(default_factory=list)
    _ordinals: list[int] = field(default_factory=list)
    _lines: list[int] = field(default_factory=list)
    _refused: list[RefusedRecord] = field(default_factory=list)

    def json(self, line: int, text: bytes) -> None:
        """Take a text that should be an object."""
        found = decode_one(text)
        if isinstance(found, str):
            self.refuse(line, text, found)
            return
        self._rows.append(found)
        self._texts.append(text)
        self._ordinals.append(self.ordinal)
        self._lines.append(line)
        self.ordinal += 1

    def overlong(self, line: int, beginning: bytes) -> None:
        """Take a record that is longer than allowed."""
        self.refuse(line, beginning, "longer than the largest record allowed")

    def refuse(self, line: int, text: bytes, reason: str) -> None:
        """Take a record that cannot be used."""
        self._refused.append(RefusedRecord(self.ordinal, line, text[:RAW_BYTES], reason, ("_jsonparsefailure",)))
        self.ordinal += 1

    def block(self) -> RecordBlock:
        """All that was taken."""
        return RecordBlock(JsonRecords(self._rows, self._texts), self._ordinals, self._lines, self._refused)
