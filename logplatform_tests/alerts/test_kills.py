"""A sender that is killed in the middle of a message: it comes again, under the same id."""

import multiprocessing
import os
import signal
import time
from datetime import timedelta

from pydantic import SecretStr

from logplatform.alerts.book import AlertBook
from logplatform.alerts.dispatch import Dispatched, dispatch
from logplatform.alerts.incident import Signal
from logplatform.landing.leases import utc_now
from logplatform.settings.alerts import AlertsSettings
from logplatform.stores.places import Place
from logplatform.stores.sql import Database
from logplatform_tests.alerts.receiver import receiving

SPAWN = multiprocessing.get_context("spawn")


def settings_to(url: str) -> AlertsSettings:
    secret = SecretStr("correct-horse-battery-staple")
    return AlertsSettings(webhook_url=SecretStr(url), secret=secret, group_seconds=0, timeout_seconds=20)


def send(place: Place, url: str) -> None:
    dispatch(AlertBook(place.open(), "default", utc_now), settings_to(url), lambda: False)


def test_a_killed_sender_loses_no_message_and_another_waits_for_its_claim(place: Place, database: Database) -> None:
    book = AlertBook(database, "default", utc_now)
    failed = Signal("archives", "run_failed", "raw: OSError", "error", "runs fail in raw")
    book.happened(failed, "run/1", utc_now())
    with receiving(["hang"]) as receiver:
        child = SPAWN.Process(target=send, args=(place, receiver.url))
        child.start()
        deadline = time.monotonic() + 60
        while not receiver.requests:
            assert time.monotonic() < deadline, "the sender did not begin"
            time.sleep(0.02)
        os.kill(child.pid or 0, signal.SIGKILL)
        child.join()
        assert dispatch(book, settings_to(receiver.url), lambda: False) == Dispatched(0), "its claim still lasts"
        later = AlertBook(book.database, "default", lambda: utc_now() + timedelta(minutes=2))
        assert dispatch(later, settings_to(receiver.url), lambda: False) == Dispatched(1)
        assert dispatch(later, settings_to(receiver.url), lambda: False) == Dispatched(0)
    assert len(receiver.requests) == 2
    assert len({request.headers["webhook-id"] for request in receiver.requests}) == 1
    assert len({request.body for request in receiver.requests}) == 1
