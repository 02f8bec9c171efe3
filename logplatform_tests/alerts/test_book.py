"""Incidents: one for many failures, told once each, whatever is killed and whoever sends beside."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest

from logplatform.alerts.book import AlertBook
from logplatform.alerts.incident import Incident, MessageStatus, Policy, Signal, due
from logplatform.alerts.outbox import Outbox
from logplatform_tests.alerts.conftest import Clock

BROKEN = Signal("archives", "still_broken", "", "warning", "3 still broken", 3, ["a.gz: cut", "b.gz: cut"], "recover")
FAILED = Signal("archives", "run_failed", "raw: OSError", "error", "runs fail in raw", sample=["run 1: no room"])
POLICY = Policy(timedelta(seconds=30), timedelta(hours=4), "warning")
NOW = Clock().time
MINUTE = timedelta(seconds=60)


def test_failures_of_one_reason_are_one_incident_and_one_event_counts_once(book: AlertBook) -> None:
    """A sensor that was killed before its cursor was kept sees the same failed runs again."""
    for number in [*range(20), 3, 4]:
        book.happened(replace(FAILED, sample=[f"run {number}"]), f"run/{number}", NOW)
    assert not book.happened(FAILED, "run/0", NOW)
    book.happened(replace(FAILED, reason="raw: KeyError"), "run/20", NOW)
    first, second = book.firing("run_failed")
    assert (first.events, list(first.sample)) == (20, [f"run {n}" for n in range(5)])
    assert (second.reason, second.events) == ("raw: KeyError", 1)


def test_what_stands_begins_changes_and_ends(book: AlertBook, clock: Clock) -> None:
    kinds = ("still_broken", "disk_full")
    assert book.stands("archives", kinds, [BROKEN]) == 1
    assert book.stands("archives", kinds, [BROKEN]) == 0
    assert book.stands("machines", kinds, []) == 0, "another domain's answer says nothing about this one"
    assert book.stands("archives", ("disk_full",), []) == 0, "what was not measured is not good again"
    clock.pass_(seconds=5)
    assert book.stands("archives", kinds, [replace(BROKEN, count=4, title="4 still broken")]) == 1
    (incident,) = book.firing()
    assert (incident.events, incident.title, incident.last_at - incident.first_at) == (
        4,
        "4 still broken",
        timedelta(seconds=5),
    )
    assert book.stands("archives", kinds, []) == 1
    assert book.firing() == []
    assert book.stands("archives", kinds, [BROKEN]) == 1
    assert [one.id for one in book.firing()] == [incident.id + 1]


def test_many_who_find_the_same_make_one_incident(book: AlertBook) -> None:
    """Two daemons, or a sensor beside a command."""
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: book.stands("archives", ("still_broken",), [BROKEN]), range(12)))
        list(pool.map(lambda number: book.happened(FAILED, f"run/{number % 6}", NOW), range(24)))
    broken, failed = book.firing()
    assert (broken.events, failed.events) == (3, 6)


def told(minutes: float | None, *, resolved: bool = False, severity: str = "error") -> Incident:
    """An incident that began at noon and was told so many minutes after."""
    noon = Clock().time
    return Incident(
        id=1,
        domain="archives",
        kind="run_failed",
        reason="",
        severity="error" if severity == "error" else "warning",
        title="",
        sample=(),
        recovery="",
        events=1,
        first_at=noon,
        last_at=noon,
        resolved_at=noon if resolved else None,
        told_at=None if minutes is None else noon + timedelta(minutes=minutes),
    )


@pytest.mark.parametrize(
    ("incident", "minutes", "expected"),
    [
        (told(None), 0.4, None),
        (told(None), 0.5, "firing"),
        (told(1), 2, None),
        (told(1), 240, None),
        (told(1), 241, "firing"),
        (told(1, resolved=True), 2, "resolved"),
        (told(None, resolved=True), 0, "resolved"),
    ],
)
def test_what_is_due(incident: Incident, minutes: float, expected: MessageStatus | None) -> None:
    now = incident.first_at + timedelta(minutes=minutes)
    assert due(incident, POLICY, now) == expected
    assert due(incident, replace(POLICY, repeat=None), now) == (None if minutes == 241 else expected)
    quiet = replace(incident, severity="warning")
    assert due(quiet, replace(POLICY, min_severity="error"), now) is None


def test_a_message_is_claimed_by_one_and_keeps_its_id_until_it_is_taken(book: AlertBook, clock: Clock) -> None:
    """A sender that is killed after the receiver took it sends it again: under the same id, so it counts once."""
    outbox = Outbox(book.database, "default", clock)
    book.happened(FAILED, "run/1", NOW)
    assert outbox.claim(POLICY, MINUTE) is None, "the grouping window is not over"
    clock.pass_(seconds=31)
    barrier = threading.Barrier(4)

    def claim(_: int) -> str | None:
        barrier.wait()
        found = outbox.claim(POLICY, MINUTE)
        return None if found is None else found.message_id

    with ThreadPoolExecutor(4) as pool:
        claimed = [found for found in pool.map(claim, range(4)) if found]
    assert len(claimed) == 1
    book.happened(FAILED, "run/2", NOW)
    clock.pass_(seconds=61)
    again = outbox.claim(POLICY, MINUTE)
    assert again is not None
    assert (again.message_id, again.attempts) == (claimed[0], 2)
    assert b'"count": 1' in again.body
    outbox.taken(again)
    assert outbox.claim(POLICY, MINUTE) is None
    clock.pass_(hours=4)
    reminder = outbox.claim(POLICY, MINUTE)
    assert reminder is not None
    assert reminder.message_id != claimed[0]
    assert b'"count": 2' in reminder.body


def test_the_end_of_an_incident_is_told_after_its_beginning_and_before_the_next(book: AlertBook, clock: Clock) -> None:
    outbox = Outbox(book.database, "default", clock)
    book.stands("archives", ("still_broken",), [BROKEN])
    clock.pass_(seconds=31)
    first = outbox.claim(POLICY, MINUTE)
    assert first is not None
    outbox.refused(first, "away", timedelta(seconds=10))
    book.stands("archives", ("still_broken",), [])
    book.stands("archives", ("still_broken",), [BROKEN])
    clock.pass_(seconds=5)
    assert outbox.claim(POLICY, MINUTE) is None, "nothing overtakes what waits for its next attempt"
    statuses = []
    for _ in range(3):
        clock.pass_(seconds=40)
        message = outbox.claim(POLICY, MINUTE)
        assert message is not None
        statuses.append((message.incident - first.incident, message.status))
        outbox.taken(message)
    assert statuses == [(0, "firing"), (0, "resolved"), (1, "firing")]
    assert outbox.claim(POLICY, MINUTE) is None


def test_the_book_forgets_what_is_over_and_nothing_else(book: AlertBook, clock: Clock) -> None:
    book.happened(FAILED, "run/1", NOW)
    book.stands("archives", ("still_broken",), [BROKEN])
    book.stands("archives", ("still_broken",), [])
    errors_only = replace(POLICY, min_severity="error")
    book.sweep(errors_only, timedelta(days=30))
    clock.pass_(days=31)
    book.sweep(errors_only, timedelta(days=30))
    outbox = Outbox(book.database, "default", clock)
    message = outbox.claim(POLICY, MINUTE)
    assert message is not None
    outbox.taken(message)
    assert outbox.claim(POLICY, MINUTE) is None, "the warning that ended was swept"
    assert [one.kind for one in book.firing()] == ["run_failed"]
