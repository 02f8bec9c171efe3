"""Measuring the store of uploads: is everything accounted for, what is still broken, what it came to.

What belongs here: counting over the ledger, the dead letters and the index. What does not: Dagster's checks, which show
it (`checks`).
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any

import duckdb
import sqlalchemy as sa

from logplatform.failures import TransientFailure
from logplatform.landing.dead_letters import StoredLetter
from logplatform.landing.observations import Observation
from logplatform.orchestration.figures import Arrow, Broken, Fault
from logplatform.stores.dataset import VisibleFile
from logplatform.stores.log_index import DATASET
from logplatform.stores.log_schema import DOCUMENTS
from logplatform.stores.schema import observation
from logplatform.stores.sql_upload_ledger import SqlUploadLedger
from logplatform.stores.upload_record import OPEN, UploadStatus, UploadSums
from logplatform.stores.upload_tables import upload
from logplatform.tenancy import Tenancy

SAMPLE = 20
_DAY_US = 86_400_000_000
HANGS_AFTER = timedelta(minutes=15)
_SNAPSHOTS = 5
_FILES_AT_ONCE = 500


def arrows(tenancy: Tenancy) -> list[Arrow]:
    """Every arrow of the flow, over the whole store.

    Records were counted when their file was received; documents are counted in the index's own files, and refused
    records in the dead letters. Raises TransientFailure if commits never pause long enough to count.
    """
    dataset = tenancy.dataset(DATASET, DOCUMENTS)
    for _ in range(_SNAPSHOTS):
        visible = dataset.visible()
        sums = ledger_of(tenancy).sums()
        letters = tenancy.letters.count()
        # The manifest and the ledger change in one transaction: an unchanged list means that all was read between two.
        if dataset.visible() == visible:
            return _arrows(sums, letters, _rows_in(visible))
    raise TransientFailure("uploads: files were committed all the time while they were counted")


def _arrows(sums: dict[UploadStatus, UploadSums], letters: int, rows: int) -> list[Arrow]:
    def of(status: UploadStatus) -> UploadSums:
        return sums.get(status, UploadSums())

    done = of("completed")
    return [
        Arrow(
            "received → ingested",
            "files",
            came=sum(it.uploads for it in sums.values()),
            out=done.uploads,
            duplicates=of("duplicate").uploads,
            dead_letters=of("failed").uploads,
            waiting=sum(of(status).uploads for status in OPEN),
        ),
        Arrow(
            "records → documents",
            "records",
            came=done.records,
            out=done.documents,
            duplicates=done.duplicates,
            dead_letters=letters,
        ),
        # What has left the index by its age is told by the ledger alone: it is no longer anywhere to be counted.
        Arrow("documents → index", "records", came=done.documents - done.expired, out=rows),
    ]


def broken(tenancy: Tenancy) -> Broken:
    """Uploads that failed, jobs that hang, inboxes' refused files and refused records, the first ones of each."""
    counts = ledger_of(tenancy).counts()
    letters = tenancy.letters.count()
    refused = tenancy.ledger.count(observation.c.status == "error").get("error", 0)
    hanging = count_of(tenancy, hangs(tenancy))
    sample = [
        *(_upload_fault(row) for row in uploads_where(tenancy, upload.c.status == "failed", SAMPLE)),
        *(_hanging_fault(row) for row in uploads_where(tenancy, hangs(tenancy), SAMPLE)),
        *(_file_fault(it) for it in islice(tenancy.ledger.find(observation.c.status == "error"), SAMPLE)),
        *(_letter_fault(it) for it in islice(tenancy.letters.find(), SAMPLE)),
    ]
    recovery = (
        "Failed uploads: put right what the reason names, then `logplatform uploads retry JOB`. Jobs that hang: start "
        "`logplatform uploads work` or `logplatform up`. Refused files of inboxes stand under error/uploads/: correct "
        "them and put them in again. Refused records: `logplatform dead-letters show` tells why; have the sender "
        "correct and send them again, or correct the settings, then `logplatform dead-letters replay --domain uploads`."
    )
    return Broken(counts.get("failed", 0) + hanging + refused + letters, sample[:SAMPLE], recovery)


def results(tenancy: Tenancy) -> list[dict[str, object]]:
    """One row a kind of event: its documents, of how many event days, and their first and last time (UTC)."""
    totals: dict[str, tuple[int, int, int, set[int]]] = {}
    query = (
        f"SELECT log_type, count(*), min(epoch_us(timestamp)), max(epoch_us(timestamp)), "  # noqa: S608 (a number)
        f"list(DISTINCT epoch_us(timestamp) // {_DAY_US}) FROM read_parquet($uris) GROUP BY ALL"
    )
    with duckdb.connect(config={"threads": 1}) as engine:
        for uris in _uris(tenancy.dataset(DATASET, DOCUMENTS).visible()):
            for kind, count, first, last, days in engine.execute(query, {"uris": uris}).fetchall():
                known = totals.get(kind, (0, first, last, set()))
                totals[kind] = (known[0] + count, min(known[1], first), max(known[2], last), known[3] | set(days))
    return [
        {"log_type": kind, "documents": count, "event days": len(days), "first": _moment(first), "last": _moment(last)}
        for kind, (count, first, last, days) in sorted(totals.items())
    ]


def _moment(microseconds: int) -> str:
    return f"{datetime.fromtimestamp(microseconds / 1_000_000, UTC):%Y-%m-%d %H:%M:%S}"


def ledger_of(tenancy: Tenancy) -> SqlUploadLedger:
    """The ledger of a tenancy's uploads."""
    return SqlUploadLedger(tenancy.database, tenancy.tenant, tenancy.now)


def _rows_in(files: Sequence[VisibleFile]) -> int:
    """How many documents lie in the files themselves, some files at a time; their footers tell."""
    total = 0
    with duckdb.connect(config={"threads": 1}) as engine:
        for uris in _uris(files):
            found = engine.execute("SELECT count(*) FROM read_parquet($uris)", {"uris": uris}).fetchone()
            total += int(found[0]) if found is not None else 0
    return total


def _uris(files: Sequence[VisibleFile]) -> Iterator[list[str]]:
    for start in range(0, len(files), _FILES_AT_ONCE):
        yield [file.uri for file in files[start : start + _FILES_AT_ONCE]]


def hangs(tenancy: Tenancy) -> sa.ColumnElement[bool]:
    """Uploads that nobody has touched for long although they are not finished."""
    return sa.and_(upload.c.status.in_(OPEN), upload.c.updated_at < tenancy.now() - HANGS_AFTER)


def count_of(tenancy: Tenancy, which: sa.ColumnElement[bool]) -> int:
    """How many uploads meet a condition on their table."""
    query = sa.select(sa.func.count()).where(upload.c.tenant == tenancy.tenant, which)
    with tenancy.database.read() as connection:
        return connection.execute(query).scalar_one()


def uploads_where(tenancy: Tenancy, which: sa.ColumnElement[bool], limit: int) -> Sequence[sa.Row[Any]]:
    """The oldest uploads that meet a condition: job_id, filename, error_message, retry_count, updated_at."""
    columns = (upload.c.job_id, upload.c.filename, upload.c.error_message, upload.c.retry_count, upload.c.updated_at)
    query = sa.select(*columns).where(upload.c.tenant == tenancy.tenant, which).order_by(upload.c.uploaded_at)
    with tenancy.database.read() as connection:
        return connection.execute(query.limit(limit)).all()


def _upload_fault(row: sa.Row[Any]) -> Fault:
    reason = f"{row.error_message} ({row.retry_count} retries)"
    return Fault(
        row.filename, reason, f"{row.updated_at:%Y-%m-%d %H:%M} UTC", f"logplatform uploads retry {row.job_id}"
    )


def _hanging_fault(row: sa.Row[Any]) -> Fault:
    since = f"{row.updated_at:%Y-%m-%d %H:%M} UTC"
    return Fault(row.filename, f"job {row.job_id} waits, and nobody does it", since, "logplatform uploads work")


def _file_fault(found: Observation) -> Fault:
    again = "" if found.next_attempt_at is None else f"tried again at {found.next_attempt_at:%Y-%m-%d %H:%M} UTC"
    where = f"{found.source}/{found.path}"
    return Fault(where, found.error or "", f"{found.first_seen:%Y-%m-%d %H:%M} UTC", again or "see error/uploads/")


def _letter_fault(letter: StoredLetter) -> Fault:
    return Fault(
        what=f"{letter.path}: record {letter.position:,}",
        reason="; ".join(letter.reasons),
        since=f"{letter.created_at:%Y-%m-%d %H:%M} UTC",
        recover=f"logplatform dead-letters show uploads:{letter.id}",
    )
