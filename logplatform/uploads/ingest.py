"""Ingesting: an upload's file becomes documents and dead letters, all of them at once, exactly once.

What belongs here: one upload's way from landed bytes to the commit. What does not: whose turn it is (`jobs`), and
receiving files (`intake`).

Everything that an upload gives becomes visible in one transaction, under a lease on the file's content that the
transaction checks: whoever is killed has done nothing, and who was taken over cannot commit.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from logplatform.failures import PermanentFailure, TransientFailure
from logplatform.landing.dead_letters import Origin
from logplatform.landing.leases import Lease
from logplatform.landing.letter_spool import LetterSpool
from logplatform.landing.redaction import Redactor
from logplatform.orchestration.figures import FIRST_FAILURES, FailureNote
from logplatform.stores.event_ids import EventClaim, EventIds
from logplatform.stores.files import TEMPORARY
from logplatform.stores.log_upkeep import Refuse, RefusedDocument
from logplatform.stores.upload_record import UploadRecord
from logplatform.uploads.day_reports import ALERTS, METRICS, Made, add_ingested, day_of
from logplatform.uploads.enrich import EnrichedBlock, Provenance, SourceType
from logplatform.uploads.events import rows_of, unseen
from logplatform.uploads.naming import FileType
from logplatform.uploads.reading import chunks_of, read_records
from logplatform.uploads.records import RAW_BYTES
from logplatform.uploads.room import UploadRoom

SOURCE = "uploads"
_REFUSED_TAGS = ("_validation_failed",)


def _nothing() -> None:
    """Nobody waits for a sign of life."""


@dataclass(frozen=True, slots=True)
class Doing:
    """On whose behalf work is done: a run (Dagster's, or a worker's own name), and its batch if it has one.

    `alive` is called every now and then; it may raise to give the work up, with nothing done.
    """

    run_id: str
    batch_id: str | None = None
    alive: Callable[[], object] = _nothing


@dataclass(frozen=True, slots=True)
class Ingested:
    """What an upload gave. `duplicates`: named events that are in the index already."""

    documents: int
    dead_letters: int
    duplicates: int

    @property
    def records(self) -> int:
        """Records read."""
        return self.documents + self.dead_letters + self.duplicates


def upload_lease(room: UploadRoom, sha256: str) -> str:
    """The name of the lease on an upload's content."""
    return f"upload/{room.tenancy.tenant}/{sha256}"


def ingest(room: UploadRoom, record: UploadRecord, lease: Lease, doing: Doing) -> Ingested:
    """Read, enrich, index and commit an upload's file; doing it again replaces what was there by the same.

    `record` is its record as it stands under the lease. Raises LeaseLost or Conflict, with nothing done, if somebody
    else has taken over; PermanentFailure if not every record is accounted for.
    """
    tenancy, began = room.tenancy, time.monotonic()
    origin = Origin(record.sha256, SOURCE, record.filename, record.sha256, day_of(record))
    scratch = tenancy.settings.data_root / TEMPORARY
    with (
        LetterSpool(scratch, tenancy.redactor, FIRST_FAILURES) as letters,
        EventIds(tenancy.database, tenancy.tenant).claiming(record.sha256) as claim,
        room.index.replacing([record.sha256], _refusing(letters, claim)) as replacement,
    ):
        duplicates = 0
        for enriched in _enriched(room, record):
            doing.alive()
            kept = list(unseen(enriched, claim))
            for day, batch in kept:
                replacement.write(day, record.sha256, batch)
            duplicates += rows_of(enriched.documents) - rows_of(kept)
            for one in enriched.refused:
                letters.add(one.line, one.raw, one.reason, one.tags, one.ordinal)
        documents = replacement.ready()
        with tenancy.ledger.transaction(lease) as connection:
            days = replacement.commit(connection)
            claim.commit(connection)
            refused = tenancy.letters.replace(connection, origin, letters.letters(), record.job_id)
            done = Ingested(documents, refused, duplicates)
            _check(record, done)
            seconds = time.monotonic() - began
            note = _nothing_usable(tenancy.redactor, done, letters)
            room.uploads.complete(connection, record.job_id, documents, refused, duplicates, seconds, note)
            room.stale.mark(connection, (ALERTS, METRICS), days, day_of(record))
            span = (min(days), max(days)) if days else (None, None)
            made = Made(documents, refused, duplicates, seconds, _notes(tenancy.redactor, record, letters), *span)
            add_ingested(connection, tenancy, record, made, doing.run_id, doing.batch_id)
    with suppress(TransientFailure):
        # It is committed: whoever asks the ledger next settles it, if its server is away just now.
        room.uploads.settle()
    return done


def _refusing(letters: LetterSpool, claim: EventClaim) -> Refuse:
    """What the index refuses becomes a dead letter, told by its number: which line it was is no longer known."""

    def refuse(document: RefusedDocument) -> None:
        claim.give_back(document.id)
        raw = document.source.encode()[:RAW_BYTES]
        letters.add(document.ordinal, raw, f"the index refuses it: {document.reason}", _REFUSED_TAGS, document.ordinal)

    return refuse


def _notes(redactor: Redactor, record: UploadRecord, letters: LetterSpool) -> tuple[FailureNote, ...]:
    name = redactor.text(record.filename)
    return tuple(FailureNote(f"{name}: line {line}", reason) for line, reason in letters.first)


def _nothing_usable(redactor: Redactor, done: Ingested, letters: LetterSpool) -> str | None:
    """What is told of an upload of which no record could be used, None of any other: it did not fail, and is no use."""
    if done.documents or done.duplicates or not done.dead_letters:
        return None
    line, reason = letters.first[0]
    told = redactor.text(f"line {line}: {reason}")
    return f"all of its {done.dead_letters:,} records are in the dead letters; the first: {told}"


def _check(record: UploadRecord, done: Ingested) -> None:
    """Raise PermanentFailure unless every record that was received is accounted for."""
    if done.records != record.total_lines:
        raise PermanentFailure(
            f"{record.filename}: {record.total_lines} records were received, but {done.documents} documents, "
            f"{done.duplicates} duplicates and {done.dead_letters} dead letters came of them"
        )


def _enriched(room: UploadRoom, record: UploadRecord) -> Iterator[EnrichedBlock]:
    """What becomes of an upload's records, block by block."""
    source: SourceType = record.file_type
    kind: FileType = "csv" if source == "csv" else "json"
    provenance = Provenance(room.tenancy.tenant, record.sha256, record.job_id, source, room.tenancy.now())
    with room.tenancy.files.open(record.object_key) as file:
        for block in read_records(chunks_of(file), kind, room.limits.max_record_bytes):
            yield room.enricher.enrich(block, provenance)
