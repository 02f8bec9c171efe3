"""Logs of log4j, logback and their like: a line that begins with a date begins an event, the others continue it.

What belongs here: the layouts and the joining of lines. What does not: other formats.

Layouts known: `[2016-12-19 16:31:47,437] INFO text (logger)` (Kafka), `… INFO [thread] logger - text`,
`… [thread] INFO logger - text`, `… INFO [thread] logger: text` (Hadoop), `… INFO 123 --- [thread] logger : text`
(Spring), `… - logger - INFO - text` (Python), `… INFO text`, `… [error] text`, and a date before any text. The
logger of Kafka's layout may stand at the end of a later line.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import tzinfo
from typing import Any, NamedTuple

from logplatform.archives.lines.blocks import KEPT_BYTES, LineBlock, Refused
from logplatform.archives.lines.columns import Parsed
from logplatform.archives.lines.times import BadTime, iso_reader

_LEVEL = (
    r"TRACE|DEBUG|INFO|NOTICE|WARN(?:ING)?|ERROR|SEVERE|CRIT(?:ICAL)?|FATAL|ALERT|EMERG(?:ENCY)?|FINE(?:R|ST)?|CONFIG"
)
_THREAD = r"\[(?P<thread>[^\]]{1,512})\]"
_LOGGER = r"(?P<logger>[^\s:\[\]()]{1,512})"
_BEGINS = re.compile(
    r"\[?(\d{4}([-/])\d\d\2\d\d[ T]\d\d:\d\d:\d\d(?:[.,]\d{1,9})?(?:Z| ?[+-]\d\d:?\d\d)?)(?:\]|(?=[\s|:-])|$)"
)
# Only in brackets may a level be in small letters: `error` is a word of many messages.
_LEVELLED = re.compile(
    rf"(?:\s+{_THREAD}|\s+-\s+{_LOGGER}\s+-)?[\s|:-]+(?:(?P<level>{_LEVEL})|\[(?P<boxed>(?i:{_LEVEL}))\])(?=[\s:|-]|$):?"
)
_NAMED = re.compile(rf"(?:\s+\d{{1,10}}\s+---)?(?:\s+{_THREAD})?\s+{_LOGGER}(?:\s+-|\s*:)(?=\s|$)")
_LOGGER_AT_END = re.compile(r"[A-Za-z_$][\w$.-]{0,511}")
_NAMES = ("line", "lines", "time", "time_text", "level", "message", "logger", "thread", "raw")


def begins(line: str) -> bool:
    """Whether the line begins an event."""
    return _BEGINS.match(line) is not None


def has_level(line: str) -> bool:
    """Whether the line begins an event that names its level: what tells this format from any text with a date."""
    found = _BEGINS.match(line)
    return found is not None and _LEVELLED.match(line, found.end()) is not None


@dataclass(slots=True)
class _Open:
    """The event whose continuation may still come."""

    number: int
    match: re.Match[str]
    text: list[str]
    raw: list[bytes]
    size: int


class Log4jParser:
    """Events with the lines that continue them; `message` and `raw` hold all of an event's lines.

    An event that grows past `max_bytes` is refused, each of its lines by itself; so is a line that continues nothing.
    """

    def __init__(self, zone: tzinfo, max_bytes: int) -> None:
        self._read: Callable[[str], int] = iso_reader(zone)
        self._max_bytes = max_bytes
        self._open: _Open | None = None
        self._why = "it continues an event, but none began before it"
        self._rows: list[tuple[Any, ...]] = []
        self._refused: list[Refused] = []

    def feed(self, block: LineBlock) -> Parsed:
        """The events that ended in the block, and its lines that belong to none."""
        match = _BEGINS.match
        for number, (line, data) in enumerate(zip(block.text, block.raw, strict=True), block.first):
            found = match(line)
            if found is not None:
                self._end()
                self._open = _Open(number, found, [line], [data], len(data))
            elif self._open is None:
                self._refused.append(Refused(number, data, self._why, "no_event"))
            else:
                self._continue(self._open, line, data)
        return self._taken()

    def gap(self) -> Parsed:
        """The open event has ended: the file did, or a line was refused before it came here."""
        self._end()
        self._why = "it continues a line that was refused"
        return self._taken()

    def _taken(self) -> Parsed:
        rows, refused = self._rows, self._refused
        self._rows, self._refused = [], []
        if not rows:
            return Parsed(refused=refused)
        columns = zip(*rows, strict=True)
        return Parsed({name: list(values) for name, values in zip(_NAMES, columns, strict=True)}, refused)

    def _continue(self, event: _Open, line: str, data: bytes) -> None:
        event.text.append(line)
        event.raw.append(data)
        event.size += len(data) + 1
        if event.size > self._max_bytes:
            self._refuse(event, f"the event has more than {self._max_bytes} bytes (max_line_bytes)", "too_long")
            self._why = "it continues an event that was refused"

    def _refuse(self, event: _Open, reason: str, tag: str) -> None:
        self._refused += [
            Refused(number, data[:KEPT_BYTES], reason, tag) for number, data in enumerate(event.raw, event.number)
        ]
        self._open = None

    def _end(self) -> None:
        event = self._open
        if event is None:
            return
        text = event.match[1]
        try:
            time = self._read(text)
        except BadTime as error:
            self._refuse(event, f"time: {error}", "bad_time")
            self._why = "it continues a line that was refused"
            return
        lines = event.text
        fields = _fields(lines[0], event.match.end())
        message, logger = _message(fields, lines)
        raw = lines[0] if len(lines) == 1 else "\n".join(lines)
        row = (event.number, len(lines), time, text, fields.level, message, logger, fields.thread, raw)
        self._rows.append(row)
        self._open = None


class _Fields(NamedTuple):
    """What an event's first line says after its date."""

    level: str | None
    thread: str | None
    logger: str | None
    message: str


def _fields(line: str, start: int) -> _Fields:
    found = _LEVELLED.match(line, start)
    if found is None:
        return _Fields(None, None, None, line[start:].lstrip(" \t|:-"))
    thread, logger, level, boxed = found.group("thread", "logger", "level", "boxed")
    level = level or boxed.upper()
    end = found.end()
    named = _NAMED.match(line, end) if logger is None else None
    # `INFO text: more` names no logger, unless there was a thread or the name is that of a class.
    if named is not None and (thread is not None or named["thread"] is not None or "." in named["logger"]):
        thread, logger, end = named["thread"] or thread, named["logger"], named.end()
    message = line[end:].lstrip(" \t|").removeprefix("- ")
    return _Fields(level, None if thread is None else thread.strip(), logger, message)


def _message(fields: _Fields, lines: list[str]) -> tuple[str, str | None]:
    """The event's message over all its lines, and its logger, which Kafka's layout puts at an end."""
    message, logger = fields.message, fields.logger
    if logger is None and (named := _at_end(message)) is not None:
        logger, message = named, message[: -len(named) - 3]
    elif logger is None and len(lines) > 1 and lines[-1].startswith((" (", "(")):
        logger = _at_end(f" {lines[-1]}")
        lines = lines[:-1] if logger is not None else lines
    if len(lines) > 1:
        message = "\n".join((message, *lines[1:]))
    return message, logger


def _at_end(text: str) -> str | None:
    """The name in ` (name)` at the text's end."""
    if not text.endswith(")"):
        return None
    name = text[text.rfind(" (") + 2 : -1]
    return name if len(name) + 3 <= len(text) and _LOGGER_AT_END.fullmatch(name) else None
