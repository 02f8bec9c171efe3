"""Sending: signed, tried again, grouped, once, and none of it lost by a restart."""

import re
import socket
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from itertools import count

import pytest
from pydantic import SecretStr

from logplatform.alerts.book import AlertBook
from logplatform.alerts.dispatch import AGAIN, Dispatched, dispatch
from logplatform.alerts.incident import Signal
from logplatform.settings.alerts import AlertsSettings
from logplatform.stores.places import Place
from logplatform_tests.alerts.conftest import Clock
from logplatform_tests.alerts.receiver import Behaviour, Receiver, receiving

SECRET = "correct-horse-battery-staple"
FAILED = Signal(
    "archives", "run_failed", "raw: OSError", "error", "runs fail in raw: no room", sample=["run 1: no room"]
)
BROKEN = Signal("machines", "still_broken", "", "warning", "1 still broken", 1, ["a.gz: cut"], "send it again")
NOW = Clock().time
AGAIN_SECONDS = AGAIN.wait(1, 0.999).total_seconds() + 1


def to(url: str, secret: str = SECRET, **values: object) -> AlertsSettings:
    """Settings that send to `url`."""
    return AlertsSettings.model_validate(
        {"webhook_url": SecretStr(url), "secret": SecretStr(secret), "timeout_seconds": 1, **values}
    )


def never() -> bool:
    return False


def test_a_message_says_what_is_wrong_and_is_signed(book: AlertBook, clock: Clock, receiver: Receiver) -> None:
    for number in range(7):
        book.happened(replace(FAILED, sample=[f"run {number}: no room"]), f"run/{number}", NOW)
    assert dispatch(book, to(receiver.url), never) == Dispatched(0)
    clock.pass_(seconds=31)
    assert dispatch(book, to(receiver.url), never) == Dispatched(1)
    assert dispatch(book, to(receiver.url), never) == Dispatched(0)
    (request,) = receiver.requests
    assert request.is_signed(SECRET.encode())
    assert not request.is_signed(b"another")
    assert int(request.headers["webhook-timestamp"]) == clock().timestamp()
    told = request.told
    assert (told["status"], told["domain"], told["kind"], told["severity"]) == (
        "firing",
        "archives",
        "run_failed",
        "error",
    )
    assert (told["count"], told["title"], told["tenant"]) == (7, "runs fail in raw: no room", "default")
    assert told["sample"] == [f"run {number}: no room" for number in range(5)]
    assert told["id"] == request.headers["webhook-id"]
    assert told["text"].startswith("ALERT archives: runs fail in raw: no room (error, 7)\n- run 0: no room\n")
    assert SECRET.encode() not in request.body


def test_a_secret_in_the_form_of_standard_webhooks_is_its_bytes(
    book: AlertBook, clock: Clock, receiver: Receiver
) -> None:
    """The example of the specification: `whsec_` and base64."""
    book.happened(FAILED, "run/1", NOW)
    clock.pass_(seconds=31)
    dispatch(book, to(receiver.url, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), never)
    key = bytes.fromhex("31f290f6bf06298aab4f08d43c3f082cf648a362da2da4b0")
    assert receiver.requests[0].is_signed(key)


@pytest.mark.parametrize("behaviour", [500, 429, 404, "hang", "nothing", "redirect"])
def test_what_is_not_taken_comes_again_under_the_same_id(
    behaviour: Behaviour, book: AlertBook, clock: Clock, receiver: Receiver
) -> None:
    receiver.behaviours += [behaviour, behaviour]
    book.happened(FAILED, "run/1", NOW)
    clock.pass_(seconds=31)
    first = dispatch(book, to(receiver.url), never)
    assert first.failure
    assert "very-private" not in first.failure
    assert dispatch(book, to(receiver.url), never) == Dispatched(0), "it is not tried again at once"
    clock.pass_(seconds=AGAIN_SECONDS)
    assert dispatch(book, to(receiver.url), never).failure
    clock.pass_(seconds=2 * AGAIN_SECONDS)
    assert dispatch(book, to(receiver.url), never) == Dispatched(1)
    assert len({request.headers["webhook-id"] for request in receiver.requests}) == 1
    assert len({request.body for request in receiver.requests}) == 1
    assert len({request.headers["webhook-signature"] for request in receiver.requests}) == 3
    assert all(request.is_signed(SECRET.encode()) for request in receiver.requests)


def test_an_alert_nobody_took_survives_a_restart_and_is_sent_once(place: Place, clock: Clock) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"http://127.0.0.1:{port}/hooks/very-private"

    def turn(act: Callable[[AlertBook], object]) -> object:
        database = place.open()
        try:
            return act(AlertBook(database, "default", clock))
        finally:
            database.close()

    turn(lambda book: book.happened(FAILED, "run/1", NOW))
    clock.pass_(seconds=31)
    for _ in range(3):
        done = turn(lambda book: dispatch(book, to(url), never))
        assert isinstance(done, Dispatched)
        assert re.search("refused", done.failure)
        clock.pass_(minutes=20)
    with receiving(port=port) as receiver:
        assert turn(lambda book: dispatch(book, to(url), never)) == Dispatched(1)
        assert turn(lambda book: dispatch(book, to(url), never)) == Dispatched(0)
    assert [told["count"] for told in receiver.taken] == [1]


def test_the_end_is_told_and_a_reminder_while_it_lasts(book: AlertBook, clock: Clock, receiver: Receiver) -> None:
    settings = to(receiver.url, repeat_seconds=3600)
    book.stands("machines", ("still_broken",), [BROKEN])
    for minutes in (1, 30, 40, 50):
        clock.pass_(minutes=minutes)
        dispatch(book, settings, never)
    book.stands("machines", ("still_broken",), [])
    dispatch(book, settings, never)
    clock.pass_(days=1)
    dispatch(book, settings, never)
    assert [told["status"] for told in receiver.taken] == ["firing", "firing", "resolved"]
    assert receiver.taken[-1]["resolved_at"]
    assert len({told["incident"] for told in receiver.taken}) == 1


def test_what_was_good_again_before_anybody_was_told_is_one_message(
    book: AlertBook, clock: Clock, receiver: Receiver
) -> None:
    book.stands("machines", ("still_broken",), [BROKEN])
    clock.pass_(seconds=10)
    book.stands("machines", ("still_broken",), [])
    clock.pass_(seconds=60)
    assert dispatch(book, to(receiver.url), never) == Dispatched(1)
    assert [told["status"] for told in receiver.taken] == ["resolved"]


def test_below_the_severity_nothing_is_sent(book: AlertBook, clock: Clock, receiver: Receiver) -> None:
    book.stands("machines", ("still_broken",), [BROKEN])
    book.happened(FAILED, "run/1", NOW)
    clock.pass_(minutes=1)
    assert dispatch(book, to(receiver.url, min_severity="error"), never) == Dispatched(1)
    assert [told["kind"] for told in receiver.taken] == ["run_failed"]


def test_without_an_address_nothing_is_sent_and_what_is_over_is_not_told_later(
    book: AlertBook, clock: Clock, receiver: Receiver
) -> None:
    book.happened(FAILED, "run/1", NOW)
    book.stands("machines", ("still_broken",), [BROKEN])
    book.stands("machines", ("still_broken",), [])
    clock.pass_(minutes=1)
    assert dispatch(book, AlertsSettings(), never) == Dispatched(0)
    assert dispatch(book, to(receiver.url), never) == Dispatched(1)
    assert [told["kind"] for told in receiver.taken] == ["run_failed"]


def test_a_turn_ends_in_time_and_at_the_first_failure(book: AlertBook, clock: Clock, receiver: Receiver) -> None:
    """A hundred alerts for a receiver that hangs must cost one timeout a turn, not a hundred."""
    for number in range(100):
        book.happened(replace(FAILED, reason=f"step {number}"), f"run/{number}", NOW)
    clock.pass_(minutes=1)
    receiver.behaviours.append("hang")
    assert dispatch(book, to(receiver.url), never).failure
    assert len(receiver.requests) == 1
    asked = count()
    assert dispatch(book, to(receiver.url), lambda: next(asked) >= 10) == Dispatched(10)
    assert dispatch(book, to(receiver.url), never) == Dispatched(89)
    clock.pass_(seconds=AGAIN_SECONDS + timedelta(minutes=1).total_seconds())
    assert dispatch(book, to(receiver.url), never) == Dispatched(1)
    assert len({told["id"] for told in receiver.taken}) == 100
