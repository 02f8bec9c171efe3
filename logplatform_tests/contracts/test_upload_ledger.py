"""What `UploadLedger` promises: every upload is there once, and what is told of it is what was committed."""

import multiprocessing
import os
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
import sqlalchemy as sa

from logplatform.failures import Conflict
from logplatform.landing.leases import utc_now
from logplatform.stores.schema import content
from logplatform.stores.upload_ledger import UploadLedger
from logplatform.stores.upload_record import OPEN, OpenUploads, UploadSums
from logplatform_tests.contracts.upload_ledgers import BEGIN, KINDS, Clock, Opened, OpenLedger, opener, upload

SPAWN = multiprocessing.get_context("spawn")


class _GivenUpError(Exception):
    """What a transaction is given up by."""


@pytest.fixture(params=KINDS)
def open_ledger(request: pytest.FixtureRequest) -> OpenLedger:
    return opener(request, request.param)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def opened(open_ledger: OpenLedger, clock: Clock) -> Iterator[Opened]:
    with open_ledger(clock) as found:
        yield found


@pytest.fixture
def ledger(opened: Opened) -> UploadLedger:
    return opened.ledger


def test_an_upload_comes_back_as_it_was_recorded(ledger: UploadLedger) -> None:
    """Unicode, long texts, large numbers; names in a preview that a store may have a meaning of its own for."""
    preview = [
        {"nachricht": "Füße 🙂 \n\t\"'\\", "日本": [1, 2.5, None, True, {"x": "é"}]},
        {"$set": {"a.b": 1}, "": 2, "a.b": "c"},
        {"large": 2**70, "small": -(2**63), "zero\0": "in\0side"},
        {"deep": [[[[[[[[{"deeper": {"and": {"deeper": []}}}]]]]]]]]},
        {"long": "x" * 500_000},
    ]
    record = upload("jöb-🙂", filename="Übersicht 日本.json", preview=preview, file_size=2**40, total_lines=2**40)
    assert ledger.add(record) == record
    assert ledger.get("jöb-🙂") == record
    assert ledger.recent(10) == [record]
    assert ledger.get("other") is None


def test_times_are_kept_in_utc(ledger: UploadLedger) -> None:
    """Whatever zone they are told in; to the millisecond at least."""
    at = datetime(2026, 3, 1, 23, 59, 59, 123_000, timezone(timedelta(hours=-5)))
    ledger.add(upload("a", at=at))
    found = ledger.get("a")
    assert found is not None
    assert found.uploaded_at == at
    assert found.uploaded_at.utcoffset() == timedelta()
    first = datetime(2026, 3, 2, tzinfo=UTC)
    assert [it.job_id for it in ledger.received(first, first + timedelta(days=1))] == ["a"]
    assert list(ledger.received(first - timedelta(days=1), first)) == []


def test_the_same_bytes_again_are_a_duplicate_unless_the_first_failed(ledger: UploadLedger, clock: Clock) -> None:
    """Nothing is ingested twice, and a failure does not block the bytes for ever."""
    assert ledger.add(upload("a")).status == "pending"
    again = ledger.add(upload("b"))
    assert (again.status, again.duplicate_of) == ("duplicate", "a")
    assert ledger.get("b") == again
    ledger.begin("a")
    clock.pass_by(1)
    ledger.fail("a", "disk full", final=True)
    assert ledger.add(upload("c")).status == "pending"
    assert [it.job_id for it in ledger.unfinished()] == ["c"]
    assert ledger.counts() == {"failed": 1, "duplicate": 1, "pending": 1}
    assert ledger.add(upload("d", "cd" * 32)).status == "pending"


def test_bytes_become_a_known_content_with_the_record_and_what_is_done_beside_it(opened: Opened) -> None:
    """All of it or nothing: also what the caller does in the transaction."""

    def refuse(connection: sa.Connection, record: object) -> None:
        raise _GivenUpError

    with pytest.raises(_GivenUpError):
        opened.ledger.add(upload("a"), refuse)
    assert opened.ledger.get("a") is None
    assert opened.ledger.counts() == {}
    kept = []
    opened.ledger.add(upload("b"), lambda connection, record: kept.append(record.status))
    opened.ledger.add(upload("c"), lambda connection, record: kept.append(record.status))
    assert kept == ["pending", "duplicate"]
    with opened.database.read() as connection:
        found = connection.execute(sa.select(content.c.sha256, content.c.object_key, content.c.lines)).all()
    assert [tuple(row) for row in found] == [("ab" * 32, f"landing/{'ab' * 32}", 3)]


def test_a_job_is_recorded_once(ledger: UploadLedger) -> None:
    """Two workers may adopt the same job: the second one's record is none."""
    ledger.add(upload("a"))
    done = []
    with pytest.raises(Conflict, match="a"):
        ledger.add(upload("a", "cd" * 32), lambda connection, record: done.append(record))
    assert done == []
    assert ledger.counts() == {"pending": 1}
    assert ledger.add(upload("b", "cd" * 32)).status == "pending"


def test_a_refused_job_is_kept_as_it_is(ledger: UploadLedger) -> None:
    """Nothing was taken, so nothing is known, shared or tried again."""
    refused: dict[str, Any] = {
        "object_key": "",
        "sha256": "",
        "status": "failed",
        "error_message": "no file",
        "failed_at": BEGIN,
    }
    for job_id in ("a", "b"):
        record = upload(job_id, **refused)
        assert ledger.add(record) == record
        assert ledger.get(job_id) == record
    assert ledger.retry("a") is None
    assert list(ledger.unfinished()) == []


def test_failures_are_counted_and_kept(ledger: UploadLedger, clock: Clock) -> None:
    """pending → processing → pending with a count, until it is final; retry forgets the count."""
    ledger.add(upload("a"))
    ledger.begin("a")
    assert [ledger.fail("a", "busy", final=False, seconds=0.25) for _ in range(2)] == [1, 2]
    clock.pass_by(5)
    assert ledger.fail("a", "büsy still", final=True, seconds=0.5) == 2
    found = ledger.get("a")
    assert found is not None
    assert (found.status, found.retry_count, found.error_message) == ("failed", 2, "büsy still")
    assert (found.failed_at, found.updated_at, found.attempts, found.seconds) == (clock(), clock(), 1, 1.0)
    assert ledger.fail("a", "again", final=True) == 2
    assert ledger.retry("a") == "pending"
    assert ledger.retry("a") is None
    again = ledger.get("a")
    assert again is not None
    assert (again.status, again.retry_count, again.error_message, again.failed_at) == ("pending", 0, None, None)


def test_a_retry_finds_the_bytes_taken_since(ledger: UploadLedger) -> None:
    ledger.add(upload("a"))
    ledger.fail("a", "broken", final=True)
    ledger.add(upload("b"))
    assert ledger.retry("a") == "duplicate"
    found = ledger.get("a")
    assert found is not None
    assert (found.status, found.duplicate_of) == ("duplicate", "b")


def test_an_attempt_begins_and_is_given_up(ledger: UploadLedger, clock: Clock) -> None:
    ledger.add(upload("a"))
    for attempts in (1, 2):
        clock.pass_by(1)
        ledger.begin("a")
        found = ledger.get("a")
        assert found is not None
        assert (found.status, found.attempts, found.updated_at) == ("processing", attempts, clock())
        ledger.hand_back("a")
    assert ledger.counts() == {"pending": 1}
    ledger.fail("a", "broken", final=True)
    for change in (ledger.begin, ledger.hand_back):
        change("a")
    assert ledger.counts() == {"failed": 1}


def test_completing_is_told_once_it_is_committed_and_never_before(opened: Opened, clock: Clock) -> None:
    """With everything that was counted, and again the same when a day is derived again."""
    ledger = opened.ledger
    ledger.add(upload("a"))
    ledger.begin("a")
    clock.pass_by(2)
    with opened.database.write() as connection:
        ledger.complete(connection, "a", 1, 1, 1, 1.5)
        assert connection.in_transaction()
    found = ledger.get("a")
    assert found is not None
    assert (found.status, found.documents, found.dead_letters, found.duplicates) == ("completed", 1, 1, 1)
    assert (found.completed_at, found.updated_at, found.seconds, found.processed) == (clock(), clock(), 1.5, True)
    assert ledger.last_completed() == clock()
    with suppress(_GivenUpError), opened.database.write() as connection:
        ledger.complete(connection, "a", 3, 0, 0, 1.5)
        raise _GivenUpError
    assert ledger.get("a") == found
    opened.complete("a", 3)
    again = ledger.get("a")
    assert again is not None
    assert (again.documents, again.dead_letters, again.seconds) == (3, 0, 3.0)
    assert ledger.add(upload("b")).duplicate_of == "a"
    for change in (ledger.begin, ledger.hand_back):
        change("a")
    assert ledger.fail("a", "late", final=True) == 0
    assert ledger.get("a") == again
    assert ledger.settle() == 0


def test_documents_that_leave_by_their_age_are_counted_for_their_upload(opened: Opened) -> None:
    ledger = opened.ledger
    for job_id in ("a", "b"):
        ledger.add(upload(job_id))
    opened.complete("a", 3)
    for documents in (1, 2):
        with opened.database.write() as connection:
            ledger.expire(connection, "ab" * 32, documents)
            ledger.expire(connection, "ef" * 32, 100)
    assert [record.expired for record in (ledger.get("a"), ledger.get("b")) if record] == [3, 0]
    assert ledger.sums()["completed"].expired == 3


def test_sums_are_those_of_the_records(opened: Opened, clock: Clock) -> None:
    """By status; an upload with several attempts has retries."""
    ledger = opened.ledger
    assert ledger.sums() == {}
    assert ledger.open_uploads() == OpenUploads()
    assert ledger.last_completed() is None
    for number in range(7):
        clock.pass_by(60)
        ledger.add(upload(f"{number}", f"{number:064x}", clock(), file_size=2**33, updated_at=clock()))
    ledger.add(upload("again", f"{0:064x}", clock()))
    for job_id in ("0", "0", "1", "2"):
        ledger.begin(job_id)
    opened.complete("0", 1, 1, 1)
    opened.complete("1", 3)
    ledger.fail("2", "broken", final=True, seconds=0.5)
    done = UploadSums(2, 6, 4, 1, 1, 0, 3, 1, 3.0, 2**34)
    failed = UploadSums(1, 3, attempts=1, seconds=0.5, bytes=2**33)
    waiting = UploadSums(4, 12, bytes=2**35)
    again = UploadSums(1, 3, bytes=10)
    assert ledger.sums() == {"completed": done, "failed": failed, "pending": waiting, "duplicate": again}
    assert ledger.counts() == {"completed": 2, "failed": 1, "pending": 4, "duplicate": 1}
    first, last = BEGIN + timedelta(minutes=4), BEGIN + timedelta(minutes=7)
    assert ledger.open_uploads() == OpenUploads(4, 2**35, first, last, 0)


def test_uploads_are_found_in_the_order_of_their_time(ledger: UploadLedger) -> None:
    """Oldest first or newest first; of the same moment, by their job; also over many pages."""
    records = [
        upload(f"{number:03d}", f"{number:064x}", BEGIN + timedelta(seconds=number // 3)) for number in range(120)
    ]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(ledger.add, records))
    jobs = [record.job_id for record in records]
    assert [it.job_id for it in ledger.received(BEGIN, BEGIN + timedelta(days=1))] == jobs
    assert [it.job_id for it in ledger.received(BEGIN + timedelta(seconds=1), BEGIN + timedelta(seconds=3))] == jobs[
        3:9
    ]
    assert [it.job_id for it in ledger.recent(5)] == jobs[:-6:-1]
    unfinished = list(ledger.unfinished())
    assert {it.job_id for it in unfinished} == set(jobs)
    assert unfinished[0].told().file_path == f"uploads/x_{unfinished[0].job_id}_a.json"
    assert [it.job_id for it in ledger.find(OPEN, 4)] == jobs[:4]
    since = BEGIN + timedelta(seconds=2)
    assert [it.job_id for it in ledger.find(("pending",), 100, since)] == jobs[:6]
    assert (ledger.count(OPEN, since), ledger.count(OPEN), ledger.count(("failed",))) == (6, 120, 0)


def test_ledgers_of_tenants_are_apart(open_ledger: OpenLedger, opened: Opened, clock: Clock) -> None:
    """The same bytes of two customers are two uploads."""
    opened.ledger.add(upload("a"))
    with open_ledger(clock, "other") as other:
        assert other.ledger.get("a") is None
        assert other.ledger.add(upload("b")).status == "pending"
        other.ledger.fail("b", "broken", final=True)
        assert other.ledger.counts() == {"failed": 1}
        assert other.ledger.fail("a", "not mine", final=True) == 0
    assert opened.ledger.counts() == {"pending": 1}


def test_of_many_at_once_with_the_same_bytes_one_is_the_first(ledger: UploadLedger) -> None:
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda number: ledger.add(upload(f"{number}")), range(16)))
    first = [record.job_id for record in found if record.status == "pending"]
    assert len(first) == 1
    assert {record.duplicate_of for record in found} == {None, *first}


def _send(open_ledger: OpenLedger, name: str) -> None:
    with open_ledger(utc_now) as opened:
        for number in range(20):
            opened.ledger.add(upload(f"{name}-{number}", f"{number:064x}", utc_now()))


def test_two_processes_decide_every_duplicate_once(open_ledger: OpenLedger) -> None:
    senders = [SPAWN.Process(target=_send, args=(open_ledger, name)) for name in ("a", "b")]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    with open_ledger(utc_now) as opened:
        assert opened.ledger.counts() == {"pending": 20, "duplicate": 20}
        records = opened.ledger.recent(100)
        first = {record.sha256: record.job_id for record in records if record.status == "pending"}
        told = Counter(record.duplicate_of == first[record.sha256] for record in records if record.duplicate_of)
        assert told == {True: 20}


def _die(open_ledger: OpenLedger) -> None:
    with open_ledger(utc_now) as opened, opened.database.write() as connection:
        opened.ledger.complete(connection, "a", 3, 0, 0)
        os._exit(9)


def _die_after(open_ledger: OpenLedger) -> None:
    with open_ledger(utc_now) as opened:
        with opened.database.write() as connection:
            opened.ledger.complete(connection, "a", 3, 0, 0)
        os._exit(9)


def test_who_dies_before_the_commit_has_done_nothing_and_after_it_everything(open_ledger: OpenLedger) -> None:
    with open_ledger(utc_now) as opened:
        opened.ledger.add(upload("a"))
        opened.ledger.begin("a")
        for death, status in ((_die, "processing"), (_die_after, "completed")):
            process = SPAWN.Process(target=death, args=(open_ledger,))
            process.start()
            process.join()
            assert process.exitcode == 9
            found = opened.ledger.get("a")
            assert found is not None
            assert found.status == status
        assert opened.ledger.sums()["completed"] == replace(UploadSums(1, 3, 3, attempts=1, bytes=10))
