"""Jobs: whose turn an upload is, and what becomes of it.

What belongs here: one claimed job from its claim to its end, and queueing what has no job. What does not: the loop over
jobs (`worker`), and ingesting (`ingest`).
"""

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Literal

from sqlalchemy.exc import OperationalError

from logplatform.failures import Conflict, LeaseHeld, LeaseLost, PermanentFailure, TransientFailure, Unreachable
from logplatform.landing.leases import holder_name, is_dead
from logplatform.stores.job_queue import QueuedJob
from logplatform.stores.upload_record import OPEN
from logplatform.uploads.adopt import adopt
from logplatform.uploads.ingest import Doing, ingest, upload_lease
from logplatform.uploads.records import UnusableFile
from logplatform.uploads.room import UploadRoom

Outcome = Literal["completed", "failed", "retry", "elsewhere", "known", "handed back"]
"""elsewhere: somebody else is at it; known: there was nothing to do any more; handed back: its worker had to stop."""

ELSEWHERE_SECONDS = 5
EXTEND_SECONDS = 20.0
STOP_SECONDS = 5.0


class HandedBackError(Exception):
    """The worker has to stop, and the job would take too long: it is given back, with nothing done."""


def requeue(room: UploadRoom) -> int:
    """Queue every upload that is not finished and has no job (its job was lost, or never made), and free the jobs of
    workers that are dead; how many uploads were looked at for that."""
    room.uploads.settle()
    room.queue.release(is_dead)
    counts = room.uploads.counts()
    if sum(counts.get(status, 0) for status in OPEN) <= len(room.queue):
        return 0
    count = 0
    for one in room.uploads.unfinished():
        room.queue.push(one.job_id, one.told())
        count += 1
    return count


def do(room: UploadRoom, job: QueuedJob, doing: Doing, stop: Callable[[], bool] | None = None) -> Outcome:
    """Do one claimed job, whatever its upload's state; when `stop` says so, a job that takes long is handed back."""
    watch = _Watch(room, job, stop)
    began = time.monotonic()
    try:
        return _done(room, job, replace(doing, alive=watch.look))
    except HandedBackError:
        room.uploads.hand_back(job.job_id)
        room.queue.hand_back(job)
        return "handed back"
    except (LeaseHeld, LeaseLost, Conflict):
        # Whoever has the lease does the job, and it is known as done when it comes back. Or the index was merged just
        # now, which is no fault of the job's.
        room.queue.hand_back(job, timedelta(seconds=ELSEWHERE_SECONDS))
        return "elsewhere"
    except Unreachable:
        # A store is away: no attempt of this job, whose turn comes when the store is back.
        room.queue.hand_back(job, timedelta(seconds=ELSEWHERE_SECONDS))
        raise
    except (PermanentFailure, UnusableFile) as error:
        return _failed(room, job, str(error), time.monotonic() - began, final=True)
    except (TransientFailure, OSError, OperationalError) as error:
        return _failed(room, job, str(error), time.monotonic() - began, final=_used_up(room, job))


def _done(room: UploadRoom, job: QueuedJob, doing: Doing) -> Outcome:
    record = room.uploads.get(job.job_id) or adopt(room, job)
    if record.status in OPEN:
        with room.tenancy.ledger.leases.hold(upload_lease(room, record.sha256), holder_name(doing.run_id)) as lease:
            # Whoever had the lease before may have done it.
            record = room.uploads.get(job.job_id) or record
            if record.status in OPEN:
                room.uploads.begin(job.job_id)
                ingest(room, record, lease, doing)
                room.queue.acknowledge(job)
                return "completed"
    room.queue.acknowledge(job)
    return "failed" if record.status == "failed" else "known"


class _Watch:
    """Looked at every now and then while a job is done: prolongs its claim, and gives it up where it must."""

    def __init__(self, room: UploadRoom, job: QueuedJob, stop: Callable[[], bool] | None) -> None:
        self._room = room
        self._job = job
        self._stop = stop
        self._extended = time.monotonic()
        self._stopping: float | None = None

    def look(self) -> None:
        now = time.monotonic()
        if now - self._extended >= EXTEND_SECONDS:
            self._room.queue.extend(self._job)
            self._extended = now
        if self._stop is not None and self._stop():
            self._stopping = self._stopping or now
            if now - self._stopping >= STOP_SECONDS:
                raise HandedBackError(self._job.job_id)


def _used_up(room: UploadRoom, job: QueuedJob) -> bool:
    record = room.uploads.get(job.job_id)
    return record is not None and record.retry_count >= room.tenancy.settings.uploads.max_retries


def _failed(room: UploadRoom, job: QueuedJob, error: str, seconds: float, *, final: bool) -> Outcome:
    room.uploads.fail(job.job_id, room.tenancy.redactor.text(error), final=final, seconds=seconds)
    if final:
        room.queue.acknowledge(job)
        return "failed"
    room.queue.hand_back(job, timedelta(seconds=room.tenancy.settings.uploads.retry_seconds))
    return "retry"
