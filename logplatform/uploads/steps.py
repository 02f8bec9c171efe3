"""The steps of a run of uploads: what each asset's step does, and what it tells of its days.

What belongs here: which work a run asks for. What does not: the work (`inbox`, `jobs`, `again`, `upkeep`, `derive`),
and Dagster (`assets`).

In a run with a batch a step does what is new, within the bounds of a batch. Without one it derives the run's days
again. Each step tells what this run has committed of its asset and Dagster does not know yet.
"""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import date

from logplatform.failures import LeaseHeld
from logplatform.landing.leases import holder_name
from logplatform.orchestration.figures import PREVIEW_ROWS, Cell, DayReport
from logplatform.stores.log_query import Search
from logplatform.stores.upload_record import OPEN
from logplatform.tenancy import Tenancy
from logplatform.uploads.again import derive_again, mark_stale, uploads_of
from logplatform.uploads.day_reports import ALERTS, DOCUMENTS, INDEXED, METRICS, RAW
from logplatform.uploads.derive import derive_alerts, derive_metrics
from logplatform.uploads.inbox import take
from logplatform.uploads.ingest import Doing
from logplatform.uploads.jobs import do, requeue
from logplatform.uploads.room import UploadRoom, open_room
from logplatform.uploads.upkeep import tidy

_POLL_SECONDS = 0.25
_RUN_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Asked:
    """What a run is asked to do: the batch `batch_id`, or (None) to derive `days` again."""

    tenancy: Tenancy
    run_id: str
    batch_id: str | None
    days: Sequence[date]

    @property
    def doing(self) -> Doing:
        """On whose behalf the work is done."""
        return Doing(self.run_id, self.batch_id)

    @property
    def holder(self) -> str:
        """Who holds leases."""
        return holder_name(self.run_id)


def arrive(asked: Asked) -> Iterator[DayReport]:
    """Take what waits in the inboxes; tell of the run's days what came, by whatever way."""
    with open_room(asked.tenancy) as room:
        if asked.batch_id is not None:
            bounds = asked.tenancy.settings.batch
            with suppress(LeaseHeld):
                # Whoever has the inboxes takes what is in them.
                take(room, asked.doing, bounds.max_files, bounds.max_bytes)
        for day in asked.days:
            commit = asked.tenancy.days.newest(f"{asked.tenancy.domain}/{RAW}", day)
            if commit is not None and not commit.reported:
                report = DayReport.restore(day, commit.counts)
                yield replace(report, preview=_uploads(room, day))


def work_off(asked: Asked) -> Iterator[DayReport]:
    """Ingest what is queued, or the days' uploads again."""
    with open_room(asked.tenancy) as room:
        if asked.batch_id is None:
            derive_again(room, asked.days, asked.doing)
        else:
            _queued(room, asked)
        for report in _told(asked, DOCUMENTS):
            yield replace(report, preview=_uploads(room, report.day))


def index(asked: Asked) -> Iterator[DayReport]:
    """Keep the index quick: merge days of many files, remove what is too old."""
    with open_room(asked.tenancy) as room:
        tidy(room, asked.tenancy.settings.uploads.index_days)
        newest = _documents(room)
        for report in _told(asked, INDEXED):
            yield replace(report, preview=newest)


def alert(asked: Asked) -> Iterator[DayReport]:
    """Score the transactions of the days that have changed, or of those that the days' uploads are of."""
    with open_room(asked.tenancy) as room:
        if asked.batch_id is None:
            mark_stale(room, asked.days, ALERTS)
        yield from derive_alerts(room, asked.holder, asked.run_id, asked.batch_id)


def measure(asked: Asked) -> Iterator[DayReport]:
    """Count the figures of the days that have changed, or of those that the days' uploads are of."""
    with open_room(asked.tenancy) as room:
        if asked.batch_id is None:
            mark_stale(room, asked.days, METRICS)
        yield from derive_metrics(room, asked.holder, asked.run_id, asked.batch_id)


def _queued(room: UploadRoom, asked: Asked) -> None:
    """Do jobs within the bounds of a batch; jobs that are tried again soon are waited for."""
    requeue(room)
    settings = asked.tenancy.settings
    patience = settings.uploads.retry_seconds + 1
    deadline = time.monotonic() + _RUN_SECONDS
    waited, count, size = 0.0, 0, 0
    while time.monotonic() < deadline and count < settings.batch.max_files and size < settings.batch.max_bytes:
        job = room.queue.claim(holder=asked.holder)
        if job is not None:
            outcome = do(room, job, asked.doing)
            record = room.uploads.get(job.job_id)
            count += 1
            size += record.file_size if record is not None else 0
            waited = 0.0 if outcome == "retry" else waited
        elif waited >= patience or not _retrying(room):
            return
        else:
            time.sleep(_POLL_SECONDS)
            waited += _POLL_SECONDS


def _retrying(room: UploadRoom) -> bool:
    """Whether any upload waits for its next attempt; those that others are at are left to them."""
    counts = room.uploads.counts()
    return any(counts.get(status, 0) for status in OPEN)


def _told(asked: Asked, asset: str) -> Iterator[DayReport]:
    for commit in asked.tenancy.days.unreported(asked.run_id, f"{asked.tenancy.domain}/{asset}"):
        yield DayReport.restore(commit.day, commit.counts)


def _uploads(room: UploadRoom, day: date) -> list[Mapping[str, Cell]]:
    """The first uploads of a day."""
    rows: list[Mapping[str, Cell]] = []
    for record in uploads_of(room, [day]):
        name = room.tenancy.redactor.text(record.filename)
        counts = {"documents": record.documents, "dead letters": record.dead_letters}
        rows.append({"file": name, "bytes": record.file_size, "records": record.total_lines, **counts,
                     "status": record.status})  # fmt: skip
        if len(rows) >= PREVIEW_ROWS:
            break
    return rows


def _documents(room: UploadRoom) -> list[Mapping[str, Cell]]:
    """The newest documents by their own time."""
    names = ("@timestamp", "log_type", "level", "service", "message", "user_id", "amount")
    found = room.index.search(Search(size=PREVIEW_ROWS)).hits
    shown = (room.tenancy.redactor.record(hit.document) for hit in found)
    return [{name: _cell(document.get(name)) for name in names} for document in shown]


def _cell(value: object) -> Cell:
    return value if value is None or isinstance(value, str | int | float) else str(value)
