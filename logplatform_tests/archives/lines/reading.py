"""One way for the tests of this folder to read lines: all events as dictionaries, and all refusals."""

import codecs
from datetime import UTC, datetime, tzinfo
from typing import Any

from logplatform.archives.lines.blocks import Refused
from logplatform.archives.lines.columns import Events, LineFormat
from logplatform.archives.lines.parse import LogFile, parse

MAX_LINE = 1 << 20


def log_file(zone: tzinfo = UTC, written: datetime = datetime(2025, 6, 1, 12, tzinfo=UTC)) -> LogFile:
    """A log of server `web1`."""
    return LogFile("default", "web1", "a/app.log.1", "a/app.log", "c" * 64, zone, written)


def read(
    data: bytes,
    line_format: LineFormat,
    file: LogFile | None = None,
    max_line_bytes: int = MAX_LINE,
    chunk: int | None = None,
) -> tuple[list[dict[str, Any]], list[Refused]]:
    """Parse `data` in chunks of `chunk` bytes; every line is counted on the way."""
    size = chunk or max(1, len(data))
    chunks = (data[start : start + size] for start in range(0, len(data), size))
    events: list[dict[str, Any]] = []
    refused: list[Refused] = []
    for found in parse(chunks, line_format, file or log_file(), max_line_bytes):
        if isinstance(found, Events):
            rows = found.rows.to_pylist()
            assert sum(row["lines"] for row in rows) == found.lines
            events += [row | {"day": found.day} for row in rows]
        else:
            refused += found
    return sorted(events, key=lambda event: event["line"]), sorted(refused, key=lambda letter: letter.line)


def line_count(data: bytes) -> int:
    """Lines as `wc -l` counts them, and one more for what follows the last line end; UTF-16 as its text has them."""
    for mark, codec in ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be")):
        if data.startswith(mark):
            data = data.decode(codec, "backslashreplace").encode()
    return data.count(b"\n") + (not data.endswith(b"\n") and bool(data))
