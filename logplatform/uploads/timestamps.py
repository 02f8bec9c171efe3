"""The timestamps of events, in all the ways they are written, as microseconds since 1970 in UTC.

What belongs here: texts and numbers as times. What does not: which field holds the time (`enrich`).

Written as ISO 8601 (`2015-05-19T03:05:37Z`, `2015-05-19 03:05:37`, with an offset, with fractions), as Apache does
(`19/May/2015:03:05:37 +0000`), as UNIX seconds or as UNIX milliseconds. A time without an offset is local to the
given zone; in the hour that comes twice it is the first.
"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, tzinfo

import numpy as np
import numpy.typing as npt
import pyarrow as pa

EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
LATEST = datetime(2100, 1, 1, tzinfo=UTC)
# As seconds these would lie beyond the year 5000, so numbers from here on are milliseconds.
MILLISECONDS_FROM = 100_000_000_000

_MICROSECOND = timedelta(microseconds=1)
_LATEST = (LATEST - EARLIEST) // _MICROSECOND
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_MONTH = {name: number for number, name in enumerate(_MONTHS, 1)}
_APACHE = re.compile(r"(\d\d)/([A-Z][a-z]{2})/(\d{4}):(\d\d:\d\d:\d\d) ?([+-]\d\d:?\d\d|Z)?", re.ASCII)
_NUMBER = re.compile(r"\d{1,16}(\.\d{1,9})?", re.ASCII)
_SPACE_BEFORE_ZONE = re.compile(r" +(?=Z$|[+-]\d\d:?\d\d$)", re.ASCII)
_LONGEST_TEXT = 64


def parse_timestamp(value: object, zone: tzinfo = UTC) -> int | None:
    """Microseconds since 1970-01-01 UTC; None if it is no time, or not from 1970 to 2099."""
    found = None
    if isinstance(value, str):
        text = value.strip()
        if len(text) <= _LONGEST_TEXT:
            found = _unix(float(text)) if _NUMBER.fullmatch(text) else _written(text, zone)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        found = _unix(value)
    return found if found is not None and 0 <= found < _LATEST else None


def parse_timestamps(values: Sequence[object], zone: tzinfo = UTC) -> list[int | None] | npt.NDArray[np.int64]:
    """`parse_timestamp` of each; an array where all of them are times, which is quicker."""
    try:
        # What Arrow reads of texts with an offset, it reads as `parse_timestamp` does.
        column = pa.array(values, pa.string()).cast(pa.timestamp("us", "UTC"))
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return [parse_timestamp(value, zone) for value in values]
    if not column.null_count:
        moments: npt.NDArray[np.int64] = column.cast(pa.int64()).to_numpy()
        if moments.min(initial=0) >= 0 and moments.max(initial=0) < _LATEST:
            return moments
    return [parse_timestamp(value, zone) for value in values]


def _unix(number: float) -> int | None:
    if not 0 <= number < 1e15:
        return None
    return round(number * (1_000 if number >= MILLISECONDS_FROM else 1_000_000))


def _written(text: str, zone: tzinfo) -> int | None:
    apache = _APACHE.fullmatch(text)
    if apache:
        day, month, year, clock, offset = apache.groups()
        text = f"{year}-{_MONTH.get(month, 0):02d}-{day}T{clock}{offset or ''}"
    try:
        moment = datetime.fromisoformat(_SPACE_BEFORE_ZONE.sub("", text.upper()))
        aware = moment if moment.tzinfo else moment.replace(tzinfo=zone)
        return (aware - EARLIEST) // _MICROSECOND
    except (ValueError, OverflowError):
        return None
