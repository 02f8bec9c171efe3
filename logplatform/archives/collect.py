"""Collecting: the bytes of a batch's files, from their sources into the landing.

What belongs here: fetching in parallel, and committing what was fetched. What does not: which files are taken (the
watching sensor and the batches), and what is done with the bytes (`unpack`).
"""

import logging
import threading
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa

from logplatform.archives.job import GROUP_SECONDS, Job, log_file
from logplatform.archives.parallel import in_groups, in_parallel
from logplatform.archives.places import is_incoming, removes_at_source, sources_by_name
from logplatform.archives.reports import RAW, raw_report
from logplatform.failures import LogplatformError, PermanentFailure, TransientFailure
from logplatform.landing.observations import Observation
from logplatform.orchestration.figures import DayReport
from logplatform.sources.base import Fetched, Listing, Source
from logplatform.stores.schema import observation as table
from logplatform.stores.sql import chunks

_SLICE_FILES = 25
_SLICE_BYTES = 64 << 20
_AHEAD_FILES = 1_000
_GROUP_SLICES = 8


@dataclass(frozen=True, slots=True)
class _Slice:
    """Files of one source that one thread fetches one after the other."""

    source: str
    files: Sequence[Observation]


@dataclass(frozen=True, slots=True)
class _Got:
    found: Observation
    fetched: Fetched


def collect(job: Job) -> Iterator[DayReport]:
    """Fetch what of the job's batch is not here yet, several servers and files at once; a report a day.

    Each file is durable before its row says so; a file that fails gets its reason and its next attempt, and the
    others go on. Raises TransientFailure while the disk is too full.
    """
    job.tenancy.retention.require_room()
    fetcher = _Fetcher(job)
    settings = job.tenancy.settings.archives
    workers = settings.parallel_servers * settings.parallel_files
    results = in_parallel(_slices(_to_fetch(job)), fetcher.fetch, workers)
    for group in in_groups(results, _GROUP_SLICES, GROUP_SECONDS):
        _commit(job, [got for part in group for got in part])
    for day in job.touched_days():
        yield _commit_day(job, day)


def remove_at_sources(job: Job) -> int:
    """Remove what is safe here from the sources that want it removed, if it is unchanged there; return how many.

    Asked of the sources' listings, not of what this run did: a run may have died between its commit and its removal.
    """
    removed = 0
    for name, source in sources_by_name(job.tenancy).items():
        if not removes_at_source(job.tenancy, name):
            continue
        try:
            for chunk in chunks(Listing(source)):
                safe = _safe_paths(job, name, [entry.path for entry in chunk])
                for entry in chunk:
                    if (entry.path, entry.size, entry.mtime_ns) in safe:
                        removed += source.remove(entry)
        except LogplatformError:
            # It stays where it is and is asked for again after the next batch; the source's own trouble is told
            # where it is listed for new files.
            continue
    return removed


def _to_fetch(job: Job) -> Iterator[Observation]:
    for found in job.found("pending", "error"):
        if found.status == "pending" or found.error_kind == "copy":
            yield found


def _slices(files: Iterable[Observation]) -> Iterator[_Slice]:
    """Cut files into slices of one source each, the sources in turn, so that several are read at once."""
    for ahead in chunks(files, _AHEAD_FILES):
        by_source: dict[str, list[list[Observation]]] = defaultdict(lambda: [[]])
        for found in ahead:
            slices = by_source[found.source]
            size = sum(one.size for one in slices[-1])
            if slices[-1] and (len(slices[-1]) >= _SLICE_FILES or size + found.size > _SLICE_BYTES):
                slices.append([])
            slices[-1].append(found)
        for turn in range(max(map(len, by_source.values()))):
            yield from (_Slice(name, slices[turn]) for name, slices in by_source.items() if turn < len(slices))


class _Fetcher:
    """Fetches slices; at most `parallel_files` threads are at one source."""

    def __init__(self, job: Job) -> None:
        self._landing = job.tenancy.landing
        self._sources = sources_by_name(job.tenancy)
        most = job.tenancy.settings.archives.parallel_files
        self._free = {name: threading.BoundedSemaphore(most) for name in self._sources}

    def fetch(self, part: _Slice) -> list[_Got]:
        """Fetch the slice's files; every one gets an answer."""
        source = self._sources.get(part.source)
        if source is None:
            gone = PermanentFailure(f"there is no source {part.source} any more; put it back, then recover")
            return [_Got(found, Fetched(found.entry, failure=gone)) for found in part.files]
        with self._free[part.source]:
            return list(self._fetched(source, part.files))

    def _fetched(self, source: Source, files: Sequence[Observation]) -> Iterator[_Got]:
        left = {found.entry: found for found in files}
        try:
            for fetched in source.fetch(list(left), lambda _entry: self._landing.receive()):
                yield _Got(left.pop(fetched.entry), fetched)
        except LogplatformError as failure:
            for found in left.values():
                yield _Got(found, Fetched(found.entry, failure=failure))


def _commit(job: Job, group: Sequence[_Got]) -> None:
    ledger, files = job.tenancy.ledger, job.tenancy.files
    with job.transaction() as connection:
        for got in group:
            if got.fetched.landed is not None:
                ledger.land(connection, files, got.found, got.fetched.landed, job.run_id)
                log_file(logging.INFO, got.found, "copy", f"{got.fetched.landed.size} bytes landed")
            elif _was_replaced(job, connection, got.found):
                ledger.advance(connection, [got.found], "superseded", job.run_id)
            else:
                failure = got.fetched.failure or TransientFailure(f"{got.found.path}: its source gave no answer")
                ledger.fail(connection, got.found, "copy", failure, job.run_id, job.copy_policy())
                log_file(logging.WARNING, got.found, "copy", str(failure), type(failure).__name__)
        for day in sorted({got.found.day for got in group}):
            job.commit_day(connection, RAW, raw_report(connection, job.tenancy, day, job.seconds))


def _commit_day(job: Job, day: date) -> DayReport:
    with job.transaction() as connection:
        report = raw_report(connection, job.tenancy, day, job.seconds)
        job.commit_day(connection, RAW, report)
    return report


def _was_replaced(job: Job, connection: sa.Connection, found: Observation) -> bool:
    """Whether a newer version of the file is known: then this one can never be fetched, and need not be."""
    newer = sa.select(table.c.id).where(
        table.c.domain == job.tenancy.domain,
        table.c.tenant == job.tenancy.tenant,
        table.c.source == found.source,
        table.c.path == found.path,
        table.c.id > found.id,
    )
    return connection.execute(newer.limit(1)).first() is not None


def _safe_paths(job: Job, source: str, paths: Sequence[str]) -> set[tuple[str, int, int]]:
    """Which of the paths are safe here, with the size and mtime they had: verified, or (incoming) only landed."""
    safe = ["extracted", "processed", "seen"]
    verified = table.c.status.in_(safe)
    landed = sa.or_(
        verified, table.c.status == "copied", sa.and_(table.c.status == "error", table.c.sha256.is_not(None))
    )
    query = sa.select(table.c.path, table.c.size, table.c.mtime_ns).where(
        table.c.domain == job.tenancy.domain,
        table.c.tenant == job.tenancy.tenant,
        table.c.source == source,
        table.c.path.in_(paths),
        landed if is_incoming(source) else verified,
    )
    with job.tenancy.database.read() as connection:
        return {(path, size, mtime_ns) for path, size, mtime_ns in connection.execute(query)}
