"""The ledger's transitions, and what another process can do to them."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from logplatform.failures import LeaseHeld, LeaseLost, TransientFailure, Unreachable
from logplatform.landing.leases import Leases
from logplatform.landing.ledger import Ledger, batch_lease
from logplatform.landing.publish import Landing
from logplatform.landing.retry import RetryPolicy
from logplatform.sources.base import Entry
from logplatform.sources.folder import FolderSource
from logplatform.stores.files import Files

DAY = date(2026, 1, 5)


def _record(ledger: Ledger, *names: str, batch: str | None = "b1", day: date = DAY) -> None:
    with ledger.transaction() as connection:
        ledger.record(connection, "web1", [(Entry(name, 3, 1), day) for name in names], batch)


@pytest.fixture
def files(files_anywhere: Files) -> Files:
    return files_anywhere


def test_recorded_files_are_not_unknown_and_are_recorded_once(ledger: Ledger) -> None:
    _record(ledger, "a", "b")
    _record(ledger, "a", "b")
    listing = [Entry("a", 3, 1), Entry("b", 4, 1), Entry("c", 3, 1)]
    assert [entry.path for entry in ledger.unknown("web1", listing)] == ["b", "c"]
    assert [entry.path for entry in ledger.unknown("web2", listing)] == ["a", "b", "c"]
    assert ledger.count() == {"pending": 2}


def test_landing_a_folder_makes_its_files_copied_with_their_bytes(ledger: Ledger, files: Files, tmp_path: Path) -> None:
    root = tmp_path / "in"
    root.mkdir()
    (root / "x.log").write_bytes(b"hello")
    source = FolderSource("web1", root)
    landing = Landing(files, "archives", "default")
    with ledger.transaction() as connection:
        ledger.record(connection, "web1", [(entry, DAY) for entry in source.list()], "b1")
    (found,) = ledger.batch("b1", "pending")
    (fetched,) = source.fetch([found.entry], lambda _: landing.receive())
    assert fetched.landed is not None
    with ledger.leases.hold(batch_lease("b1"), "run-1") as lease, ledger.transaction(lease) as connection:
        ledger.land(connection, files, found, fetched.landed, "run-1", lines=1)
    (copied,) = ledger.batch("b1")
    assert (copied.status, copied.run_id) == ("copied", "run-1")
    assert copied.sha256 is not None
    content = ledger.content(copied.sha256)
    assert content is not None
    assert (files.open(content.object_key).read(), content.size, content.lines) == (b"hello", 5, 1)


def test_bytes_that_retention_took_meanwhile_are_not_committed_as_landed(ledger: Ledger, files: Files) -> None:
    _record(ledger, "a")
    (found,) = ledger.batch("b1")
    with Landing(files, "archives", "default").receive() as receiver:
        receiver.write(b"abc")
    assert receiver.landed is not None
    files.remove(receiver.landed.object_key)
    with pytest.raises(TransientFailure), ledger.transaction() as connection:
        ledger.land(connection, files, found, receiver.landed, "run-1")
    assert ledger.count() == {"pending": 1}


def test_a_holder_that_was_taken_over_commits_nothing(ledger: Ledger) -> None:
    """A run that was paused past its lease must not write over its successor's work."""
    _record(ledger, "a")
    clock = datetime(2026, 1, 5, tzinfo=UTC)
    early = Leases(ledger.database, now=lambda: clock)
    late = Leases(ledger.database, now=lambda: clock + timedelta(seconds=61))
    old = early.acquire(batch_lease("b1"), "elsewhere/1/run-1")
    with pytest.raises(LeaseHeld):
        early.acquire(batch_lease("b1"), "elsewhere/1/run-2")
    late.acquire(batch_lease("b1"), "elsewhere/1/run-2")
    (found,) = ledger.batch("b1")
    with pytest.raises(LeaseLost), ledger.transaction(old) as connection:
        ledger.advance(connection, [found], "processed", "run-1")
    assert ledger.count() == {"pending": 1}


def test_files_given_to_another_batch_cannot_be_committed_by_the_first(ledger: Ledger) -> None:
    _record(ledger, "a")
    (found,) = ledger.batch("b1")
    with ledger.transaction() as connection:
        ledger.assign(connection, [found.id], "b2")
    with pytest.raises(LeaseLost), ledger.transaction() as connection:
        ledger.advance(connection, [found], "processed", "run-1")


def test_a_live_batch_is_left_alone_and_a_dead_one_waits_again(ledger: Ledger) -> None:
    _record(ledger, "a")
    assert [found.path for found in ledger.waiting()] == ["a"]
    with ledger.leases.hold(batch_lease("b1"), "run-1"):
        assert list(ledger.waiting()) == []
    assert [found.path for found in ledger.waiting()] == ["a"]


def test_transient_failures_wait_then_become_permanent(ledger: Ledger) -> None:
    _record(ledger, "a")
    policy = RetryPolicy(attempts=2)
    for expected in ("transient", "permanent"):
        (found,) = ledger.find()
        with ledger.transaction() as connection:
            ledger.fail(connection, found, "copy", TransientFailure("connection lost"), "run-1", policy)
        (failed,) = ledger.find()
        assert (failed.status, failed.error_type) == ("error", expected)
        assert list(ledger.waiting()) == []


def test_a_source_that_cannot_be_reached_uses_up_no_file(ledger: Ledger) -> None:
    """A server that was down for a night once gave up every file that had been listed before."""
    _record(ledger, "a")
    for _ in range(5):
        (found,) = ledger.find()
        with ledger.transaction() as connection:
            ledger.fail(connection, found, "copy", Unreachable("web1: no answer"), "run-1", RetryPolicy(attempts=2))
    (failed,) = ledger.find()
    assert (failed.error_type, failed.attempts) == ("transient", 5)
    assert failed.next_attempt_at is not None


def test_reopened_are_only_files_that_are_still_in_error(ledger: Ledger) -> None:
    """What a run has made good since the list of failed files was read keeps its batch and its status."""
    _record(ledger, "a", "b")
    with ledger.transaction() as connection:
        for found in ledger.batch("b1"):
            ledger.fail(connection, found, "copy", "no such file", "run-1", RetryPolicy())
    failed = list(ledger.batch("b1", "error"))
    with ledger.transaction() as connection:
        ledger.advance(connection, failed[:1], "copied", "run-2")
    assert ledger.reopen_failed(failed) == 1
    made_good, reopened = ledger.find()
    assert (made_good.status, made_good.batch_id) == ("copied", "b1")
    assert (reopened.status, reopened.batch_id, reopened.attempts) == ("pending", None, 0)


def test_waiting_files_page_in_day_order(ledger: Ledger) -> None:
    """Pages are read by key: an order that disagrees with it would skip or repeat files."""
    days = [DAY - timedelta(days=n % 7) for n in range(2_500)]
    with ledger.transaction() as connection:
        ledger.record(connection, "web1", [(Entry(f"f{n}", 1, 1), day) for n, day in enumerate(days)], None)
    waiting = list(ledger.waiting())
    assert len({found.path for found in waiting}) == 2_500
    assert [found.day for found in waiting] == sorted(days)
