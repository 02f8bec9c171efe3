"""Unpacking: landed archives are verified and extracted, and known content under a rotated name is told apart.

What belongs here: one pass over each archive's bytes, and its commit. What does not: the pass itself (`extract`), and
what the lines say (`deliver`).
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa

from logplatform.archives.extract import Extraction, Limits, extract, nowhere
from logplatform.archives.formats import HEAD_BYTES, detect
from logplatform.archives.job import GROUP_FILES, GROUP_SECONDS, Job, log_file
from logplatform.archives.parallel import in_groups, in_parallel
from logplatform.archives.places import extracted_key, label
from logplatform.archives.reports import EXTRACTED, extracted_report
from logplatform.archives.turns import Delivered
from logplatform.failures import PermanentFailure, TransientFailure
from logplatform.landing.observations import ErrorKind, Observation
from logplatform.orchestration.figures import DayReport


@dataclass(frozen=True, slots=True)
class _Unpacked:
    """What became of one file: what was found and where its content lies, or why it could not be read now."""

    found: Observation
    extraction: Extraction | None = None
    key: str | None = None
    failure: TransientFailure | None = None


def unpack(job: Job) -> Iterator[DayReport]:
    """Verify and extract the job's landed files, several at once; a report a day.

    The content is durable before its row says so. A corrupt archive goes to quarantine (its row says so, its bytes
    stay where they are) and the others go on. Days derived again raise PermanentFailure, before anything is changed,
    if retention has removed bytes of theirs.
    """
    if job.again:
        _require_bytes(job)
    results = in_parallel(_to_unpack(job), lambda found: _unpack_one(job, found), job.workers)
    for group in in_groups(results, GROUP_FILES, GROUP_SECONDS):
        _commit(job, group)
    for day in job.touched_days():
        with job.transaction() as connection:
            report = extracted_report(connection, job.tenancy, day, job.seconds)
            if report.came:
                job.commit_day(connection, EXTRACTED, report)
        if report.came:
            yield report


def _to_unpack(job: Job) -> Iterator[Observation]:
    statuses = ("copied", "error", "extracted", "processed") if job.again else ("copied", "error")
    for found in job.found(*statuses):
        if found.sha256 is not None and found.error_kind != "copy":
            yield found


def _require_bytes(job: Job) -> None:
    for found in _to_unpack(job):
        known = job.tenancy.ledger.content(found.sha256 or "")
        if known is None or known.removed_at is not None or not job.tenancy.files.exists(known.object_key):
            raise PermanentFailure(
                f"{found.day} cannot be derived again: the landed bytes of {label(found)} are gone (retention); "
                "nothing was changed"
            )


def _unpack_one(job: Job, found: Observation) -> _Unpacked:
    tenancy = job.tenancy
    known = tenancy.ledger.content(found.sha256 or "")
    if known is None:
        return _Unpacked(found, failure=TransientFailure("its bytes are not known to the ledger"))
    settings = tenancy.settings.archives.limits
    limits = Limits(settings.max_extracted_bytes, settings.max_ratio, settings.ratio_from_bytes)
    try:
        with tenancy.files.open(known.object_key) as reader, tenancy.files.part() as part:
            # The content of a plain log are the landed bytes themselves: they are read, not written again.
            plain = detect(reader.read(HEAD_BYTES), found.name) == "plain"
            reader.seek(0)
            extraction = extract(reader, found.name, nowhere if plain else part.write, limits)
            if not extraction.ok or plain:
                return _Unpacked(found, extraction, known.object_key)
            key = extracted_key(tenancy, known.sha256)
            part.publish(key)
            return _Unpacked(found, extraction, key)
    except OSError as error:
        return _Unpacked(found, failure=TransientFailure(f"{error.strerror}: {error.filename or known.object_key}"))


def _commit(job: Job, group: Sequence[_Unpacked]) -> None:
    contents = [one.extraction for one in group if one.extraction is not None and one.extraction.extracted_bytes]
    digests = {found.content_sha256 for found in contents if found.content_sha256 is not None}
    with job.transaction() as connection:
        # Read in the transaction that decides: two turns of a log that are unpacked at once are not both delivered.
        delivered = Delivered.read(connection, job.tenancy, digests)
        for one in group:
            _commit_one(job, connection, one, delivered)
        days: set[date] = {one.found.day for one in group}
        for day in sorted(days):
            job.commit_day(connection, EXTRACTED, extracted_report(connection, job.tenancy, day, job.seconds))


def _commit_one(job: Job, connection: sa.Connection, one: _Unpacked, delivered: Delivered) -> None:
    ledger, found, extraction = job.tenancy.ledger, one.found, one.extraction
    failure = _failure_of(job, one)
    if extraction is None or failure is not None:
        _fail(job, connection, found, failure or TransientFailure("it was not read"))
        return
    ledger.describe(
        connection,
        extraction.sha256,
        format=extraction.format,
        lines=extraction.lines,
        content_sha256=extraction.content_sha256,
        content_size=extraction.extracted_bytes,
        content_key=one.key,
        content_removed_at=None,
    )
    if found.status == "processed":
        return
    if extraction.extracted_bytes and delivered.holds(found, extraction.content_sha256 or ""):
        ledger.advance(connection, [found], "seen", job.run_id)
        log_file(logging.INFO, found, "extract", "known content under a rotated name")
        return
    # Where events are switched off, extraction is the delivery.
    ledger.advance(
        connection, [found], "extracted" if job.tenancy.settings.archives.events else "processed", job.run_id
    )
    delivered.add(found, extraction.content_sha256 or "")
    log_file(logging.INFO, found, "extract", f"{extraction.extracted_bytes} bytes, {extraction.lines} lines")


def _failure_of(job: Job, one: _Unpacked) -> TransientFailure | str | None:
    """Why the file cannot be committed: it could not be read now, or (a text) its archive is corrupt."""
    found, extraction = one.found, one.extraction
    if extraction is None:
        return one.failure
    if extraction.sha256 != found.sha256:
        return f"its landed bytes have changed on this disk: they hash to {extraction.sha256}, not {found.sha256}"
    if extraction.error is not None:
        return extraction.error
    # Retention removes inside a transaction of its own, so the answer holds until this one ends.
    if one.key is None or not job.tenancy.files.exists(one.key):
        return TransientFailure("what it was extracted to was removed before it was committed")
    return None


def _fail(job: Job, connection: sa.Connection, found: Observation, failure: TransientFailure | str) -> None:
    """Record why a file was not extracted; raises PermanentFailure for a corrupt one that was delivered before."""
    corrupt = isinstance(failure, str)
    if corrupt and found.status == "processed":
        raise PermanentFailure(f"{label(found)} cannot be derived again: {failure}")
    kind: ErrorKind = "corruption" if corrupt else "extract"
    job.tenancy.ledger.fail(connection, found, kind, failure, job.run_id, job.extract_policy())
    log_file(logging.WARNING, found, "extract", str(failure), "corruption" if corrupt else type(failure).__name__)
