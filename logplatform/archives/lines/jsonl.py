"""JSON lines: one JSON object a line.

What belongs here: the names that loggers use for the common columns. What does not: other formats.
"""

from collections.abc import Callable
from datetime import tzinfo

import msgspec

from logplatform.archives.lines.blocks import LineBlock, Refused
from logplatform.archives.lines.columns import Columns, Parsed
from logplatform.archives.lines.times import BadTime, iso_reader, unix_time

KEYS: dict[str, tuple[str, ...]] = {
    "time": ("timestamp", "@timestamp", "time", "ts", "datetime", "date", "asctime", "eventTime", "event_time"),
    "level": ("level", "severity", "levelname", "log_level", "loglevel", "lvl", "log.level"),
    "message": ("message", "msg", "text", "log", "event"),
    "logger": ("logger", "logger_name", "loggerName", "log.logger"),
    "thread": ("thread", "thread_name", "threadName"),
    "host": ("host", "hostname", "host.name"),
    "app": ("app", "service", "application", "service.name"),
    "user": ("user", "user_id", "username"),
}
"""Column by the keys it is read from; the first key that an object has counts."""

# pino's and bunyan's numbers.
_NUMBERED = {10: "TRACE", 20: "DEBUG", 30: "INFO", 40: "WARN", 50: "ERROR", 60: "FATAL"}
_NAMES = ("line", "lines", "time", "time_text", *(name for name in KEYS if name != "time"), "extra", "raw")
_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


def fits(line: str) -> bool:
    """Whether the line is a JSON object."""
    if not line.lstrip().startswith("{"):
        return False
    try:
        return isinstance(_decode(line), dict)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return False


class JsonParser:
    """One event a line. What has no column of its own is kept in `extra`; without a time key `time` is null."""

    def __init__(self, zone: tzinfo) -> None:
        self._time = _time_reader(zone)

    def feed(self, block: LineBlock) -> Parsed:
        """The block's events, and its lines that are none."""
        columns: Columns = {name: [] for name in _NAMES}
        refused: list[Refused] = []
        appends = [columns[name].append for name in _NAMES]
        for number, (line, data) in enumerate(zip(block.text, block.raw, strict=True), block.first):
            try:
                row = self._row(line)
            except BadTime as error:
                refused.append(Refused(number, data, f"time: {error}", "bad_time"))
            except (msgspec.MsgspecError, RecursionError, UnicodeError, ValueError) as error:
                refused.append(Refused(number, data, f"not a JSON object: {error}", "bad_json"))
            else:
                for append, value in zip(appends, (number, 1, *row, line), strict=True):
                    append(value)
        return Parsed(columns if columns["line"] else {}, refused)

    def gap(self) -> Parsed:
        """Nothing is open between two lines."""
        return Parsed()

    def _row(self, line: str) -> list[int | str | None]:
        record = _decode(line)
        if not isinstance(record, dict):
            raise ValueError(f"it is a {type(record).__name__}")  # noqa: TRY004 (a bad line, not a bad call)
        time = _taken(record, KEYS["time"])
        row: list[int | str | None] = [None if time is None else self._time(time), None if time is None else str(time)]
        for name, keys in KEYS.items():
            if name != "time":
                value = _taken(record, keys)
                row.append(_level(value) if name == "level" else _text(value))
        row.append(_encode(record).decode() if record else None)
        return row


def _taken(record: dict[str, object], keys: tuple[str, ...]) -> object:
    """The value of the first key that `record` has, taken out of it; objects and lists stay where they are."""
    for key in keys:
        if key in record and not isinstance(record[key], dict | list):
            return record.pop(key)
    return None


def _text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return _encode(value).decode()


def _level(value: object) -> str | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return _NUMBERED.get(value, str(value))
    text = _text(value)
    return None if text is None else text.upper()


def _time_reader(zone: tzinfo) -> Callable[[object], int]:
    read = iso_reader(zone)

    def time(value: object) -> int:
        if isinstance(value, bool):
            raise BadTime(f"{value!r} is no time")
        if isinstance(value, int | float):
            return unix_time(value)
        text = str(value)
        return unix_time(float(text)) if text.replace(".", "", 1).isdecimal() and len(text) <= 20 else read(text)

    return time
