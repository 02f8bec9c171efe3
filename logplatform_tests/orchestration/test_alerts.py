"""Breaking things, and what is told of it: the sensors on a real instance, a real receiver at the other end."""

import shutil
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import dagster as dg
import pytest
from dagster._core.definitions.sensor_definition import SensorExecutionData
from dagster._daemon.types import DaemonHeartbeat
from pydantic import SecretStr

from logplatform.failures import PermanentFailure
from logplatform.landing.retry import RetryPolicy
from logplatform.orchestration.alerts import (
    SILENCE_SECONDS,
    domain_of,
    note_silence,
    opened_book,
    silent_daemons,
)
from logplatform.orchestration.resources import domain_resources
from logplatform.orchestration.runs import derive_tags, proposal_tags, run_here
from logplatform.orchestration.sensors import bounds_of, tick
from logplatform.settings.alerts import AlertsSettings
from logplatform.settings.model import Settings
from logplatform.tenancy import open_tenancy
from logplatform_tests.alerts.receiver import Receiver, receiving
from logplatform_tests.orchestration.toy import put, toy_definitions, watched

DAY = date(2025, 5, 12)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


@pytest.fixture
def settings(settings: Settings, receiver: Receiver) -> Settings:
    """The toy's settings, with a receiver, and no wait before a first message."""
    secret = SecretStr("correct-horse-battery-staple")
    alerts = AlertsSettings(webhook_url=SecretStr(receiver.url), secret=secret, group_seconds=0)
    return settings.model_copy(update={"alerts": alerts})


def evaluated(
    settings: Settings, instance: dg.DagsterInstance, name: str, cursor: str | None = None
) -> SensorExecutionData:
    """One tick of a sensor, as the daemon makes it; its events are stored as the daemon would."""
    repository = toy_definitions(settings).get_repository_def()
    resources = domain_resources(settings, "machines")
    with dg.build_sensor_context(
        instance=instance, cursor=cursor, repository_def=repository, resources=resources
    ) as context:
        result = repository.get_sensor_def(name).evaluate_tick(context)
    for event in result.asset_events:
        instance.report_runless_asset_event(event)
    return result


def land(settings: Settings, instance: dg.DagsterInstance) -> None:
    """Take in what is new."""
    with open_tenancy(settings, "machines") as tenancy:
        (proposal,) = tick(tenancy, watched(tenancy), bounds_of(settings), set()).proposals
    assert run_here(toy_definitions(settings), instance, "machines", proposal_tags("machines", proposal)).success


def breaks(asset: str, day: date) -> None:
    raise PermanentFailure("no room left; password=hunter2 did not help")


def test_failed_runs_of_one_reason_are_one_alert_until_one_succeeds(
    settings: Settings, instance: dg.DagsterInstance, receiver: Receiver
) -> None:
    put(settings, "20250512")
    land(settings, instance)
    cursor = evaluated(settings, instance, "run_failures").cursor
    tags = derive_tags("machines", DAY, DAY)
    for _ in range(3):
        assert not run_here(toy_definitions(settings, breaks), instance, "machines", tags).success
    for _ in range(5):
        # The daemon was killed before it kept the cursor: the same runs are seen again.
        evaluated(settings, instance, "run_failures", cursor)
    evaluated(settings, instance, "alerts")
    (told,) = receiver.taken
    assert (told["status"], told["domain"], told["kind"], told["count"]) == ("firing", "machines", "run_failed", 3)
    assert told["reason"] == "machines__lines: PermanentFailure"
    assert told["title"] == "runs fail in machines__lines: no room left; ******** did not help"
    assert len(told["sample"]) == 3
    assert "hunter2" not in str(told)

    assert run_here(toy_definitions(settings), instance, "machines", tags).success
    evaluated(settings, instance, "alerts")
    assert [told["status"] for told in receiver.taken] == ["firing", "resolved"]
    evaluated(settings, instance, "alerts")
    assert len(receiver.taken) == 2


def test_a_broken_file_and_a_source_that_is_gone_are_told_and_their_end_too(
    settings: Settings, instance: dg.DagsterInstance, receiver: Receiver
) -> None:
    path = put(settings, "20250512")
    with open_tenancy(settings, "machines") as tenancy:
        tick(tenancy, watched(tenancy), bounds_of(settings), set())
        (found,) = tenancy.ledger.find()
        with tenancy.ledger.transaction() as connection:
            tenancy.ledger.fail(connection, found, "corruption", "cut off", "run", RetryPolicy())
    aside = settings.data_root / "aside"
    shutil.move(path.parents[1], aside)
    cursor = evaluated(settings, instance, "machines_sources").cursor
    evaluated(settings, instance, "alerts")
    found_kinds = {told["kind"]: told for told in receiver.taken}
    assert found_kinds.keys() == {"still_broken", "source_unreachable"}
    assert (found_kinds["still_broken"]["severity"], found_kinds["still_broken"]["count"]) == ("warning", 1)
    gone = found_kinds["source_unreachable"]
    assert (gone["severity"], gone["reason"], gone["title"]) == ("error", "plant", "source plant cannot be read")

    shutil.move(aside, path.parents[1])
    evaluated(settings, instance, "machines_sources", cursor)
    with open_tenancy(settings, "machines") as tenancy, tenancy.ledger.transaction() as connection:
        tenancy.ledger.advance(connection, [found], "processed", "run")
    evaluated(settings, instance, "alerts")
    assert sorted((told["kind"], told["status"]) for told in receiver.taken[2:]) == [
        ("source_unreachable", "resolved"),
        ("still_broken", "resolved"),
    ]


def test_a_full_disk_and_a_store_that_cannot_be_read_are_told(
    settings: Settings, instance: dg.DagsterInstance, receiver: Receiver
) -> None:
    landing = settings.landing.model_copy(update={"disk_space_threshold_gb": 1e9, "disk_space_target_gb": 1e9})
    full = settings.model_copy(update={"landing": landing})
    evaluated(full, instance, "alerts")
    told = [(told["domain"], told["kind"], told["status"]) for told in receiver.taken]
    assert told == [("platform", "disk_full", "firing")], "one disk is one alert, however many domains share it"

    file = settings.data_root / "machines.db"
    whole = file.read_bytes()
    for name in (f"{file.name}-wal", f"{file.name}-shm"):
        file.with_name(name).unlink(missing_ok=True)
    file.write_bytes(b"this is no database" * 1000)
    evaluated(full, instance, "alerts")
    (down,) = receiver.taken[1:]
    assert (down["kind"], down["domain"], down["sample"]) == (
        "store_down",
        "machines",
        ["(sqlite3.DatabaseError) file is not a database"],
    )
    file.write_bytes(whole)
    evaluated(settings, instance, "alerts")
    assert sorted((told["kind"], told["status"]) for told in receiver.taken[2:]) == [
        ("disk_full", "resolved"),
        ("store_down", "resolved"),
    ]


def test_daemons_that_stopped_are_told_and_so_is_a_time_in_which_nobody_watched(
    settings: Settings, instance: dg.DagsterInstance, receiver: Receiver
) -> None:
    now = time.time()
    for daemon, ago in (("SENSOR", 5.0), ("QUEUED_RUN_COORDINATOR", SILENCE_SECONDS + 60)):
        instance.add_daemon_heartbeat(DaemonHeartbeat(now - ago, daemon, "id", []))
    (silent,) = silent_daemons(instance, datetime.now(UTC))
    assert silent.reason == "QUEUED_RUN_COORDINATOR"
    evaluated(settings, instance, "alerts", (datetime.now(UTC) - timedelta(hours=2)).isoformat())
    stopped, unwatched = sorted(receiver.taken, key=lambda told: told["reason"])
    assert (stopped["status"], stopped["reason"]) == ("firing", "QUEUED_RUN_COORDINATOR")
    assert (unwatched["status"], unwatched["severity"]) == ("resolved", "warning")
    assert unwatched["title"].startswith("nothing was watched from ")


@pytest.mark.parametrize("cursor", [None, "", "x", "2025-05-12", "{}"])
def test_a_cursor_that_cannot_be_read_tells_nothing(settings: Settings, cursor: str | None) -> None:
    with opened_book(settings) as book:
        note_silence(book, cursor, datetime(2025, 6, 1, tzinfo=UTC))
        assert book.firing() == []


def test_a_receiver_that_hangs_costs_one_timeout_a_tick(
    settings: Settings, instance: dg.DagsterInstance, receiver: Receiver
) -> None:
    """The tick must stay far below Dagster's own 60 s however many alerts wait."""
    alerts = settings.alerts.model_copy(update={"timeout_seconds": 1.0})
    slow = settings.model_copy(update={"alerts": alerts})
    shutil.rmtree(settings.machines.sources[0].path)
    evaluated(slow, instance, "machines_sources")
    receiver.behaviours += ["hang", "hang"]
    begun = time.monotonic()
    told = evaluated(slow, instance, "alerts")
    assert time.monotonic() - begun < 5
    assert told.skip_message is not None
    assert "the receiver did not take one: http://127.0.0.1:" in told.skip_message
    assert "very-private" not in told.skip_message


def test_the_domain_of_a_run_is_told_by_its_tag_its_assets_or_its_job() -> None:
    keys = frozenset({dg.AssetKey(["archives", "raw"]), dg.AssetKey(["archives", "events"])})
    assert domain_of(dg.DagsterRun("__ASSET_JOB", tags={"logplatform/domain": "machines"})) == "machines"
    assert domain_of(dg.DagsterRun("__ASSET_JOB", asset_selection=keys)) == "archives"
    assert domain_of(dg.DagsterRun("other")) == "other"
