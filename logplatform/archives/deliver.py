"""Delivering: the lines of extracted logs become rows of `archive_events`, or dead letters.

What belongs here: which files are parsed together, and their commit. What does not: reading a file (`parse_file`),
and the dataset's mechanism (`stores.dataset`).

A commit holds several files of one day: their rows, their dead letters, their status and the day's figures become
visible together. Deriving a file again replaces all of it; a live log that grew replaces what it was before.
"""

import logging
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import date

import sqlalchemy as sa

from logplatform.archives.figures import EventFigures, event_figures, event_report
from logplatform.archives.growth import Outgrown, is_live, live_before, outgrown
from logplatform.archives.job import Job, log_file
from logplatform.archives.lines.columns import SCHEMA
from logplatform.archives.lines.parse import PARSER_VERSION
from logplatform.archives.parse_file import ExtractedFile, parse_file
from logplatform.archives.places import label, scratch
from logplatform.archives.reports import EVENTS
from logplatform.failures import Conflict, PermanentFailure, TransientFailure
from logplatform.landing.letter_spool import LetterSpool
from logplatform.orchestration.figures import FIRST_FAILURES, DayReport
from logplatform.stores.dataset import Change, Dataset
from logplatform.stores.schema import content
from logplatform.stores.sql import chunks
from logplatform.tenancy import Tenancy

_GROUP_FILES = 200
_GROUP_BYTES = 512 << 20
_APPLY_ATTEMPTS = 5


def events_dataset(tenancy: Tenancy) -> Dataset:
    """The dataset `archive_events`; its partitions are the events' UTC days."""
    return tenancy.dataset(EVENTS, SCHEMA)


@dataclass(frozen=True, slots=True)
class _Parsed:
    """A parsed file that is not committed yet; its rows are in the group's files."""

    file: ExtractedFile
    letters: LetterSpool
    figures: EventFigures
    outgrown: Sequence[Outgrown]


@dataclass(slots=True)
class _Group:
    """Files of one day that are committed together."""

    day: date
    files: list[ExtractedFile] = field(default_factory=list)
    bytes: int = 0

    def takes(self, file: ExtractedFile) -> bool:
        """Whether the file may join."""
        size = file.content.content_size or 0
        fits = len(self.files) < _GROUP_FILES and self.bytes + size <= _GROUP_BYTES
        # What outgrew a live log must find it delivered, not on its way in the same commit.
        grown = any(is_live(one.found.path) and one.log == file.log for one in self.files)
        return self.day == file.found.day and fits and not grown

    def add(self, file: ExtractedFile) -> None:
        """Take the file in."""
        self.files.append(file)
        self.bytes += file.content.content_size or 0


class _Unreadable(Exception):
    """A file that cannot be read now: its group is parsed again without it."""

    def __init__(self, file: ExtractedFile, reason: str) -> None:
        super().__init__(reason)
        self.file = file
        self.reason = reason


def deliver(job: Job) -> Iterator[DayReport]:
    """Parse the job's extracted files and commit their rows and dead letters; a report a day that has any.

    Nothing happens where events are switched off: extraction was the delivery. Days derived again raise
    PermanentFailure, before anything is changed, if retention has removed what they were extracted to.
    """
    if not job.tenancy.settings.archives.events:
        return
    if job.again:
        _require_contents(job)
    begun = time.monotonic()
    report: DayReport | None = None
    for group in _groups(_to_parse(job)):
        if report is not None and report.day != group.day:
            yield report
            report = None
        # Days derived again are counted anew, from their first group on; a batch adds to what its day holds already.
        report = _deliver_group(job, group, begun, anew=job.again and report is None)
    if report is not None:
        yield report


def _to_parse(job: Job) -> Iterator[ExtractedFile]:
    for found in job.found("extracted", "processed") if job.again else job.found("extracted"):
        known = job.tenancy.ledger.content(found.sha256 or "")
        if known is not None and known.content_sha256 is not None:
            yield ExtractedFile(found, known)


def _require_contents(job: Job) -> None:
    for file in _to_parse(job):
        if file.content.content_removed_at is not None or not job.tenancy.files.exists(file.content_key):
            raise PermanentFailure(
                f"{file.found.day} cannot be derived again: what {label(file.found)} was extracted to is gone "
                "(retention); derive extracted_logs of that day first; nothing was changed"
            )


def _groups(files: Iterator[ExtractedFile]) -> Iterator[_Group]:
    group: _Group | None = None
    for file in files:
        if group is not None and not group.takes(file):
            yield group
            group = None
        group = group or _Group(file.found.day)
        group.add(file)
    if group is not None:
        yield group


def _before(job: Job, day: date) -> EventFigures:
    commit = job.tenancy.days.newest(f"{job.tenancy.domain}/{EVENTS}", day)
    return EventFigures() if commit is None else event_figures(DayReport.restore(day, commit.counts))


def _deliver_group(job: Job, group: _Group, begun: float, *, anew: bool) -> DayReport:
    while True:
        try:
            return _deliver_files(job, group, begun, anew=anew)
        except _Unreadable as signal:
            failure = TransientFailure(f"its content cannot be read: {signal.reason}")
            with job.transaction() as connection:
                found = signal.file.found
                job.tenancy.ledger.fail(connection, found, "extract", failure, job.run_id, job.extract_policy())
            log_file(logging.WARNING, found, "parse", str(failure), type(failure).__name__)
            group.files.remove(signal.file)


def _deliver_files(job: Job, group: _Group, begun: float, *, anew: bool) -> DayReport:
    dataset = events_dataset(job.tenancy)
    with ExitStack() as spools, dataset.writer() as writer:
        parsed: list[_Parsed] = []
        before = live_before(job.tenancy, group.files)
        for file in group.files:
            spool = LetterSpool(scratch(job.tenancy), job.tenancy.redactor, FIRST_FAILURES)
            spools.enter_context(spool)
            try:
                replaced = outgrown(job.tenancy, file, before)
                parsed.append(_Parsed(file, spool, parse_file(job.tenancy, file, writer, spool), replaced))
            except OSError as error:
                raise _Unreadable(file, error.strerror or str(error)) from error
        added = writer.finish()
        attempt = 1
        while True:
            gone = [old.origin for one in parsed for old in one.outgrown]
            change = dataset.change([*(one.file.origin for one in parsed), *gone], added)
            try:
                return _commit(job, group.day, dataset, parsed, change, begun, anew=anew)
            except Conflict:
                # Compaction has swapped files that hold these origins: the same rows are taken out of the new ones.
                if attempt == _APPLY_ATTEMPTS:
                    raise
                attempt += 1


def _commit(
    job: Job,
    day: date,
    dataset: Dataset,
    parsed: Sequence[_Parsed],
    change: Change,
    begun: float,
    *,
    anew: bool,
) -> DayReport:
    gone = [old for one in parsed for old in one.outgrown if old.found.day == day and not anew]
    rows = dataset.rows([old.origin for old in gone])
    with job.transaction() as connection:
        dataset.apply(connection, change)
        # Read in here: another batch of the same day may have committed since these files were parsed.
        figures = EventFigures() if anew else _before(job, day)
        for old in gone:
            figures = figures.plus(old.taken_back(job.tenancy, rows.get(old.origin, 0)))
        _commit_files(job, connection, parsed)
        for one in parsed:
            figures = figures.plus(one.figures)
        report = event_report(day, figures, time.monotonic() - begun)
        job.commit_day(connection, EVENTS, report)
    return report


def _commit_files(job: Job, connection: sa.Connection, parsed: Sequence[_Parsed]) -> None:
    tenancy = job.tenancy
    for one in parsed:
        # Most files have no letters, now or before; only a file that was delivered before can have old ones.
        if one.letters.count or one.file.found.status == "processed":
            tenancy.letters.replace(connection, one.file.letters_origin, one.letters.letters(), job.batch_id)
        for old in one.outgrown:
            origin = replace(one.file.letters_origin, key=old.origin)
            tenancy.letters.replace(connection, origin, (), job.batch_id)
            tenancy.ledger.advance(connection, [old.found], "seen", job.run_id)
            log_file(logging.INFO, old.found, "parse", f"replaced by {label(one.file.found)}, which begins with it")
        counts = f"{one.figures.events} events, {one.letters.count} dead letters"
        log_file(logging.INFO, one.file.found, "parse", counts)
    for chunk in chunks({one.file.content.sha256 for one in parsed}):
        mine = (content.c.domain == tenancy.domain, content.c.tenant == tenancy.tenant, content.c.sha256.in_(chunk))
        connection.execute(content.update().where(*mine).values(parser_version=PARSER_VERSION))
    tenancy.ledger.advance(connection, [one.file.found for one in parsed], "processed", job.run_id)
