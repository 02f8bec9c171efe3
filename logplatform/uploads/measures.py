"""Measuring the store of uploads: is everything accounted for, what is still broken, what it came to.

What belongs here: counting over the ledger, the dead letters and the index. What does not: Dagster's checks, which show
it (`checks`).
"""

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import islice

from logplatform.failures import TransientFailure
from logplatform.landing.dead_letters import StoredLetter
from logplatform.landing.observations import Observation
from logplatform.orchestration.figures import Arrow, Broken, Fault
from logplatform.stores.job_queue import UnreadableJob
from logplatform.stores.log_query import COUNT, Aggregation, Measure
from logplatform.stores.schema import observation
from logplatform.stores.upload_record import OPEN, UploadRecord, UploadStatus, UploadSums
from logplatform.tenancy import Tenancy
from logplatform.uploads.chosen import ledger_of, queue_of
from logplatform.uploads.room import open_index

SAMPLE = 20
_MANY = 1_000_000
HANGS_AFTER = timedelta(minutes=15)
_SNAPSHOTS = 5
_UNREADABLE = 1_000
_RAW_BYTES = 200


def arrows(tenancy: Tenancy) -> list[Arrow]:
    """Every arrow of the flow, over the whole store.

    Records were counted when their file was received; documents are counted in the index's own files, and refused
    records in the dead letters. Raises TransientFailure if commits never pause long enough to count.
    """
    uploads = ledger_of(tenancy)
    with open_index(tenancy) as index:
        for _ in range(_SNAPSHOTS):
            state, sums = index.state(), uploads.sums()
            letters = tenancy.letters.count()
            rows = index.rows()
            # They change in one transaction, and sums hold all that was committed before they were asked for:
            # unchanged ones mean that everything was read between two commits.
            if uploads.sums() == sums and index.state() == state:
                return _arrows(sums, letters, rows)
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
    """Uploads that failed, jobs that hang or cannot be read, refused files and records, the first ones of each."""
    uploads, since = ledger_of(tenancy), hanging_since(tenancy)
    failed, hanging = uploads.count(("failed",)), uploads.count(OPEN, since)
    letters = tenancy.letters.count()
    refused = tenancy.ledger.count(observation.c.status == "error").get("error", 0)
    unreadable = queue_of(tenancy).unreadable(_UNREADABLE)
    sample = [
        *(_upload_fault(record) for record in uploads.find(("failed",), SAMPLE)),
        *(_hanging_fault(record) for record in uploads.find(OPEN, SAMPLE, since)),
        *(_unreadable_fault(job) for job in unreadable[:SAMPLE]),
        *(_file_fault(it) for it in islice(tenancy.ledger.find(observation.c.status == "error"), SAMPLE)),
        *(_letter_fault(it) for it in islice(tenancy.letters.find(), SAMPLE)),
    ]
    recovery = (
        "Failed uploads: put right what the reason names, then `logplatform uploads retry JOB`. Jobs that hang: start "
        "`logplatform uploads work` or `logplatform up`. Refused files of inboxes stand under error/uploads/: correct "
        "them and put them in again, or remove them there with their notes. Refused records: `logplatform dead-letters "
        "show` tells why; have the sender correct and send them again, or correct the settings, then `logplatform "
        "dead-letters replay --domain uploads`."
    )
    return Broken(failed + hanging + refused + letters + len(unreadable), sample[:SAMPLE], recovery)


def results(tenancy: Tenancy) -> list[dict[str, object]]:
    """One row a kind of event: its documents, of how many event days, and their first and last time (UTC)."""
    measures = (COUNT, Measure("first", "min", "timestamp"), Measure("last", "max", "timestamp"))
    with open_index(tenancy) as index:
        kinds = index.aggregate(Aggregation(("log_type",), measures, limit=_MANY))
        days = Counter(row["log_type"] for row in index.aggregate(Aggregation(("log_type", "day"), (), limit=_MANY)))
    return [
        {
            "log_type": row["log_type"],
            "documents": row["count"],
            "event days": days[row["log_type"]],
            "first": _moment(row["first"]),
            "last": _moment(row["last"]),
        }
        for row in kinds
    ]


def _moment(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M:%S}"


def hanging_since(tenancy: Tenancy) -> datetime:
    """What is not finished, and nobody has touched since then, hangs."""
    return tenancy.now() - HANGS_AFTER


def _upload_fault(record: UploadRecord) -> Fault:
    reason = f"{record.error_message} ({record.retry_count} retries)"
    since = f"{record.updated_at:%Y-%m-%d %H:%M} UTC"
    return Fault(record.filename, reason, since, f"logplatform uploads retry {record.job_id}")


def _hanging_fault(record: UploadRecord) -> Fault:
    since = f"{record.updated_at:%Y-%m-%d %H:%M} UTC"
    return Fault(record.filename, f"job {record.job_id} waits, and nobody does it", since, "logplatform uploads work")


def _unreadable_fault(job: UnreadableJob) -> Fault:
    return Fault(
        what=f"job in the queue: {job.raw[:_RAW_BYTES].decode(errors='replace')}",
        reason=job.reason,
        since=f"{job.at:%Y-%m-%d %H:%M} UTC",
        recover="have its producer push it again as JSON with a job_id; `logplatform uploads queue clear` forgets it",
    )


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
