"""The values of the ledger: what was seen at a source, and what its bytes are.

What belongs here: types, and how a row becomes one. What does not: queries and transitions (`ledger.py`).
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal

from sqlalchemy import Row

from logplatform.sources.base import Entry

Status = Literal["pending", "copied", "extracted", "processed", "seen", "superseded", "error"]
"""pending: seen at the source, not here yet. copied: its bytes are landed. extracted: verified and unpacked.
processed: all its results are committed. seen: known content under another name, not delivered twice.
superseded: another version of the file took its place before it was copied. error: see `error_kind`."""

ErrorKind = Literal["copy", "extract", "corruption"]
ErrorType = Literal["permanent", "transient"]


@dataclass(frozen=True, slots=True)
class Observation:
    """One version (size, mtime) of one file of one source, and where it stands; times are UTC.

    `day` is the partition that the file belongs to; `sha256` is known once the bytes are landed.
    """

    id: int
    source: str
    path: str
    size: int
    mtime_ns: int
    day: date
    status: Status
    error_kind: ErrorKind | None
    error_type: ErrorType | None
    error: str | None
    attempts: int
    next_attempt_at: datetime | None
    batch_id: str | None
    run_id: str | None
    sha256: str | None
    first_seen: datetime
    updated: datetime

    @property
    def entry(self) -> Entry:
        """The file as its source lists it."""
        return Entry(self.path, self.size, self.mtime_ns)

    @property
    def name(self) -> str:
        """The last part of the path."""
        return self.entry.name


@dataclass(frozen=True, slots=True)
class Content:
    """Landed bytes, and what was found out about them; sizes in bytes.

    `sha256`, `size`, `object_key` are of the bytes as they came; `content_…` of what was extracted from them;
    `lines` counts lines independently of any parser. `removed_at`/`content_removed_at` tell that retention took the
    bytes; the row stays.
    """

    sha256: str
    size: int
    object_key: str
    landed_at: datetime
    removed_at: datetime | None
    lines: int | None
    format: str | None
    content_sha256: str | None
    content_size: int | None
    content_key: str | None
    content_removed_at: datetime | None
    parser_version: str | None


def fingerprint(domain: str, tenant: str, source: str, entry: Entry) -> bytes:
    """128 bits that stand for one observation; equal for equal (domain, tenant, source, path, size, mtime)."""
    return next(fingerprints(domain, tenant, source, (entry,)))


def fingerprints(domain: str, tenant: str, source: str, entries: Iterable[Entry]) -> Iterator[bytes]:
    """The fingerprint of each of a source's entries, in their order."""
    same = f"{domain}\0{tenant}\0{source}\0"
    for entry in entries:
        text = f"{same}{entry.path}\0{entry.size}\0{entry.mtime_ns}"
        yield hashlib.blake2b(text.encode(), digest_size=16).digest()


def observation_of(row: Row[Any]) -> Observation:
    """An observation from a row of its table."""
    values = row._mapping
    return Observation(**{name: values[name] for name in Observation.__dataclass_fields__})


def content_of(row: Row[Any]) -> Content:
    """A content from a row of its table."""
    values = row._mapping
    return Content(**{name: values[name] for name in Content.__dataclass_fields__})
