"""A log's bytes into events and refused lines: the one way through this package.

What belongs here: choosing the parser and driving it block by block. What does not: where bytes come from and rows go.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Protocol

from logplatform.archives.lines.access import AccessParser
from logplatform.archives.lines.blocks import LineBlock, Refused, line_blocks
from logplatform.archives.lines.columns import Events, LineFormat, Parsed, events_by_day
from logplatform.archives.lines.encoding import readable
from logplatform.archives.lines.jsonl import JsonParser
from logplatform.archives.lines.log4j import Log4jParser
from logplatform.archives.lines.plain import PlainParser
from logplatform.archives.lines.syslog import SyslogParser

PARSER_VERSION = "2"
"""Stored with every result; a change that makes other events of the same bytes changes it."""


class LineParser(Protocol):
    """Makes events of one format."""

    def feed(self, block: LineBlock) -> Parsed:
        """Take the next lines; give the events that are complete."""
        ...

    def gap(self) -> Parsed:
        """Give what is still open: the next line does not follow the last one, or there is none."""
        ...


@dataclass(frozen=True, slots=True)
class LogFile:
    """What a log's lines do not say themselves.

    `zone` is that of times which name none, `written` the file's mtime (its year is that of syslog lines, its UTC day
    that of events without a time). The texts stand in every row; see `columns.SCHEMA`.
    """

    tenant: str
    server: str
    path: str
    log: str
    content_sha256: str
    zone: tzinfo
    written: datetime


def parser(line_format: LineFormat, file: LogFile, max_line_bytes: int) -> LineParser:
    """A fresh parser of the format for one file."""
    makers: dict[LineFormat, Callable[[], LineParser]] = {
        "access": AccessParser,
        "syslog": lambda: SyslogParser(file.zone, file.written),
        "jsonl": lambda: JsonParser(file.zone),
        "log4j": lambda: Log4jParser(file.zone, max_line_bytes),
        "plain": PlainParser,
    }
    return makers[line_format]()


def parse(
    chunks: Iterable[bytes], line_format: LineFormat, file: LogFile, max_line_bytes: int
) -> Iterator[Events | Sequence[Refused]]:
    """Every line of `chunks` as part of an event or as refused, in memory bounded by a chunk and a line.

    Any bytes are taken; none raise.
    """
    constants = {
        "tenant": file.tenant,
        "server": file.server,
        "path": file.path,
        "log": file.log,
        "content_sha256": file.content_sha256,
        "format": line_format,
    }
    undated = file.written.astimezone(UTC).date()
    for parsed in _parsed(chunks, parser(line_format, file, max_line_bytes), max_line_bytes):
        yield from events_by_day(parsed.columns, constants, undated)
        if parsed.refused:
            yield parsed.refused


def _parsed(chunks: Iterable[bytes], lines: LineParser, max_line_bytes: int) -> Iterator[Parsed]:
    for found in line_blocks(readable(chunks), max_line_bytes):
        if isinstance(found, LineBlock):
            yield lines.feed(found)
        else:
            yield lines.gap()
            yield Parsed(refused=(found,))
    yield lines.gap()
