"""Syslog lines: RFC 5424, RFC 3164 as files hold it (with or without priority), and rsyslog's with an ISO time.

What belongs here: these three forms and their columns. What does not: other formats.
"""

import re
from collections.abc import Callable
from datetime import datetime, tzinfo

import msgspec

from logplatform.archives.lines.blocks import LineBlock, Refused
from logplatform.archives.lines.columns import Columns, Parsed
from logplatform.archives.lines.times import BadTime, iso_reader, yearless_reader

LEVELS = ("EMERGENCY", "ALERT", "CRITICAL", "ERROR", "WARNING", "NOTICE", "INFO", "DEBUG")
"""By severity number (RFC 5424, table 2)."""

_PRIORITY_MAX = 191
_ISO = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)"
_DATA = r'-|(?:\[[^\]"]*(?:"[^"\\]*(?:\\.[^"\\]*)*"[^\]"]*)*\])+'
_NEW = re.compile(
    rf"<(?P<priority>\d{{1,3}})>1 (?P<time>{_ISO}|-) (?P<host>\S{{1,255}}) (?P<app>\S{{1,48}}) (?P<pid>\S{{1,128}}) "
    rf"(?P<msgid>\S{{1,32}}) (?P<data>{_DATA})(?: \ufeff?(?P<message>.*))?",
    re.DOTALL,
)
_TAG = r"(?:(?P<app>[^\s:\[]{1,128})(?:\[(?P<pid>[^\]\s]{1,32})\])?: ?)?(?P<message>.*)"
_OLD = re.compile(
    r"(?:<(?P<priority>\d{1,3})>)?(?P<time>(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec) "
    rf"[ \d]\d \d\d:\d\d:\d\d) (?P<host>\S{{1,255}}) {_TAG}",
    re.DOTALL,
)
# Without a tag this form would take any text that begins with an ISO time: here the tag is a must.
_DATED = re.compile(
    rf"(?:<(?P<priority>\d{{1,3}})>)?(?P<time>{_ISO}) (?P<host>[^\s\[\]]{{1,255}}) "
    r"(?P<app>[^\s:\[]{1,128})(?:\[(?P<pid>[^\]\s]{1,32})\])?: ?(?P<message>.*)",
    re.DOTALL,
)
_NAMES = ("line", "lines", "time", "time_text", "level", "message", "host", "app", "pid", "facility", "extra", "raw")


def fits(line: str) -> bool:
    """Whether the line is of one of the three forms."""
    return _match(line) is not None


def _match(line: str) -> re.Match[str] | None:
    return _NEW.fullmatch(line) or _OLD.fullmatch(line) or _DATED.fullmatch(line)


class SyslogParser:
    """One event a line. `extra` has `msgid` and `data` (structured data as it stands) of RFC 5424."""

    def __init__(self, zone: tzinfo, written: datetime) -> None:
        self._iso = iso_reader(zone)
        self._yearless = yearless_reader(zone, written)

    def feed(self, block: LineBlock) -> Parsed:
        """The block's events, and its lines that are none."""
        columns: Columns = {name: [] for name in _NAMES}
        refused: list[Refused] = []
        for number, (line, data) in enumerate(zip(block.text, block.raw, strict=True), block.first):
            found = _match(line)
            if found is None:
                refused.append(Refused(number, data, "not a syslog line", "not_syslog"))
                continue
            try:
                row = self._row(found)
            except BadTime as error:
                refused.append(Refused(number, data, f"time: {error}", "bad_time"))
            except ValueError as error:
                refused.append(Refused(number, data, str(error), "bad_priority"))
            else:
                for name, value in zip(_NAMES, (number, 1, *row, line), strict=True):
                    columns[name].append(value)
        return Parsed(columns if columns["line"] else {}, refused)

    def gap(self) -> Parsed:
        """Nothing is open between two lines."""
        return Parsed()

    def _row(self, found: re.Match[str]) -> tuple[int | str | None, ...]:
        values = found.groupdict()
        priority = values["priority"]
        if priority is not None and int(priority) > _PRIORITY_MAX:
            raise ValueError(f"priority {priority} is over {_PRIORITY_MAX}")
        text = values["time"]
        return (
            None if text == "-" else self._reader(text)(text),
            text,
            None if priority is None else LEVELS[int(priority) % 8],
            values["message"],
            _given(values["host"]),
            _given(values["app"]),
            _given(values["pid"]),
            None if priority is None else int(priority) // 8,
            _extra(values),
        )

    def _reader(self, text: str) -> Callable[[str], int]:
        return self._iso if text[0].isdigit() else self._yearless


def _given(value: str | None) -> str | None:
    return None if value == "-" else value


def _extra(values: dict[str, str | None]) -> str | None:
    given = {name: value for name in ("msgid", "data") if (value := _given(values.get(name))) is not None}
    return msgspec.json.encode(given).decode() if given else None
