"""Day assets: what Dagster is told of days with and without input, of failures, and when."""

from collections.abc import Iterator
from datetime import date

import dagster as dg
import pytest

from logplatform.failures import LeaseLost, PermanentFailure, TransientFailure
from logplatform.orchestration.days import DayGroup, DayRun, day_partitions, range_tags
from logplatform.orchestration.failures import translated
from logplatform.orchestration.figures import DayReport
from logplatform.orchestration.resources import domain_resources
from logplatform.orchestration.runs import proposal_tags, run_here
from logplatform.orchestration.sensors import bounds_of, tick
from logplatform.settings.model import Settings
from logplatform.tenancy import open_tenancy
from logplatform_tests.orchestration.toy import put, toy_definitions, watched

LINES = dg.AssetKey(["machines", "lines"])
RAW = dg.AssetKey(["machines", "raw"])


def propose_and_run(settings: Settings, instance: dg.DagsterInstance) -> list[str]:
    """Everything new, in this process; the runs' identities."""
    definitions = toy_definitions(settings)
    with open_tenancy(settings, "machines") as tenancy:
        done = tick(tenancy, watched(tenancy), bounds_of(settings), set())
    ran = [run_here(definitions, instance, "machines", proposal_tags("machines", one)) for one in done.proposals]
    assert all(one.success for one in ran), ran
    return [one.run_id for one in ran]


def test_a_gap_day_is_never_materialized_and_each_day_has_its_own_figures(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    """The reason for the mark of `days`: were Dagster to change it, the gap day or equal figures would show here."""
    for day, text in (("20250512", "a\n"), ("20250513", "a\nb\n"), ("20250515", "a\nb\nc\n")):
        put(settings, day, text)
    propose_and_run(settings, instance)
    definitions = toy_definitions(settings)
    ran = run_here(definitions, instance, "machines", range_tags(date(2025, 5, 12), date(2025, 5, 16)))
    assert ran.success

    assert instance.get_materialized_partitions(LINES) == {"2025-05-12", "2025-05-13", "2025-05-15"}
    assert instance.get_materialized_partitions(RAW) == {"2025-05-12", "2025-05-13", "2025-05-15"}
    told = [one.asset_materialization for one in instance.fetch_materializations(LINES, limit=3).records]
    counted = {one.partition: one.metadata["in (lines)"].value for one in told if one is not None}
    assert counted == {"2025-05-12": 1, "2025-05-13": 2, "2025-05-15": 3}


def test_runs_cover_consecutive_days_only_and_carry_their_batch(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    """One run for each run of consecutive days that hold files, never over a day without input."""
    for day in ("20250512", "20250513", "20250515"):
        put(settings, day)
    runs = [instance.get_run_by_id(run_id) for run_id in propose_and_run(settings, instance)]
    ranges = [
        (run.tags["dagster/asset_partition_range_start"], run.tags["dagster/asset_partition_range_end"])
        for run in runs
        if run is not None
    ]
    assert ranges == [("2025-05-12", "2025-05-13"), ("2025-05-15", "2025-05-15")]
    assert len({run.tags["logplatform/batch_id"] for run in runs if run is not None}) == 2


def test_events_a_day_are_bounded(settings: Settings, instance: dg.DagsterInstance) -> None:
    """A backfill over many days may cost one event a day and derived asset, not more: events are kept for ever."""
    for number in range(1, 29):
        put(settings, f"202502{number:02d}")
    propose_and_run(settings, instance)
    definitions = toy_definitions(settings)
    ran = run_here(definitions, instance, "machines", range_tags(date(2025, 2, 1), date(2025, 2, 28)))
    events = [entry for entry in instance.all_logs(ran.run_id) if entry.is_dagster_event]
    days = [entry for entry in events if entry.dagster_event_type == dg.DagsterEventType.ASSET_MATERIALIZATION]
    assert len(days) == 28
    assert len(events) - len(days) < 30


def test_the_checks_run_in_the_run_and_tell(settings: Settings, instance: dg.DagsterInstance) -> None:
    """A yielded output, though it tells of no day, must let checks and downstream assets run."""
    put(settings, "20250512")
    (run_id,) = propose_and_run(settings, instance)
    done = [
        entry.dagster_event.asset_check_evaluation_data
        for entry in instance.all_logs(run_id, of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
        if entry.dagster_event is not None
    ]
    assert {(one.check_name, one.passed) for one in done} == {("conservation", True), ("still_broken", True)}


def group_with(settings: Settings, work: object) -> dg.Definitions:
    group = DayGroup("machines", settings, day_partitions(settings))
    asset = group.asset("probe", description="probe", kinds={"table"})(work)  # ty: ignore[invalid-argument-type] (the tests' own functions)
    return dg.Definitions(
        assets=[asset],
        jobs=[dg.define_asset_job("machines", executor_def=dg.in_process_executor)],
        resources=domain_resources(settings, "machines"),
    )


def test_a_permanent_failure_is_never_retried_and_keeps_the_days_before(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    """Retrying what cannot succeed is the storm that others had; committed days stay reported."""
    calls: list[int] = []

    def work(run: DayRun) -> Iterator[DayReport]:
        calls.append(1)
        yield DayReport(run.days[0], "files", 1, 1)
        raise PermanentFailure("plant: login refused")

    tags = range_tags(date(2025, 5, 12), date(2025, 5, 13))
    ran = run_here(group_with(settings, work), instance, "machines", tags)
    assert not ran.success
    assert calls == [1]
    assert "login refused" in " ".join(ran.problems)
    assert instance.get_materialized_partitions(dg.AssetKey(["machines", "probe"])) == {"2025-05-12"}


def test_a_transient_failure_is_tried_again(settings: Settings, instance: dg.DagsterInstance) -> None:
    """A server that is away for a moment must not fail the run."""
    calls: list[int] = []

    def work(run: DayRun) -> Iterator[DayReport]:
        calls.append(1)
        if len(calls) == 1:
            raise TransientFailure("connection lost")
        yield DayReport(run.days[0], "files", 1, 1)

    ran = run_here(group_with(settings, work), instance, "machines", range_tags(date(2025, 5, 12), date(2025, 5, 12)))
    assert ran.success
    assert calls == [1, 1]


def test_failures_are_translated_by_their_type() -> None:
    """Waits grow and end; a lost lease ends at once; a mistake in the program stays what it is."""
    with pytest.raises(dg.RetryRequested) as asked, translated(1):
        raise TransientFailure("away")
    assert asked.value.seconds_to_wait is not None
    with pytest.raises(dg.Failure, match="after 4 attempts"), translated(4):
        raise TransientFailure("away")
    with pytest.raises(dg.Failure, match="the other run"), translated(1):
        raise LeaseLost("batch/x was taken over")
    with pytest.raises(ZeroDivisionError), translated(1):
        raise ZeroDivisionError
