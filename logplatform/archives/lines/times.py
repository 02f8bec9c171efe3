"""Timestamps of log lines, as microseconds since 1970 in UTC.

What belongs here: reading one timestamp's text. What does not: finding it in a line.

A text without a zone is in the source's zone; in the hour that a zone has twice the first one is meant. Readers keep
what they worked out for the last texts, because the lines of one second share it.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, tzinfo

EARLIEST = 0
"""1970-01-01; a log line from before is a broken clock's."""
LATEST = int(datetime(2100, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000

_REMEMBERED = 4_096
_MICROSECONDS = 1_000_000

_MONTH_NAMES = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
MONTHS: dict[str, int] = {name: number for number, name in enumerate(_MONTH_NAMES, 1)}


class BadTime(ValueError):
    """The text is no time, or none between 1970 and 2100."""


def microseconds(moment: datetime, zone: tzinfo) -> int:
    """A datetime (in `zone` if it names none) as microseconds since 1970; raises BadTime outside 1970 to 2100."""
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)
    try:
        since = aware - _EPOCH
    except OverflowError as error:
        raise BadTime("not between 1970 and 2100") from error
    return in_range(since // timedelta(microseconds=1))


def in_range(time: int) -> int:
    """`time` itself, in microseconds since 1970; raises BadTime outside 1970 to 2100."""
    if not EARLIEST <= time < LATEST:
        raise BadTime("not between 1970 and 2100")
    return time


# Up to the seconds, the fraction, a zone. Seconds come after two colons.
_FRACTION = re.compile(r"([^:]{1,16}:\d\d:\d\d)[.,](\d{1,9})(\D.{0,8})?", re.ASCII)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Remembering:
    """A reader of texts that remembers its last answers; raises BadTime for a text that is no time."""

    def __init__(self, read: Callable[[str], int]) -> None:
        self._read = read
        self._known: dict[str, int] = {}

    def __call__(self, text: str) -> int:
        """Microseconds since 1970."""
        known = self._known.get(text)
        if known is None:
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            known = self._known[text] = self._read(text)
        return known


def iso_reader(zone: tzinfo) -> Callable[[str], int]:
    """Reads ISO 8601 and what loggers make of it: `2016-12-19 16:31:47,437`, `2016/12/19 16:31:47 +0100`."""

    def whole(text: str) -> int:
        plain = text.strip().replace("/", "-")
        if plain[-5:-4] in {"+", "-"} and plain[-6:-5] == " ":
            plain = plain[:-6] + plain[-5:]
        try:
            return microseconds(datetime.fromisoformat(plain), zone)
        except ValueError as error:
            raise BadTime(f"{text[:64]!r} is no time: {error}") from error

    seconds = Remembering(whole)

    def read(text: str) -> int:
        # The fraction is all that differs between the lines of one second.
        found = _FRACTION.fullmatch(text)
        if found is None:
            return whole(text.replace(",", "."))
        before, fraction, after = found.groups("")
        return seconds(before + after) + int(fraction[:6].ljust(6, "0"))

    return read


def common_log_reader() -> Callable[[str], int]:
    """Reads `17/May/2015:10:05:03 +0000` (Apache's %t), which always names its zone."""

    def read(text: str) -> int:
        try:
            day, month, rest = text.split("/", 2)
            year, hour, minute, second = rest[:4], rest[5:7], rest[8:10], rest[11:13]
            sign = {"+": 1, "-": -1}[rest[14:15]]
            offset = timedelta(hours=int(rest[15:17]), minutes=int(rest[17:19])) * sign
            local = datetime(int(year), MONTHS[month], int(day), int(hour), int(minute), int(second), tzinfo=UTC)
            return microseconds(local - offset, UTC)
        except (ValueError, KeyError, OverflowError) as error:
            raise BadTime(f"{text[:64]!r} is no time") from error

    return Remembering(read)


def yearless_reader(zone: tzinfo, written: datetime) -> Callable[[str], int]:
    """Reads `Dec 31 23:59:59` (RFC 3164), which names no year: the newest that is not after the file was `written`.

    So December's lines in a file of January are last year's. A day more is allowed for clocks that differ. 29
    February is that of the last leap year.
    """
    latest = written.astimezone(zone).replace(tzinfo=None) + timedelta(days=1)

    def read(text: str) -> int:
        try:
            month, day = MONTHS[text[:3]], int(text[4:6])
            hour, minute, second = (int(part) for part in text[7:].split(":"))
            year = latest.year
            for candidate in range(year, year - 9, -1):
                if (month, day) == (2, 29) and (candidate % 4 or (candidate % 100 == 0 and candidate % 400)):
                    continue
                moment = datetime(candidate, month, day, hour, minute, second)  # noqa: DTZ001 (the zone follows)
                if moment <= latest:
                    return microseconds(moment, zone)
        except (ValueError, KeyError) as error:
            raise BadTime(f"{text[:64]!r} is no time") from error
        raise BadTime(f"{text[:64]!r} is no time")

    return Remembering(read)


def unix_time(value: float) -> int:
    """A UNIX time in seconds, milliseconds, microseconds or nanoseconds, told apart by magnitude (after 1973).

    Raises BadTime if it is none between 1970 and 2100.
    """
    size = abs(value)
    for bound, factor, divisor in ((1e11, _MICROSECONDS, 1), (1e14, 1_000, 1), (1e17, 1, 1), (1e20, 1, 1_000)):
        if size < bound:
            return in_range(int(value * factor // divisor))
    raise BadTime(f"{value!r} is no time")
