"""The queue of jobs and the ledger of uploads: none lost, none given to two."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from logplatform.stores.job_queue import SqlJobQueue
from logplatform.stores.sql import Database
from logplatform.stores.sql_upload_ledger import SqlUploadLedger
from logplatform.stores.upload_record import UploadRecord

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.at = BEGIN

    def __call__(self) -> datetime:
        return self.at

    def pass_by(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def queue(database: Database, clock: Clock) -> SqlJobQueue:
    return SqlJobQueue(database, "default", clock)


@pytest.fixture
def ledger(database: Database, clock: Clock) -> SqlUploadLedger:
    return SqlUploadLedger(database, "default", clock)


def record(job_id: str, sha256: str = "ab" * 32, at: datetime = BEGIN) -> UploadRecord:
    return UploadRecord(
        job_id, f"file-{job_id}", "a.json", f"x_{job_id}_a.json", "key", 10, "json", 3, [], sha256, at, "pending", at
    )


def test_a_claimed_job_is_with_one_worker_until_its_claim_runs_out(queue: SqlJobQueue, clock: Clock) -> None:
    """A worker that was killed loses no job; one that was only slow cannot take away what another has by now."""
    queue.push("a")
    first = queue.claim(timedelta(seconds=60))
    assert first is not None
    assert queue.claim() is None
    clock.pass_by(61)
    second = queue.claim()
    assert second is not None
    assert (second.job_id, second.claims) == ("a", 2)
    queue.acknowledge(first)
    assert len(queue) == 1
    queue.acknowledge(second)
    assert len(queue) == 0


def test_a_claim_can_be_prolonged_and_handed_back(queue: SqlJobQueue, clock: Clock) -> None:
    """Long work keeps its job; work that is to be tried again waits first."""
    queue.push("a")
    job = queue.claim(timedelta(seconds=60))
    assert job is not None
    clock.pass_by(50)
    queue.extend(job, timedelta(seconds=60))
    clock.pass_by(50)
    assert queue.claim() is None
    queue.hand_back(job, timedelta(seconds=5))
    assert queue.claim() is None
    clock.pass_by(6)
    assert queue.claim() is not None


def test_jobs_come_in_their_order_and_a_waiting_one_is_not_doubled(queue: SqlJobQueue, clock: Clock) -> None:
    """First in, first out; the ledger may queue again what is queued already."""
    for job_id in ("a", "b", "a", "c"):
        queue.push(job_id)
        clock.pass_by(1)
    assert [job.job_id for job in queue.waiting(10)] == ["a", "b", "c"]
    claimed = [queue.claim() for _ in range(4)]
    assert [job.job_id if job else None for job in claimed] == ["a", "b", "c", None]


def test_many_workers_never_get_the_same_job(queue: SqlJobQueue) -> None:
    """Each job is claimed by exactly one of eight at once."""
    for number in range(40):
        queue.push(f"{number:02d}")
    with ThreadPoolExecutor(8) as workers:
        claimed = [job.job_id for job in workers.map(lambda _: queue.claim(), range(60)) if job]
    assert sorted(claimed) == [f"{number:02d}" for number in range(40)]


def test_queues_of_tenants_are_apart(database: Database, clock: Clock, queue: SqlJobQueue) -> None:
    """One customer's backlog is nobody else's."""
    queue.push("a")
    other = SqlJobQueue(database, "other", clock)
    assert other.claim() is None
    assert other.clear() == 0
    assert queue.clear() == 1


def test_the_same_bytes_again_are_a_duplicate_unless_the_first_failed(ledger: SqlUploadLedger) -> None:
    """Nothing is ingested twice, and a failure does not block the bytes for ever."""
    assert ledger.add(record("a")).status == "pending"
    again = ledger.add(record("b"))
    assert (again.status, again.duplicate_of) == ("duplicate", "a")
    ledger.begin("a")
    ledger.fail("a", "disk full", final=True)
    assert ledger.add(record("c")).status == "pending"
    assert [it.job_id for it in ledger.unfinished()] == ["c"]
    assert ledger.counts() == {"failed": 1, "duplicate": 1, "pending": 1}


def test_failures_are_counted_and_kept(ledger: SqlUploadLedger, clock: Clock) -> None:
    """pending → processing → pending with a count, until it is final; retry forgets the count."""
    ledger.add(record("a"))
    assert [ledger.fail("a", "busy", final=False) for _ in range(2)] == [1, 2]
    clock.pass_by(5)
    ledger.fail("a", "busy still", final=True)
    found = ledger.get("a")
    assert found is not None
    assert (found.status, found.retry_count, found.error_message) == ("failed", 2, "busy still")
    assert found.failed_at == clock()
    assert ledger.retry("a")
    assert not ledger.retry("a")
    again = ledger.get("a")
    assert again is not None
    assert (again.status, again.retry_count, again.error_message, again.failed_at) == ("pending", 0, None, None)
