"""One extracted file through the parser: its rows to a dataset writer, its refused lines to a spool, its figures.

What belongs here: reading one file. What does not: which files, and their commit (`deliver`).
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import BinaryIO

from logplatform.archives.contents import open_content
from logplatform.archives.figures import EventFigures, preview
from logplatform.archives.lines.blocks import KEPT_BYTES, Refused
from logplatform.archives.lines.columns import Events
from logplatform.archives.lines.parse import LogFile, parse
from logplatform.archives.lines.recognise import recognise, sample
from logplatform.archives.places import label, origin_of, server_of, zone_of
from logplatform.archives.rotation import log_name
from logplatform.landing.dead_letters import Origin
from logplatform.landing.letter_spool import LetterSpool
from logplatform.landing.observations import Content, Observation
from logplatform.orchestration.figures import PREVIEW_ROWS, FailureNote
from logplatform.stores.dataset_writer import DatasetWriter
from logplatform.tenancy import Tenancy

MAX_DAYS = 4_000
"""Events of one file may fall on so many days: each makes a file, and a hostile one could name any number of them."""

_READ_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class ExtractedFile:
    """An extracted file: the observation it came by, and what is known of its bytes."""

    found: Observation
    content: Content

    @property
    def content_sha256(self) -> str:
        """The hash of its content, which every extracted file has."""
        return self.content.content_sha256 or ""

    @property
    def content_key(self) -> str:
        """Where its content lies."""
        return self.content.content_key or ""

    @property
    def origin(self) -> str:
        """Its identity in the dataset and in the dead letters."""
        return origin_of(self.found, self.content_sha256)

    @property
    def letters_origin(self) -> Origin:
        """The same for its dead letters, with what they tell of it."""
        return Origin(self.origin, self.found.source, self.found.path, self.content_sha256, self.found.day)

    @property
    def log(self) -> tuple[str, str]:
        """The log that it is a turn of: source, and path without rotation."""
        return self.found.source, log_name(self.found.path).log


def parse_file(tenancy: Tenancy, file: ExtractedFile, writer: DatasetWriter, spool: LetterSpool) -> EventFigures:
    """Parse the whole file in constant memory; raises OSError if it cannot be read."""
    settings, name = tenancy.settings, tenancy.redactor.text(label(file.found))
    with open_content(tenancy.files, file.content_key) as reader:
        lines = sample(reader, file.content.content_size or 0, settings.archives.sample_lines)
        line_format = recognise(lines, settings.archives.sample_share)
        reader.seek(0)
        found = parse(_chunks(reader), line_format, _log_file(tenancy, file), settings.landing.max_line_bytes)
        rows = _Rows(writer, file.origin, spool)
        for item in found:
            if isinstance(item, Events):
                if len(rows.preview) < PREVIEW_ROWS:
                    rows.preview += preview(item, tenancy.redactor)
                rows.take(item)
            else:
                _refuse(spool, item)
    return EventFigures(
        files=1,
        lines=file.content.lines or 0,
        used=rows.used,
        events=rows.events,
        dead_letters=spool.count,
        bytes=file.content.content_size or 0,
        failures=tuple(FailureNote(f"{name}: line {line}", reason) for line, reason in spool.first),
        preview=tuple(rows.preview[:PREVIEW_ROWS]),
    )


class _Rows:
    """Rows on their way to the writer, counted; past MAX_DAYS days they are refused."""

    def __init__(self, writer: DatasetWriter, origin: str, spool: LetterSpool) -> None:
        self.used = 0
        self.events = 0
        self.preview: list[dict[str, str | int | float | bool | None]] = []
        self._writer = writer
        self._origin = origin
        self._spool = spool
        self._days: set[str] = set()

    def take(self, events: Events) -> None:
        """Write one day's rows, or refuse their lines."""
        day = events.day.isoformat()
        if day not in self._days and len(self._days) >= MAX_DAYS:
            _refuse(self._spool, _lines_of(events))
            return
        self._days.add(day)
        self._writer.write(day, self._origin, events.rows)
        self.used += events.lines
        self.events += events.rows.num_rows


def _refuse(spool: LetterSpool, lines: Iterable[Refused]) -> None:
    for one in lines:
        spool.add(one.line, one.raw, one.reason, (one.tag,))


def _lines_of(events: Events) -> Iterator[Refused]:
    reason = f"the file's events fall on more than {MAX_DAYS} days"
    for row in events.rows.select(["line", "raw"]).to_pylist():
        for number, text in enumerate(row["raw"].split("\n"), row["line"]):
            yield Refused(number, text.encode()[:KEPT_BYTES], reason, "too_many_days")


def _log_file(tenancy: Tenancy, file: ExtractedFile) -> LogFile:
    found = file.found
    return LogFile(
        tenant=tenancy.tenant,
        server=server_of(found.source),
        path=found.path,
        log=log_name(found.path).log,
        content_sha256=file.content_sha256,
        zone=zone_of(tenancy, found.source),
        written=written(found),
    )


def written(found: Observation) -> datetime:
    """When the file was last changed at its source; when it was first seen where the source does not tell."""
    seconds = found.mtime_ns // 1_000_000_000
    if 0 < seconds < _LATEST:
        return datetime.fromtimestamp(seconds, UTC)
    return found.first_seen


_LATEST = int(datetime(2100, 1, 1, tzinfo=UTC).timestamp())


def _chunks(reader: BinaryIO) -> Iterator[bytes]:
    while chunk := reader.read(_READ_BYTES):
        yield chunk
