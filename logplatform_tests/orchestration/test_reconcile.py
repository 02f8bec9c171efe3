"""Days of runs that died: told to Dagster once, and only when it is time."""

import os
import signal
import subprocess
import sys
from datetime import date
from pathlib import Path

import dagster as dg
import psutil

from logplatform.orchestration.days import range_tags
from logplatform.orchestration.figures import DayReport
from logplatform.orchestration.reconcile import close_dead_runs, reconcile
from logplatform.orchestration.runs import process_name, proposal_tags, run_here
from logplatform.orchestration.sensors import bounds_of, tick
from logplatform.settings.model import Settings
from logplatform.tenancy import Tenancy, open_tenancy
from logplatform_tests.orchestration.toy import put, toy_definitions, watched

LINES = dg.AssetKey(["machines", "lines"])
RAW = dg.AssetKey(["machines", "raw"])

KILLED = """
import os, signal, sys
from datetime import date
from pathlib import Path
from logplatform.orchestration.home import opened_instance
from logplatform.orchestration.runs import proposal_tags, run_here
from logplatform.orchestration.sensors import bounds_of, tick
from logplatform.tenancy import open_tenancy
from logplatform_tests.orchestration.toy import toy_definitions, toy_settings, watched

def die(asset, day):
    if asset == "machines/lines" and day == date(2025, 5, 13):
        os.kill(os.getpid(), signal.SIGKILL)

settings = toy_settings(Path(sys.argv[1]))
with opened_instance(settings) as instance, open_tenancy(settings, "machines") as tenancy:
    (proposal,) = tick(tenancy, watched(tenancy), bounds_of(settings), set()).proposals
    run_here(toy_definitions(settings, die), instance, "machines", proposal_tags("machines", proposal))
"""


def never() -> bool:
    return False


def commit(tenancy: Tenancy, day: date, run_id: str) -> None:
    with tenancy.ledger.transaction() as connection:
        report = DayReport(day, "lines", 7, 7)
        tenancy.days.commit(connection, "machines/lines", day, run_id, report.counts())


def test_days_committed_by_a_killed_run_are_told_once(
    settings: Settings, instance: dg.DagsterInstance, tmp_path: Path
) -> None:
    """kill -9 between a day's commit and its event: the run is closed, the day told, the rest left to the sensor."""
    for day in ("20250512", "20250513", "20250514"):
        put(settings, day)
    died = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False, capture_output=True, text=True)
    assert died.returncode == -signal.SIGKILL, died.stderr
    assert instance.get_materialized_partitions(LINES) == {"2025-05-12"}

    (run_id,) = close_dead_runs(instance)
    run = instance.get_run_by_id(run_id)
    assert run is not None
    assert run.status == dg.DagsterRunStatus.FAILURE
    with open_tenancy(settings, "machines") as tenancy:
        assert reconcile(instance, tenancy.days, never).days == 1
        assert reconcile(instance, tenancy.days, never).days == 0
        assert list(tenancy.days.unreported()) == []
    assert instance.get_materialized_partitions(LINES) == {"2025-05-12", "2025-05-13"}
    assert instance.get_materialized_partitions(RAW) == {"2025-05-12", "2025-05-13", "2025-05-14"}
    newest = instance.fetch_materializations(LINES, limit=1).records[0].asset_materialization
    assert newest is not None
    assert newest.metadata["in (lines)"].value == 2
    assert run_id in str(newest.metadata["told by"].value)


def test_days_of_a_run_that_goes_on_are_left_to_it(settings: Settings, instance: dg.DagsterInstance) -> None:
    job = toy_definitions(settings).resolve_job_def("machines")
    day = date(2025, 5, 12)
    run = instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED, tags=range_tags(day, day))
    with open_tenancy(settings, "machines") as tenancy:
        commit(tenancy, day, run.run_id)
        assert reconcile(instance, tenancy.days, never).days == 0
        instance.report_run_failed(run)
        assert reconcile(instance, tenancy.days, never).days == 1


def test_work_done_without_dagster_is_told_too(settings: Settings, instance: dg.DagsterInstance) -> None:
    """Every command that writes shows up in the UI, even one that ran an engine by itself."""
    with open_tenancy(settings, "machines") as tenancy:
        commit(tenancy, date(2025, 5, 12), "no-run-of-dagster")
        assert reconcile(instance, tenancy.days, never).days == 1
    assert instance.get_materialized_partitions(LINES) == {"2025-05-12"}


def test_a_tick_that_runs_out_of_time_goes_on_where_it_was(settings: Settings, instance: dg.DagsterInstance) -> None:
    with open_tenancy(settings, "machines") as tenancy:
        for number in (1, 2, 3):
            commit(tenancy, date(2025, 5, number), "gone")
        first = reconcile(instance, tenancy.days, lambda: True)
        assert (first.days, first.whole) == (1, False)
        second = reconcile(instance, tenancy.days, never)
        assert (second.days, second.whole) == (2, True)


def test_a_run_that_told_everything_leaves_nothing_to_reconcile(
    settings: Settings, instance: dg.DagsterInstance
) -> None:
    put(settings, "20250512")
    with open_tenancy(settings, "machines") as tenancy:
        (proposal,) = tick(tenancy, watched(tenancy), bounds_of(settings), set()).proposals
        ran = run_here(toy_definitions(settings), instance, "machines", proposal_tags("machines", proposal))
        assert ran.success
        assert list(tenancy.days.unreported()) == []


def test_a_living_command_is_not_closed(settings: Settings, instance: dg.DagsterInstance) -> None:
    """Its process is there, or on another host where nobody here can tell."""
    job = toy_definitions(settings).resolve_job_def("machines")
    for process in (process_name(), "another-host/1/0"):
        instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED, tags={"logplatform/process": process})
    assert close_dead_runs(instance) == []
    number = os.getpid()
    later = f"{process_name().split('/', maxsplit=1)[0]}/{number}/{psutil.Process(number).create_time() - 999:.0f}"
    reused = instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED, tags={"logplatform/process": later})
    assert close_dead_runs(instance) == [reused.run_id]
