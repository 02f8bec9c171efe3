"""Reading `YYYYMMDD HH:MM:SS` out of many lines at once, and plant-local time as UTC.

What belongs here: dates and times as arrays. What does not: lines, events, sessions. Times are milliseconds since
1970-01-01T00:00:00, in whatever zone the text means.
"""

import datetime as dt
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Words = npt.NDArray[np.uint64]

LATEST_MS: Final = 253_402_300_799_999
"""9999-12-31T23:59:59.999, the last moment that the stores can hold."""

EARLIEST_MS: Final = -62_135_596_800_000
"""0001-01-01T00:00:00."""

_QUARTER_MS: Final = 900_000
_EPOCH = dt.datetime(1970, 1, 1)  # noqa: DTZ001  (plant-local milliseconds count from a local midnight)


def words_of(data: bytes) -> Words:
    """Every run of 8 bytes of `data` as one little-endian number; entry i begins at byte i."""
    return np.ndarray((len(data) - 7,), np.dtype("<u8"), data, strides=(1,))


def read_timestamps(words: Words, starts: Ints) -> tuple[Flags, Flags, Ints]:
    """Reads `YYYYMMDD HH:MM:SS` at each start: has it the form, is it a real date and time, its milliseconds.

    `words` are those of a buffer that goes on for at least 19 bytes after each start. Where form or reality is
    missing, the milliseconds mean nothing.
    """
    days, day_shaped, day_real = _dates(words[starts])
    hours, minutes = words[starts + 8], words[starts + 11]
    shaped = day_shaped & _matches(hours, b" 00:....") & _matches(minutes, b":00:00..")
    hour, minute, second = _pair(hours, 1), _pair(minutes, 1), _pair(minutes, 4)
    real = day_real & (hour < 24) & (minute < 60) & (second < 60)
    return shaped, real, (days * 86_400 + hour * 3600 + minute * 60 + second) * 1000


def _dates(word: Words) -> tuple[Ints, Flags, Flags]:
    """`YYYYMMDD` of each word: days since 1970-01-01, is it all digits, is it a real date.

    Consecutive lines nearly always share their date, so each run of equal ones is read once.
    """
    first = np.concatenate((np.zeros(1, np.int64), np.flatnonzero(word[1:] != word[:-1]) + 1))[: len(word)]
    lengths = np.diff(first, append=len(word))
    run = word[first]
    shaped = _matches(run, b"00000000")
    year, month, day = _pair(run, 0) * 100 + _pair(run, 2), _pair(run, 4), _pair(run, 6)
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    in_month = _MONTH_DAYS[np.clip(month, 0, 13)] + (leap & (month == 2))
    real = (year > 0) & (day > 0) & (day <= in_month)
    days = _days_from_civil(year, month, day)
    return np.repeat(days, lengths), np.repeat(shaped, lengths), np.repeat(real, lengths)


def _matches(word: Words, pattern: bytes) -> Flags:
    """Where the word's 8 bytes are like the pattern: `0` is a decimal digit, `.` any byte, else that byte itself."""
    literal = _number(bytes(0 if byte in b"0." else 255 for byte in pattern))
    high = _number(bytes(0xF0 if byte == ord("0") else 0 for byte in pattern))
    low = high >> np.uint64(4)
    three, six = _number(b"\x30" * 8) & high, _number(b"\x06" * 8) & low
    same = (word & literal) == (_number(pattern) & literal)
    # A digit is 0x30 to 0x39: its low half does not carry into the high half when 6 is added.
    return same & ((word & high) == three) & ((((word & low) + six) & high) == 0)


def _pair(word: Words, at: int) -> Ints:
    """The number that the two digits at bytes `at` and `at + 1` of each word make."""
    tens = (word >> np.uint64(8 * at)) & np.uint64(15)
    ones = (word >> np.uint64(8 * at + 8)) & np.uint64(15)
    return (tens * np.uint64(10) + ones).astype(np.int64)


def _number(pattern: bytes) -> np.uint64:
    return np.uint64(int.from_bytes(pattern, "little"))


_MONTH_DAYS = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 0], np.int64)


def _days_from_civil(year: Ints, month: Ints, day: Ints) -> Ints:
    """Days since 1970-01-01; Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", days_from_civil."""
    shifted = year - (month <= 2)
    era = shifted // 400
    year_of_era = shifted - era * 400
    day_of_year = (153 * (month + np.where(month > 2, -3, 9)) + 2) // 5 + day - 1
    day_of_era = year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year
    return era * 146_097 + day_of_era - 719_468


def as_datetime(milliseconds: int) -> dt.datetime:
    """The same moment as a datetime without zone, exact to the millisecond."""
    return _EPOCH + dt.timedelta(milliseconds=milliseconds)


def milliseconds_of(moment: dt.datetime | None) -> int | None:
    """The way back from `as_datetime`."""
    return None if moment is None else (moment - _EPOCH) // dt.timedelta(milliseconds=1)


def to_utc(local: Ints, fold: Flags, zone: str) -> Ints:
    """UTC milliseconds of plant-local ones; `fold` picks the second of two equal local times (PEP 495).

    A local time that the clock skipped is read as if it had not been put forward yet. Offsets are taken a quarter
    of an hour at a time, which is where zones have changed them since 1972. A result outside the years 1 to 9999
    stays at their edge.
    """
    quarters, back = np.unique(local // _QUARTER_MS, return_inverse=True)
    first = np.array([_offset_ms(zone, quarter, 0) for quarter in quarters.tolist()], np.int64)
    second = np.array([_offset_ms(zone, quarter, 1) for quarter in quarters.tolist()], np.int64)
    utc = local - np.where(fold, second[back], first[back])
    return np.clip(utc, EARLIEST_MS, LATEST_MS)


def ambiguous(local: Ints, zone: str) -> Flags:
    """Which plant-local times come twice (the hour after summer time ends)."""
    quarters, back = np.unique(local // _QUARTER_MS, return_inverse=True)
    twice = [_offset_ms(zone, quarter, 0) > _offset_ms(zone, quarter, 1) for quarter in quarters.tolist()]
    return np.array(twice, np.bool_)[back]


@lru_cache(maxsize=4096)
def _offset_ms(zone: str, quarter: int, fold: int) -> int:
    moment = as_datetime(quarter * _QUARTER_MS).replace(tzinfo=ZoneInfo(zone), fold=fold)
    offset = moment.utcoffset()
    return 0 if offset is None else int(offset.total_seconds() * 1000)
