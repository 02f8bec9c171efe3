"""`logplatform alerts`: what is not good, and trying the receiver."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from logplatform.alerts.book import AlertBook
from logplatform.alerts.incident import Signal
from logplatform.cli import main
from logplatform.landing.leases import utc_now
from logplatform.stores.sql import Database
from logplatform_tests.alerts.receiver import receiving

SECRET = "correct-horse-battery-staple"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "logplatform.yaml"
    file.write_text("tenant: default\n", encoding="utf-8")
    return file


def alerts(file: Path, *arguments: str, url: str = "") -> Result:
    env = {"LOGPLATFORM_ALERTS__WEBHOOK_URL": url, "LOGPLATFORM_ALERTS__SECRET": SECRET if url else ""}
    return CliRunner().invoke(main, ["--config", str(file), "alerts", *arguments], env=env)


def test_incidents_are_listed_and_nothing_is_made_by_asking(file: Path) -> None:
    nothing = alerts(file, "list")
    assert (nothing.exit_code, nothing.output) == (0, "Nothing needs you.\n")
    database_file = file.parent / "data" / "alerts.db"
    assert not database_file.exists()
    database = Database.at(database_file)
    signal = Signal("archives", "still_broken", "", "warning", "3 still broken", 3, ["a.gz: cut"])
    AlertBook(database, "default", utc_now).stands("archives", ("still_broken",), [signal])
    database.close()
    told = alerts(file, "list")
    assert told.exit_code == 1
    assert "3 still broken" in told.output
    assert "not yet" in told.output
    (incident,) = json.loads(alerts(file, "list", "--json").output)
    assert (incident["kind"], incident["events"], incident["sample"]) == ("still_broken", 3, ["a.gz: cut"])


def test_a_trial_message_is_sent_signed_and_a_failure_is_told(file: Path) -> None:
    with receiving([200, 403]) as receiver:
        taken = alerts(file, "test", url=receiver.url)
        assert taken.exit_code == 0, taken.output
        refused = alerts(file, "test", url=receiver.url)
    assert refused.exit_code == 1
    assert "it answered 403" in refused.output
    assert "very-private" not in refused.output
    assert all(request.is_signed(SECRET.encode()) for request in receiver.requests)
    assert receiver.taken[0]["kind"] == "test"
    assert receiver.taken[0]["id"] in taken.output
    assert not (file.parent / "data").exists()


def test_without_a_receiver_the_variables_are_named(file: Path) -> None:
    result = alerts(file, "test")
    assert result.exit_code == 2
    assert "LOGPLATFORM_ALERTS__WEBHOOK_URL" in result.output
