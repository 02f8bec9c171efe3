"""What `JobQueue` promises: no job is lost, none is given to two at once, whatever dies meanwhile."""

import multiprocessing
import os
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from logplatform.landing.leases import holder_name, is_dead, utc_now
from logplatform.stores.job_queue import Foreign, JobQueue
from logplatform_tests.contracts.queues import KINDS, OpenQueue, opener

SPAWN = multiprocessing.get_context("spawn")
SHORT = timedelta(seconds=0.3)
LONG = timedelta(seconds=60)


@pytest.fixture(params=KINDS)
def open_queue(request: pytest.FixtureRequest) -> OpenQueue:
    return opener(request, request.param)


@pytest.fixture
def queue(open_queue: OpenQueue) -> Iterator[JobQueue]:
    with open_queue("default") as opened:
        yield opened


def pass_by(span: timedelta) -> None:
    """Let it be over; servers have clocks of their own."""
    time.sleep(span.total_seconds() + 0.05)


def test_a_claimed_job_is_with_one_worker_until_its_claim_runs_out(queue: JobQueue) -> None:
    """A worker that was killed loses no job; one that was only slow cannot take away what another has by now."""
    queue.push("a")
    first = queue.claim(SHORT)
    assert first is not None
    assert (first.job_id, first.claims) == ("a", 1)
    assert queue.claim() is None
    pass_by(SHORT)
    second = queue.claim(LONG)
    assert second is not None
    assert (second.job_id, second.claims) == ("a", 2)
    queue.acknowledge(first)
    queue.hand_back(first)
    queue.extend(first, SHORT)
    assert len(queue) == 1
    pass_by(SHORT)
    assert queue.claim() is None
    queue.acknowledge(second)
    assert len(queue) == 0


def test_a_claim_can_be_prolonged_and_handed_back(queue: JobQueue) -> None:
    """Long work keeps its job; work that is to be tried again waits first."""
    queue.push("a")
    job = queue.claim(SHORT)
    assert job is not None
    queue.extend(job, LONG)
    pass_by(SHORT)
    assert queue.claim() is None
    queue.hand_back(job, SHORT)
    assert queue.claim() is None
    assert len(queue) == 1
    pass_by(SHORT)
    again = queue.claim()
    assert again is not None
    queue.hand_back(again)
    assert queue.claim() is not None


def test_a_claim_that_ran_out_and_nobody_took_is_still_good(queue: JobQueue) -> None:
    queue.push("a")
    job = queue.claim(SHORT)
    assert job is not None
    pass_by(SHORT)
    queue.acknowledge(job)
    assert len(queue) == 0
    assert queue.claim() is None


def test_jobs_come_in_their_order_and_a_waiting_one_is_not_doubled(queue: JobQueue) -> None:
    """First in, first out; the ledger may queue again what is queued, claimed or delayed already."""
    for job_id in ("a", "b", "a", "c"):
        queue.push(job_id)
    assert [job.job_id for job in queue.waiting(10)] == ["a", "b", "c"]
    assert [job.job_id for job in queue.waiting(2)] == ["a", "b"]
    claimed = [queue.claim() for _ in range(4)]
    assert [job.job_id if job else None for job in claimed] == ["a", "b", "c", None]
    first = claimed[0]
    assert first is not None
    queue.hand_back(first, LONG)
    for job_id in ("a", "b", "c"):
        queue.push(job_id)
    assert len(queue) == 3
    assert queue.claim() is None
    assert {job.job_id for job in queue.waiting(10)} == {"a", "b", "c"}
    assert {job.claims for job in queue.waiting(10)} == {1}


def test_what_is_done_may_come_again(queue: JobQueue) -> None:
    queue.push("a")
    job = queue.claim()
    assert job is not None
    queue.acknowledge(job)
    queue.push("a")
    again = queue.claim()
    assert again is not None
    assert again.claims == 1


def test_many_workers_never_get_the_same_job(queue: JobQueue) -> None:
    """Each job is claimed by exactly one of eight at once."""
    for number in range(40):
        queue.push(f"{number:02d}")
    with ThreadPoolExecutor(8) as workers:
        claimed = [job.job_id for job in workers.map(lambda _: queue.claim(), range(60)) if job]
    assert sorted(claimed) == [f"{number:02d}" for number in range(40)]


def _work(open_queue: OpenQueue, done: "multiprocessing.Queue[str | None]") -> None:
    with open_queue("default") as queue:
        while (job := queue.claim(LONG)) is not None:
            done.put(job.job_id)
            queue.acknowledge(job)
    done.put(None)


def test_two_processes_share_the_work(open_queue: OpenQueue) -> None:
    """Both push the same jobs first: each is there once, and done once."""
    jobs = [f"{number:03d}" for number in range(60)]
    with open_queue("default") as queue:
        with ThreadPoolExecutor(2) as pushing:
            for pushed in [pushing.submit(lambda: [queue.push(job) for job in jobs]) for _ in range(2)]:
                pushed.result()
        assert len(queue) == len(jobs)
        done = SPAWN.Queue()
        workers = [SPAWN.Process(target=_work, args=(open_queue, done)) for _ in range(2)]
        for worker in workers:
            worker.start()
        found: list[str] = []
        ended = 0
        while ended < len(workers):
            one = done.get(timeout=60)
            ended += one is None
            found += [one] if one is not None else []
        for worker in workers:
            worker.join()
        assert sorted(found) == jobs
        assert len(queue) == 0


def _die(open_queue: OpenQueue) -> None:
    with open_queue("default") as queue:
        queue.claim(LONG, holder_name("dies"))
        os._exit(9)


def test_a_dead_worker_s_job_is_free_at_once(open_queue: OpenQueue) -> None:
    """Its claim need not run out; nobody else's claim is touched, nor one that tells no holder."""
    with open_queue("default") as queue:
        for job_id in ("a", "b", "c"):
            queue.push(job_id)
        worker = SPAWN.Process(target=_die, args=(open_queue,))
        worker.start()
        worker.join()
        assert queue.claim(LONG, holder_name("alive")) is not None
        assert queue.claim(LONG) is not None
        assert queue.claim() is None
        assert queue.release(is_dead) == 1
        job = queue.claim()
        assert job is not None
        assert (job.job_id, job.claims) == ("a", 2)
        assert queue.release(is_dead) == 0


def test_queues_of_tenants_are_apart(open_queue: OpenQueue, queue: JobQueue) -> None:
    """One customer's backlog is nobody else's."""
    queue.push("a")
    with open_queue("other") as other:
        assert other.claim() is None
        assert other.clear() == 0
        other.push("a")
        assert queue.clear() == 1
        assert len(other) == 1


def test_clearing_ends_claims_too(queue: JobQueue) -> None:
    """What was claimed before can be acknowledged, and that touches nothing of what came since."""
    for job_id in ("a", "b", "c"):
        queue.push(job_id)
    old = queue.claim(LONG)
    delayed = queue.claim(LONG)
    assert old is not None
    assert delayed is not None
    queue.hand_back(delayed, LONG)
    assert queue.clear() == 3
    assert len(queue) == 0
    queue.push("b")
    queue.acknowledge(old)
    assert [job.job_id for job in queue.waiting(10)] == ["b"]


def test_what_a_job_tells_of_its_file_comes_back_as_it_was(queue: JobQueue) -> None:
    """In any script, however long, with whatever signs."""
    told = [
        Foreign("file-1", "uploads/über/日本語\n\"quoted\" 'single' \\ 🙂.csv", "csv", 2**40),
        Foreign(None, "x" * 1_000_000, "json", 0),
        Foreign(),
    ]
    for number, foreign in enumerate(told):
        queue.push(f"jöb {number} 🙂", foreign)
    claimed = [queue.claim() for _ in told]
    assert [job.foreign for job in claimed if job] == told
    assert [job.job_id for job in claimed if job] == [f"jöb {number} 🙂" for number in range(3)]
    assert [job.foreign for job in queue.waiting(10)] == told


def test_times_are_utc(queue: JobQueue) -> None:
    before = utc_now()
    queue.push("a")
    job = queue.claim(timedelta(hours=1))
    assert job is not None
    assert job.created_at.tzinfo is UTC
    assert before - timedelta(seconds=1) <= job.created_at <= utc_now()
    assert timedelta(minutes=59) < job.available_at - datetime.now(UTC) < timedelta(minutes=61)


def test_nothing_but_jobs_is_in_an_untouched_queue(queue: JobQueue) -> None:
    queue.push("a")
    assert queue.unreadable(10) == []
    assert queue.forget_unreadable() == 0
    assert len(queue) == 1
