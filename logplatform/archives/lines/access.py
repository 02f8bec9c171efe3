"""Access logs of Apache and nginx: the common and the combined format.

What belongs here: the format (https://httpd.apache.org/docs/2.4/logs.html, nginx's `combined`) and its columns. What
does not: other formats.
"""

import re
from collections.abc import Sequence

import msgspec

from logplatform.archives.lines.blocks import LineBlock, Refused
from logplatform.archives.lines.columns import Columns, Parsed
from logplatform.archives.lines.times import BadTime, common_log_reader

_QUOTED = r'"([^"\\]*(?:\\.[^"\\]*)*)"'
_LINE = re.compile(
    r"(\S+) (\S+) (\S+|.{1,256}?) \[(\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4})\] "
    rf"{_QUOTED} (\d{{3}}) (\d{{1,18}}|-)(?: {_QUOTED} {_QUOTED})?(?: (.+))?",
    re.DOTALL,
)
_PROTOCOL = re.compile(r"HTTP/\d(?:\.\d)?")

_NAMES = ("client", "host", "user", "time_text", "message", "status", "bytes", "referrer", "user_agent", "extra")


def fits(line: str) -> bool:
    """Whether the line is of this format."""
    return _LINE.fullmatch(line) is not None


class AccessParser:
    """One event a line. `message` is the request line; `extra` has `ident`, and `rest` where a line goes on."""

    def __init__(self) -> None:
        self._time = common_log_reader()

    def feed(self, block: LineBlock) -> Parsed:
        """The block's events, and its lines that are none."""
        refused: list[Refused] = []
        rows: list[Sequence[str | None]] = []
        numbers: list[int] = []
        times: list[int] = []
        raw: list[str] = []
        match, read = _LINE.fullmatch, self._time
        for number, (line, data) in enumerate(zip(block.text, block.raw, strict=True), block.first):
            found = match(line)
            if found is None:
                refused.append(Refused(number, data, "not a line of the access log format", "not_access"))
                continue
            try:
                times.append(read(found[4]))
            except BadTime as error:
                refused.append(Refused(number, data, f"time: {error}", "bad_time"))
                continue
            rows.append(found.groups())
            numbers.append(number)
            raw.append(line)
        if not rows:
            return Parsed(refused=refused)
        return Parsed(_columns(rows, numbers, times, raw), refused)

    def gap(self) -> Parsed:
        """Nothing is open between two lines."""
        return Parsed()


def _columns(rows: list[Sequence[str | None]], numbers: list[int], times: list[int], raw: list[str]) -> Columns:
    columns: Columns = {name: list(values) for name, values in zip(_NAMES, zip(*rows, strict=True), strict=True)}
    ident = columns.pop("host")
    requests = [_request(request) for request in columns["message"]]
    for name, values in zip(("method", "target", "protocol"), zip(*requests, strict=True), strict=True):
        columns[name] = list(values)
    columns["status"] = [int(status) for status in columns["status"]]
    columns["bytes"] = [None if count == "-" else int(count) for count in columns["bytes"]]
    for name in ("user", "referrer", "user_agent"):
        columns[name] = [None if value == "-" else value for value in columns[name]]
    columns["extra"] = [
        None if who == "-" and rest is None else _extra(who, rest)
        for who, rest in zip(ident, columns["extra"], strict=True)
    ]
    columns |= {"line": numbers, "lines": [1] * len(numbers), "time": times, "raw": raw}
    return columns


def _request(line: str) -> tuple[str | None, str | None, str | None]:
    """Method, target and protocol; what clients send may be anything, then only the event's message has it."""
    method, space, rest = line.partition(" ")
    if not space or not method.isalpha():
        return None, None, None
    target, space, protocol = rest.rpartition(" ")
    if space and _PROTOCOL.fullmatch(protocol):
        return method, target, protocol
    return method, rest, None


def _extra(ident: str, rest: str | None) -> str:
    values = {"ident": None if ident == "-" else ident, "rest": rest}
    return msgspec.json.encode({name: value for name, value in values.items() if value is not None}).decode()
