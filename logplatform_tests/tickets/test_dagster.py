"""Tickets in Dagster, on a real instance: tick, run, checks, what the web interface shows, and what goes wrong."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.sensor_definition import SensorExecutionData

from logplatform.definitions import build_defs
from logplatform.domains import standing
from logplatform.landing.leases import holder_name
from logplatform.orchestration.checks import source_trouble
from logplatform.orchestration.days import BATCH_TAG
from logplatform.orchestration.drain import drain_backlog
from logplatform.orchestration.home import HOME_VARIABLE, opened_instance
from logplatform.orchestration.reconcile import close_dead_runs, reconcile
from logplatform.orchestration.resources import domain_resources
from logplatform.orchestration.runs import Ran, derive_tags, run_here
from logplatform.settings.model import Settings
from logplatform.stores.ticket_state import TicketState
from logplatform.tenancy import open_tenancy
from logplatform.tickets.measures import arrows, broken
from logplatform.tickets.sensors import waits
from logplatform.tickets.topics import lease_name
from logplatform_tests.tickets.messages import message, numbered
from logplatform_tests.tickets.outcome import log_in, outcome, settings_in
from logplatform_tests.tickets.test_ingest import fill, ingest, made

pytestmark = pytest.mark.slow

DAY_ASSETS = ("raw_tickets", "tickets_with_assignment", "high_priority_tickets", "rejected_tickets")
WHOLE_ASSETS = ("metrics", "tickets_by_type", "tickets_by_priority")


def tick(settings: Settings, instance: dg.DagsterInstance, cursor: str | None = None) -> SensorExecutionData:
    """One evaluation of the sensor, as the daemon makes it; what it tells of assets is stored as the daemon would."""
    repository = build_defs(settings).get_repository_def()
    resources = domain_resources(settings, "tickets")
    with dg.build_sensor_context(
        instance=instance, cursor=cursor, repository_def=repository, resources=resources
    ) as context:
        result = repository.get_sensor_def("tickets_backlog").evaluate_tick(context)
    for event in result.asset_events:
        instance.report_runless_asset_event(event)
    return result


def run_asked(settings: Settings, instance: dg.DagsterInstance) -> Ran:
    """Tick, then run what was asked for."""
    (request,) = tick(settings, instance).run_requests or []
    assert request.run_key == request.tags[BATCH_TAG]
    return run_here(build_defs(settings), instance, "tickets", request.tags)


def newest(instance: dg.DagsterInstance, asset: str) -> dg.AssetMaterialization:
    """The newest materialization of an asset."""
    record = instance.fetch_materializations(dg.AssetKey(["tickets", asset]), limit=1).records[0]
    assert record.asset_materialization is not None
    return record.asset_materialization


def shown(told: dg.AssetMaterialization) -> dict[str, Any]:
    """What the web interface shows of it, as plain values."""
    return {name: value.value for name, value in told.metadata.items()}


def check(instance: dg.DagsterInstance, name: str) -> dg.AssetCheckEvaluation:
    """The newest evaluation of a check."""
    key = dg.AssetCheckKey(dg.AssetKey(["tickets", "tickets_with_assignment"]), name)
    event = instance.event_log_storage.get_latest_asset_check_execution_by_key([key])[key].event
    assert event is not None
    assert event.dagster_event is not None
    return event.dagster_event.asset_check_evaluation_data


def today() -> str:
    return datetime.now(UTC).date().isoformat()


def test_from_the_tick_to_what_the_web_interface_shows(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    settings = settings_in(tmp_path, batch_messages=700)
    values = made(2_000)
    fill(tmp_path, values)
    ran = run_asked(settings, instance)
    assert ran.success, ran.problems
    sums = outcome(settings).sums

    told = {asset: newest(instance, asset) for asset in (*DAY_ASSETS, *WHOLE_ASSETS)}
    assert {asset: it.partition for asset, it in told.items()} == dict.fromkeys(DAY_ASSETS, today()) | dict.fromkeys(
        WHOLE_ASSETS
    )
    assigned = shown(told["tickets_with_assignment"])
    assert assigned["in (messages)"] == 2_000
    assert assigned["out (messages)"] == sums["accepted"]
    assert assigned["duplicates"] == sums["duplicates"] > 0
    assert assigned["dead letters"] == sums["rejected"] > 0
    assert assigned["bytes"] == sum(map(len, values))
    assert "messages a second" in assigned["rate"]
    assert assigned["first failures"].count("\n- ") == 4
    assert len(assigned["preview"].records) == 10
    assert shown(told["raw_tickets"])["commits"] >= 3
    assert shown(told["rejected_tickets"])["out (messages)"] == sums["rejected"]
    assert shown(told["metrics"])["total_tickets"] == sums["accepted"]
    kinds = ("billing", "technical", "account", "general")
    assert sum(shown(told["tickets_by_type"])[kind] for kind in kinds) == sums["accepted"]

    assert check(instance, "conservation").passed
    still_broken = check(instance, "still_broken")
    assert not still_broken.passed
    assert still_broken.metadata["still broken"].value == sums["rejected"]
    second = tick(settings, instance)
    assert (second.run_requests or [], second.skip_message) == ([], "Nothing to ask for: nothing waits.")


def test_what_a_shell_took_in_is_told_to_dagster(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    """A stream goes on under one identity: what it commits after Dagster was told must be told too."""
    settings = settings_in(tmp_path)
    for more in (10, 5):
        fill(tmp_path, [numbered(random.getrandbits(60)) for _ in range(more)])
        ingest(settings)
        with open_tenancy(settings, "tickets") as tenancy:
            assert reconcile(instance, tenancy.days, lambda: False).days == len(DAY_ASSETS + WHOLE_ASSETS)
            assert reconcile(instance, tenancy.days, lambda: False).days == 0
    assert shown(newest(instance, "raw_tickets"))["in (messages)"] == 15
    assert (newest(instance, "metrics").partition, newest(instance, "raw_tickets").partition) == (None, today())
    assert shown(newest(instance, "metrics"))["total_tickets"] == 15


def test_who_is_at_it_already_is_left_alone(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    settings = settings_in(tmp_path)
    fill(tmp_path, [numbered(1)])
    with (
        open_tenancy(settings, "tickets") as tenancy,
        tenancy.ledger.leases.hold(lease_name(tenancy), holder_name("stream")),
    ):
        assert not tick(settings, instance).run_requests
    assert len(tick(settings, instance).run_requests or []) == 1


def test_a_run_that_failed_comes_again_later_and_a_command_does_it_now(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    settings = settings_in(tmp_path)
    fill(tmp_path, [numbered(1)])
    in_the_way = tmp_path / "tickets"
    in_the_way.write_text("a file where the tables' folder should be")
    assert not run_asked(settings, instance).success
    fill(tmp_path, [numbered(2)])
    waiting = tick(settings, instance)
    assert not waiting.run_requests
    assert "tried again at" in (waiting.skip_message or "")
    in_the_way.unlink()
    with open_tenancy(settings, "tickets") as tenancy:
        done = drain_backlog(build_defs(settings), instance, tenancy, waits)
    assert [ran.success for ran in done.ran] == [True]
    assert outcome(settings).sums["accepted"] == 2


def test_a_log_that_was_replaced_is_trouble_and_nothing_is_asked_for(
    tmp_path: Path, instance: dg.DagsterInstance
) -> None:
    settings = settings_in(tmp_path)
    fill(tmp_path, [numbered(n) for n in range(30)])
    ingest(settings)
    folder = log_in(tmp_path).folder
    folder.rename(tmp_path / "elsewhere")
    fill(tmp_path, [numbered(100)])
    result = tick(settings, instance)
    assert not result.run_requests
    raw = dg.AssetKey(["tickets", "raw_tickets"])
    assert "it was replaced" in source_trouble(instance, raw)["source spool"]
    found = standing(settings, "tickets")
    assert found is not None
    assert found.broken
    with open_tenancy(settings, "tickets") as tenancy:
        assert broken(tenancy).count >= 1
    log_in(tmp_path).folder.rename(tmp_path / "away")
    (tmp_path / "elsewhere").rename(folder)
    assert not tick(settings, instance, result.cursor).run_requests
    assert source_trouble(instance, raw) == {}


def test_a_topic_that_nobody_reads_on_is_broken(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    fill(tmp_path, [numbered(1, created_at="2026-11-22T10:00:00Z")])
    ingest(settings)
    fill(tmp_path, [numbered(2, created_at="2026-11-22T10:00:30Z")])
    later = datetime.now(UTC) + timedelta(minutes=20)
    with open_tenancy(settings, "tickets", lambda: later) as tenancy:
        (fault,) = broken(tenancy).sample
        assert "1 messages wait" in fault.reason
        assert [arrow.missing for arrow in arrows(tenancy)] == [0, 0, 0]
    with open_tenancy(settings, "tickets") as tenancy:
        assert broken(tenancy).count == 0


def test_a_ticket_that_is_lost_is_missed(tmp_path: Path) -> None:
    """A conservation check that cannot fail is none."""
    settings = settings_in(tmp_path)
    fill(tmp_path, made(200))
    ingest(settings)
    with open_tenancy(settings, "tickets") as tenancy:
        with tenancy.database.write() as connection:
            connection.exec_driver_sql(
                "UPDATE dataset_file SET rows = rows - 1 WHERE dataset = 'tickets_with_assignment'"
            )
        assert [arrow.missing for arrow in arrows(tenancy)] == [1, -1, 0]
        with tenancy.database.write() as connection:
            connection.exec_driver_sql("DELETE FROM dead_letter WHERE position % 2 = 0")
        assert arrows(tenancy)[2].missing > 0


def test_partitions_that_begin_later_are_accounted_for(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    for partition in (1, 0, 2):
        log_in(tmp_path).append_to(partition, [numbered(10 * partition + n) for n in range(3)])
        ingest(settings)
        with open_tenancy(settings, "tickets") as tenancy:
            assert [arrow.missing for arrow in arrows(tenancy)] == [0, 0, 0]
            assert arrows(tenancy)[0].came == outcome_messages(settings)


def test_the_aggregate_tables_alone_are_counted_from_the_tickets(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    settings = settings_in(tmp_path)
    fill(tmp_path, made(300))
    ingest(settings)
    before = outcome(settings)
    with open_tenancy(settings, "tickets") as tenancy, tenancy.database.write() as connection:
        connection.exec_driver_sql("UPDATE ticket_total SET tickets = tickets + 1")
        connection.exec_driver_sql("DELETE FROM ticket_client")
    job = build_defs(settings).resolve_job_def("tickets")
    keys = [dg.AssetKey(["tickets", asset]) for asset in WHOLE_ASSETS]
    result = job.execute_in_process(instance=instance, asset_selection=keys)
    assert result.success
    assert outcome(settings) == before
    assert shown(newest(instance, "metrics"))["total_tickets"] == before.sums["accepted"]


def test_a_day_without_its_messages_is_refused_and_stays(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    settings = settings_in(tmp_path)
    fill(tmp_path, [*(numbered(n) for n in range(20)), b"{}"])
    ingest(settings)
    before = outcome(settings)
    (log_in(tmp_path).folder / "1").rename(tmp_path / "1")
    (log_in(tmp_path).folder / "1").mkdir()
    (log_in(tmp_path).folder / "1" / f"{50:020}.jsonl").write_bytes(message() + b"\n")
    day = datetime.now(UTC).date()
    ran = run_here(build_defs(settings), instance, "tickets", derive_tags("tickets", day, day))
    assert not ran.success
    assert any("is gone from the log (retention)" in problem for problem in ran.problems), ran.problems
    assert outcome(settings) == before


@pytest.mark.parametrize("share", [0.6, *(pytest.param(share, marks=pytest.mark.faults) for share in (0.05, 0.3, 0.9))])
def test_a_killed_command_is_taken_up_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, share: float
) -> None:
    """Nothing lost, nothing twice, and Dagster knows of all of it."""
    values = made(3_000, seed=7)
    clean = settings_in(tmp_path / "clean", batch_messages=100)
    fill(tmp_path / "clean", values)
    ingest(clean)
    stage = settings_in(tmp_path / "stage", batch_messages=100)
    fill(tmp_path / "stage", values)
    begun = time.monotonic()
    first = _command(stage)
    while first.poll() is None and _taken(stage) < share * len(values) and time.monotonic() - begun < 200:
        time.sleep(0.01)
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    assert _taken(stage) > 0
    assert _command(stage).wait() in {0, 1}
    assert outcome(stage) == outcome(clean)
    monkeypatch.setenv(HOME_VARIABLE, str(stage.dagster_home))
    with opened_instance(stage) as instance, open_tenancy(stage, "tickets") as tenancy:
        close_dead_runs(instance)
        reconcile(instance, tenancy.days, lambda: False)
        assert list(tenancy.days.unreported()) == []
        assert shown(newest(instance, "raw_tickets"))["in (messages)"] == len(values)
        assert all(run.is_finished for run in instance.get_runs())


def _command(settings: Settings) -> subprocess.Popen[bytes]:
    config = settings.data_root / "logplatform.yaml"
    config.write_text(json.dumps(settings.model_dump(mode="json", include={"data_root", "tickets"})), encoding="utf-8")
    command = [Path(sys.executable).parent / "logplatform", "--config", config, "run", "--domain", "tickets"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("DAGSTER", "LOGPLATFORM"))}
    return subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )


def _taken(settings: Settings) -> int:
    found = standing(settings, "tickets")
    return 0 if found is None else found.files["taken in"] + found.files["refused"] + found.files["duplicates"]


def test_a_topic_that_cannot_be_read_does_not_hold_up_the_others(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    topics = [{"name": "first", "topic": "one"}, {"name": "second", "topic": "two"}]
    settings = settings_in(tmp_path, topics=topics)
    for topic in ("one", "two"):
        log_in(tmp_path, topic).append([(b"k", numbered(ord(topic[0])))])
    ingest(settings)
    log_in(tmp_path, "one").folder.rename(tmp_path / "away")
    log_in(tmp_path, "one")
    log_in(tmp_path, "two").append([(b"k", numbered(7))])
    (request,) = tick(settings, instance).run_requests or []
    ran = run_here(build_defs(settings), instance, "tickets", request.tags)
    assert not ran.success
    assert any("the spool was replaced" in problem for problem in ran.problems), ran.problems
    assert outcome_messages(settings) == 3


def outcome_messages(settings: Settings) -> int:
    """Messages that were taken in."""
    with open_tenancy(settings, "tickets") as tenancy:
        return TicketState(tenancy.database, tenancy.tenant).sums()["messages"]
