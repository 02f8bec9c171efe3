"""Ingesting: a job's file becomes documents and dead letters, all of them at once, exactly once.

What belongs here: one job, and the loop over jobs. What does not: receiving files (`intake`), and Dagster.

Everything that a job gives becomes visible in one transaction, under a lease on the file's content that the
transaction checks: a worker that is killed has done nothing, and one that was taken over cannot commit.
"""

import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import IO, Literal

import msgspec
from sqlalchemy.exc import OperationalError

from logplatform.failures import LeaseHeld, LeaseLost, PermanentFailure, TransientFailure
from logplatform.landing.dead_letters import Letter, Origin
from logplatform.landing.leases import Lease, holder_name
from logplatform.stores.event_ids import EventIds
from logplatform.stores.job_queue import QueuedJob
from logplatform.stores.upload_ledger import OPEN, UploadRecord
from logplatform.uploads.enrich import EnrichedBlock, Provenance, SourceType
from logplatform.uploads.events import rows_of, unseen
from logplatform.uploads.naming import FileType
from logplatform.uploads.reading import chunks_of, read_records
from logplatform.uploads.records import RefusedRecord, UnusableFile
from logplatform.uploads.room import UploadRoom

RETRIES = 3
RETRY_DELAY = timedelta(seconds=5)
IDLE_SECONDS = 0.2
SOURCE = "uploads"

Outcome = Literal["completed", "failed", "retry", "elsewhere", "known"]
"""elsewhere: somebody else is at it; known: there was nothing to do any more."""


@dataclass(frozen=True, slots=True)
class Ingested:
    """What a job gave. `duplicates`: named events that are in the index already."""

    documents: int
    dead_letters: int
    duplicates: int

    @property
    def records(self) -> int:
        """Records read."""
        return self.documents + self.dead_letters + self.duplicates


def requeue(room: UploadRoom) -> int:
    """Queue every upload that is not finished and has no job (its job was lost, or never made); how many there are."""
    count = 0
    for job_id in room.uploads.unfinished():
        room.queue.push(job_id)
        count += 1
    return count


def work(
    room: UploadRoom, run_id: str, stop: Callable[[], bool], *, once: bool = False
) -> Iterator[tuple[str, Outcome]]:
    """Do jobs until `stop` says so, or, with `once`, until none can be had; each as (job id, what became of it)."""
    requeue(room)
    while not stop():
        job = room.queue.claim()
        if job is not None:
            yield job.job_id, do(room, job, run_id)
        elif once:
            return
        else:
            time.sleep(IDLE_SECONDS)


def do(room: UploadRoom, job: QueuedJob, run_id: str) -> Outcome:
    """Do one claimed job, whatever its upload's state."""
    record = room.uploads.get(job.job_id)
    if record is None or record.status not in OPEN:
        room.queue.acknowledge(job)
        return "known"
    leases = room.tenancy.ledger.leases
    try:
        with leases.hold(f"upload/{room.tenancy.tenant}/{record.sha256}", holder_name(run_id)) as lease:
            room.uploads.begin(job.job_id)
            ingest(room, record, lease)
    except (LeaseHeld, LeaseLost):
        # Whoever has the lease does the job, and it is known as done when it comes back.
        room.queue.hand_back(job, RETRY_DELAY)
        return "elsewhere"
    except (PermanentFailure, UnusableFile) as error:
        return _failed(room, job, str(error), final=True)
    except (TransientFailure, OSError, OperationalError) as error:
        return _failed(room, job, str(error), final=record.retry_count >= RETRIES)
    room.queue.acknowledge(job)
    return "completed"


def ingest(room: UploadRoom, record: UploadRecord, lease: Lease) -> Ingested:
    """Read, enrich, index and commit an upload's file; doing it again replaces what was there by the same.

    Raises LeaseLost or Conflict, with nothing done, if somebody else has taken over.
    """
    tenancy = room.tenancy
    origin = Origin(record.sha256, SOURCE, record.filename, record.sha256, record.uploaded_at.date())
    events = EventIds(tenancy.database, tenancy.tenant)
    with (
        tempfile.TemporaryFile() as letters,
        events.claiming(record.sha256) as claim,
        room.index.replacing([record.sha256]) as replacement,
    ):
        duplicates = 0
        for enriched in _enriched(room, record):
            kept = list(unseen(enriched, claim))
            for day, batch in kept:
                replacement.write(day, record.sha256, batch)
            duplicates += rows_of(enriched.documents) - rows_of(kept)
            _spool(letters, enriched.refused, tenancy.redactor.raw)
        documents = replacement.ready()
        letters.seek(0)
        with tenancy.ledger.transaction(lease) as connection:
            replacement.commit(connection)
            claim.commit(connection)
            refused = tenancy.letters.replace(connection, origin, _spooled(letters), record.job_id)
            done = Ingested(documents, refused, duplicates)
            if done.records != record.total_lines:
                raise PermanentFailure(
                    f"{record.filename}: {record.total_lines} records were received, but {documents} documents, "
                    f"{duplicates} duplicates and {refused} dead letters came of them"
                )
            room.uploads.complete(connection, record.job_id, documents, refused, duplicates)
    return done


def _enriched(room: UploadRoom, record: UploadRecord) -> Iterator[EnrichedBlock]:
    """What becomes of an upload's records, block by block."""
    source: SourceType = record.file_type
    kind: FileType = "csv" if source == "csv" else "json"
    provenance = Provenance(room.tenancy.tenant, record.sha256, record.job_id, source, room.tenancy.now())
    with room.tenancy.files.open(record.object_key) as file:
        for block in read_records(chunks_of(file), kind, room.limits.max_record_bytes):
            yield room.enricher.enrich(block, provenance)


def _failed(room: UploadRoom, job: QueuedJob, error: str, *, final: bool) -> Outcome:
    room.uploads.fail(job.job_id, error, final=final)
    if final:
        room.queue.acknowledge(job)
        return "failed"
    room.queue.hand_back(job, RETRY_DELAY)
    return "retry"


def _spool(letters: IO[bytes], refused: Iterable[RefusedRecord], redacted: Callable[[bytes], bytes]) -> None:
    """Keep letters on disk until the commit: there may be as many as records."""
    for record in refused:
        reason = f"line {record.line}: {record.reason}"
        letter = Letter(record.ordinal, redacted(record.raw), (reason,), record.tags)
        letters.write(msgspec.json.encode(letter) + b"\n")


def _spooled(letters: IO[bytes]) -> Iterator[Letter]:
    decode = msgspec.json.Decoder(Letter).decode
    return (decode(line) for line in letters)
