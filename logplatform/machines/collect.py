"""Collecting: the bytes of a batch's logs, from their sources into the landing.

What belongs here: fetching, counting lines as they come, and committing by day. What does not: which files are taken
(the watching sensor), and what is done with the bytes (`events`).

A log of today grows while it is read. A version that changed since it was listed is looked for again at once, a
bounded number of times; then the next look finds what it has become.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager

from logplatform.failures import LogplatformError, PermanentFailure, TransientFailure, Unreachable
from logplatform.landing.observations import Observation
from logplatform.machines.count import LineCounter
from logplatform.machines.job import RAW, DayWork, Job
from logplatform.machines.raw_report import raw_report
from logplatform.orchestration.figures import DayReport
from logplatform.sources.base import Entry, Fetched, Listing, Receiver, Source

_LOOKS_AGAIN = 2

Got = tuple[Observation, Fetched, int]
"""A file, what became of it, and its lines."""


def collect(job: Job) -> Iterator[DayReport]:
    """Fetch what of the batch is not here yet; a report a day.

    Each file is durable before its row says so; a file that fails gets its reason and its next attempt, and the
    others go on. Raises TransientFailure while the disk is too full.
    """
    job.tenancy.retention.require_room()
    sources = {source.name: source for source in job.tenancy.sources()}
    for day, _ in job.by_day():
        work = job.day(day)
        _collect_day(work, sources)
        report = raw_report(job.tenancy, day, work.seconds)
        with work.transaction() as connection:
            work.commit(connection, RAW, report)
        yield report


def landed(job: Job) -> Iterator[DayReport]:
    """Days again: what is landed of them is all there is to derive from; days without anything are left out."""
    for day, _ in job.by_day("copied", "extracted", "processed"):
        work = job.day(day)
        report = raw_report(job.tenancy, day, work.seconds)
        with work.transaction() as connection:
            work.commit(connection, RAW, report)
        yield report


def _collect_day(work: DayWork, sources: dict[str, Source]) -> None:
    for look in range(_LOOKS_AGAIN + 1):
        changed: dict[str, set[str]] = defaultdict(set)
        for name, files in _to_fetch(work).items():
            done: list[Got] = []
            for got in _fetched(work.job, sources.get(name), files):
                if look < _LOOKS_AGAIN and _has_changed(got[1]):
                    changed[name].add(got[0].path)
                else:
                    done.append(got)
            _commit(work, done)
        if not changed:
            return
        for name, paths in changed.items():
            _record_newest(work, sources[name], paths)


def _to_fetch(work: DayWork) -> dict[str, list[Observation]]:
    """What of the day waits to be copied, by source; older versions that a newer one has replaced need not be."""
    newest: dict[tuple[str, str], int] = {}
    mine: list[Observation] = []
    for found in work.job.tenancy.ledger.of_day(work.day):
        newest[found.source, found.path] = found.id
        unfetched = found.status == "pending" or (found.status == "error" and found.error_kind == "copy")
        if unfetched and found.batch_id == work.job.batch_id:
            mine.append(found)
    waiting: dict[str, list[Observation]] = defaultdict(list)
    replaced: list[Observation] = []
    for found in mine:
        if newest[found.source, found.path] == found.id:
            waiting[found.source].append(found)
        else:
            replaced.append(found)
    if replaced:
        with work.transaction() as connection:
            work.job.tenancy.ledger.advance(connection, replaced, "superseded", work.job.run_id)
    return waiting


def _fetched(job: Job, source: Source | None, files: Sequence[Observation]) -> Iterator[Got]:
    """Fetch files; every one gets an answer."""
    left = {found.entry: found for found in files}
    if source is None:
        for found in files:
            gone = PermanentFailure(f"there is no source {found.source} any more; put it back, then try again")
            yield found, Fetched(found.entry, failure=gone), 0
        return
    counters: dict[Entry, LineCounter] = {}

    def sink(entry: Entry) -> AbstractContextManager[Receiver]:
        counters[entry] = LineCounter()
        return job.tenancy.landing.receive(lambda data: counters[entry].update(bytes(data)))

    try:
        for fetched in source.fetch(list(left), sink):
            counter = counters.pop(fetched.entry, None)
            yield left.pop(fetched.entry), fetched, 0 if counter is None else counter.finish()
    except LogplatformError as failure:
        for found in left.values():
            yield found, Fetched(found.entry, failure=failure), 0


def _has_changed(fetched: Fetched) -> bool:
    return isinstance(fetched.failure, TransientFailure) and not isinstance(fetched.failure, Unreachable)


def _record_newest(work: DayWork, source: Source, paths: set[str]) -> None:
    """Record what the files have become as part of the same batch, so that it is fetched now."""
    ledger = work.job.tenancy.ledger
    entries = [(entry, work.day) for entry in Listing(source) if entry.path in paths]
    with work.transaction() as connection:
        ledger.record(connection, source.name, entries, work.job.batch_id)


def _commit(work: DayWork, done: Sequence[Got]) -> None:
    job = work.job
    ledger, policy = job.tenancy.ledger, job.tenancy.settings.machines.retry.copying()
    with work.transaction() as connection:
        for found, fetched, lines in done:
            if fetched.landed is not None:
                ledger.land(connection, job.tenancy.files, found, fetched.landed, job.run_id, lines)
            else:
                failure = fetched.failure or TransientFailure(f"{found.path}: its source gave no answer")
                ledger.fail(connection, found, "copy", failure, job.run_id, policy)
