"""Documents as files for other programs: CSV for spreadsheets, JSON for everything else.

What belongs here: the bytes, as a stream. What does not: finding documents (`stores.log_index`), and HTTP.

CSV is that of RFC 4180, UTF-8. A text that a spreadsheet would take for a formula gets a `'` before it
(https://owasp.org/www-community/attacks/CSV_Injection): what somebody has logged must not run at somebody's desk.
"""

import csv
import io
from collections.abc import Generator, Iterable, Iterator, Mapping
from typing import Any, Literal

import msgspec

from logplatform.stores.log_schema import FLAGS, FLOATS, GEO_TEXTS, INTEGERS, PROVENANCE_TEXTS, TEXTS

ExportFormat = Literal["csv", "json"]

CHUNK_BYTES = 64 << 10
COLUMNS = (
    "@timestamp", *TEXTS, *FLOATS, *INTEGERS, *FLAGS, *GEO_TEXTS, "latitude", "longitude", "tags",
    *PROVENANCE_TEXTS, "processed_at", "other",
)  # fmt: skip
"""Columns of the CSV; `tags` are divided by blanks, `other` holds all other fields of the record as JSON."""

_OWN = frozenset((*COLUMNS, "geoip", "timestamp"))
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_encode = msgspec.json.encode


def exported(documents: Iterable[Mapping[str, Any]], kind: ExportFormat) -> Generator[bytes]:
    """The file in pieces of about CHUNK_BYTES; the first comes when the first documents do."""
    parts = _csv_lines(documents) if kind == "csv" else _json_items(documents)
    pending: list[bytes] = []
    size = 0
    for part in parts:
        pending.append(part)
        size += len(part)
        if size >= CHUNK_BYTES:
            yield b"".join(pending)
            pending.clear()
            size = 0
    yield b"".join(pending)


def _json_items(documents: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    before = b"[\n"
    for document in documents:
        yield before + _encode(document)
        before = b",\n"
    yield b"\n]\n" if before == b",\n" else b"[]\n"


def _csv_lines(documents: Iterable[Mapping[str, Any]]) -> Iterator[bytes]:
    line = io.StringIO()
    writer = csv.writer(line)
    writer.writerow(COLUMNS)
    for document in documents:
        writer.writerow(_cells(document))
        yield line.getvalue().encode()
        line.seek(0)
        line.truncate()
    yield line.getvalue().encode()


def _cells(document: Mapping[str, Any]) -> list[object]:
    place = document.get("geoip") or {}
    point = place.get("location") or {}
    found = {
        **document,
        **{name: place.get(name) for name in GEO_TEXTS},
        "geo_accuracy": place.get("accuracy"),
        "latitude": point.get("lat"),
        "longitude": point.get("lon"),
        "tags": " ".join(document.get("tags") or ()),
    }
    other = {name: value for name, value in document.items() if name not in _OWN}
    found["other"] = _encode(other).decode() if other else None
    return [_cell(found.get(name)) for name in COLUMNS]


def _cell(value: object) -> object:
    """A value as a cell; numbers stay numbers, be they negative."""
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}"
    return value
