"""The table `archive_events`: its columns, and how a parser's lists become rows of it.

What belongs here: the schema and the conversion. What does not: finding the values (a parser a format).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from logplatform.archives.lines.blocks import Refused

LineFormat = Literal["access", "syslog", "jsonl", "log4j", "plain"]

_TEXT, _INT = pa.string(), pa.int64()

SCHEMA = pa.schema(
    [
        pa.field("origin", _TEXT, nullable=False),
        pa.field("tenant", _TEXT, nullable=False),
        pa.field("server", _TEXT, nullable=False),
        pa.field("path", _TEXT, nullable=False),
        pa.field("log", _TEXT, nullable=False),
        pa.field("content_sha256", _TEXT, nullable=False),
        pa.field("line", _INT, nullable=False),
        pa.field("lines", pa.int32(), nullable=False),
        pa.field("format", _TEXT, nullable=False),
        pa.field("time", pa.timestamp("us", "UTC")),
        pa.field("time_text", _TEXT),
        pa.field("level", _TEXT),
        pa.field("message", _TEXT),
        pa.field("host", _TEXT),
        pa.field("app", _TEXT),
        pa.field("pid", _TEXT),
        pa.field("facility", pa.int32()),
        pa.field("logger", _TEXT),
        pa.field("thread", _TEXT),
        pa.field("client", _TEXT),
        pa.field("user", _TEXT),
        pa.field("method", _TEXT),
        pa.field("target", _TEXT),
        pa.field("protocol", _TEXT),
        pa.field("status", pa.int32()),
        pa.field("bytes", _INT),
        pa.field("referrer", _TEXT),
        pa.field("user_agent", _TEXT),
        pa.field("extra", _TEXT),
        pa.field("raw", _TEXT, nullable=False),
    ]
)
"""One row an event. `line` is the number of its first physical line (from 1), `lines` how many it covers, `raw` their
text as it came. `time` is UTC, null where the text names none; `time_text` is what it was read from. `log` is the
path without its rotation. `extra` holds, as a JSON object, what a format has beyond the other columns."""

Columns = dict[str, list[Any]]
"""Values by column name, lists of one length; `time` in microseconds since 1970. What is missing is null."""

_DAY_MICROSECONDS = 86_400_000_000


@dataclass(frozen=True, slots=True)
class Parsed:
    """What a parser made of some lines: events as columns, and the lines it refused."""

    columns: Columns = field(default_factory=dict)
    refused: Sequence[Refused] = ()


@dataclass(frozen=True, slots=True)
class Events:
    """Events of one day as rows (all columns of SCHEMA but `origin`); `lines` is how many lines they cover."""

    day: date
    rows: pa.RecordBatch
    lines: int


def events_by_day(columns: Columns, constants: Mapping[str, str], undated: date) -> Iterator[Events]:
    """The rows of `columns`, with `constants` in every row, apart by their UTC day; without a time: `undated`."""
    count = len(columns.get("line", ()))
    if not count:
        return
    rows = _rows(columns, constants, count)
    days = _days(columns["time"], undated)
    lines = np.array(columns["lines"], np.int64)
    for day in np.unique(days):
        chosen = np.flatnonzero(days == day)
        part = rows if len(chosen) == count else rows.take(pa.array(chosen))
        yield Events(_date(int(day)), part, int(lines[chosen].sum()))


def _rows(columns: Columns, constants: Mapping[str, str], count: int) -> pa.RecordBatch:
    arrays, fields = [], []
    for field_ in SCHEMA:
        if field_.name == "origin":
            continue
        fields.append(field_)
        if field_.name in constants:
            arrays.append(pa.repeat(pa.scalar(constants[field_.name], field_.type), count))
        elif field_.name in columns:
            arrays.append(_array(columns[field_.name], field_.type))
        else:
            arrays.append(pa.nulls(count, field_.type))
    return pa.record_batch(arrays, schema=pa.schema(fields))


def _array(values: list[Any], type_: pa.DataType) -> pa.Array:
    if pa.types.is_timestamp(type_):
        return pa.array(values, pa.int64()).cast(type_)
    return pa.array(values, type_)


def _days(times: list[int | None], undated: date) -> np.ndarray:
    otherwise = int(datetime(undated.year, undated.month, undated.day, tzinfo=UTC).timestamp()) * 1_000_000
    return np.array([otherwise if time is None else time for time in times], np.int64) // _DAY_MICROSECONDS


def _date(day: int) -> date:
    return datetime.fromtimestamp(day * 86_400, UTC).date()
