"""What reading an upload gives: blocks of records with their places, and the records that are none.

What belongs here: the shapes that readers fill and validation takes. What does not: how bytes become records
(`json_records`, `csv_records`), and what the fields mean (`enrich`).
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

import msgspec

Tag = Literal[
    "_dateparsefailure",
    "_jsonparsefailure",
    "_csvparsefailure",
    "_missing_log_type",
    "_geoip_lookup_failure",
    "_validation_failed",
]

# At most so many records in a block: with the size of a chunk it bounds the memory that a block takes.
BLOCK_RECORDS = 4_096
RAW_BYTES = 8_192

_encode = msgspec.json.Encoder().encode


class UnusableFile(ValueError):
    """Nothing of a file can be used: the message names line and reason, fit for the answer to the client."""


@dataclass(frozen=True, slots=True)
class RefusedRecord:
    """A record that cannot be used.

    `ordinal`: its number among the file's records, good and bad, from 1. `line`: the line of the file on which it
    begins, from 1. `raw`: its first bytes as they came (UTF-16 as UTF-8), at most RAW_BYTES, not redacted.
    """

    ordinal: int
    line: int
    raw: bytes
    reason: str
    tags: tuple[Tag, ...]


class Records(Protocol):
    """Some consecutive records, by row or by column."""

    def __len__(self) -> int:
        """How many records."""
        ...

    @property
    def names(self) -> Collection[str]:
        """The names of all fields that occur, and maybe of some that other records of the file have."""
        ...

    def column(self, name: str) -> Sequence[Any]:
        """A field's value in each record, None where it is missing, null, or (CSV) empty."""
        ...

    def record(self, index: int) -> dict[str, Any]:
        """One record as it came; a CSV's values are text."""
        ...

    def sources(self) -> Sequence[bytes]:
        """Each record as JSON text: as it came, or (CSV) made from the row."""
        ...


@dataclass(frozen=True, slots=True)
class JsonRecords:
    """Objects with the texts they were parsed from; see `Records`."""

    rows: list[dict[str, Any]]
    texts: Sequence[bytes]

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def names(self) -> Collection[str]:
        """The keys of all objects."""
        return set().union(*self.rows)

    def column(self, name: str) -> Sequence[Any]:
        """One key's values."""
        return [row.get(name) for row in self.rows]

    def record(self, index: int) -> dict[str, Any]:
        """One object."""
        return self.rows[index]

    def sources(self) -> Sequence[bytes]:
        """The objects' texts."""
        return self.texts


@dataclass(slots=True)
class CsvRecords:
    """Rows of cells under a header; see `Records`."""

    header: tuple[str, ...]
    rows: list[list[str]]
    _columns: dict[str, Sequence[str]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def names(self) -> Collection[str]:
        """The header."""
        return self.header

    def column(self, name: str) -> Sequence[str | None]:
        """One column, an empty cell is None; the first call makes all columns."""
        if not self._columns:
            self._columns = dict(zip(self.header, zip(*self.rows, strict=True), strict=False))
        found = self._columns.get(name)
        if found is None:
            return [None] * len(self.rows)
        return [cell or None for cell in found] if "" in found else found

    def record(self, index: int) -> dict[str, Any]:
        """One row with the header's names."""
        return dict(zip(self.header, self.rows[index], strict=True))

    def sources(self) -> Sequence[bytes]:
        """The rows as JSON objects of texts."""
        return [_encode(dict(zip(self.header, row, strict=True))) for row in self.rows]


@dataclass(frozen=True, slots=True)
class RecordBlock:
    """Some consecutive records of a file: `ordinals` and `lines` stand beside `records`, see `RefusedRecord`."""

    records: Records
    ordinals: Sequence[int]
    lines: Sequence[int]
    refused: list[RefusedRecord] = field(default_factory=list)

    @property
    def count(self) -> int:
        """Records in the block, good and bad."""
        return len(self.records) + len(self.refused)
