"""Old runs leave Dagster's storage; what they alone tell stays."""

import os
from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest

from logplatform.orchestration.history import prune_history
from logplatform.orchestration.home import prepare_home
from logplatform.settings.model import Settings

DAYS = dg.StaticPartitionsDefinition(["2026-01-01", "2026-01-02"])


@dg.asset(partitions_def=DAYS)
def daily() -> None: ...


@dg.asset
def whole() -> None: ...


@dg.asset_check(asset=whole)
def fine() -> dg.AssetCheckResult:
    return dg.AssetCheckResult(passed=True)


@dg.op
def nothing() -> None: ...


@dg.job
def plain() -> None:
    nothing()


@dg.op
def fails() -> None:
    raise ValueError("it fails")


@dg.job
def failing() -> None:
    fails()


@pytest.fixture(params=["sqlite", "postgresql"])
def instance(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Generator[dg.DagsterInstance]:
    """Dagster's storage as the settings make it, on either kind."""
    settings = Settings(data_root=tmp_path)
    if request.param == "postgresql":
        store = request.getfixturevalue("postgres_store")
        settings = Settings.model_validate(
            {"stores": {"sql": store}, "dagster": {"storage": {"type": "postgresql"}}, "data_root": tmp_path}
        )
    for name, value in {**os.environ, "DAGSTER_HOME": str(tmp_path)}.items():
        monkeypatch.setenv(name, value)
    prepare_home(settings, os.environ)
    with dg.DagsterInstance.get() as instance:
        yield instance


def event_files(folder: Path) -> list[Path]:
    """The files of events by run, which only SQLite has."""
    return list((folder / "history" / "runs").glob("*-*.db"))


def made(instance: dg.DagsterInstance, day: str) -> str:
    return dg.materialize([daily], partition_key=day, instance=instance).run_id


def soon() -> datetime:
    return datetime.now(UTC) + timedelta(minutes=1)


def run_ids(instance: dg.DagsterInstance) -> set[str]:
    return {run.run_id for run in instance.get_runs()}


def test_a_run_stays_while_it_tells_the_newest_of_a_day(instance: dg.DagsterInstance) -> None:
    first = made(instance, "2026-01-01")
    kept = {made(instance, "2026-01-01"), made(instance, "2026-01-02")}
    pruned = prune_history(instance, soon())
    assert run_ids(instance) == kept
    assert first not in kept
    assert pruned.count == 1
    assert set(instance.get_materialized_partitions(daily.key)) == {"2026-01-01", "2026-01-02"}


def test_a_whole_asset_and_its_check_keep_their_newest_state(instance: dg.DagsterInstance) -> None:
    dg.materialize([whole, fine], instance=instance)
    newest = dg.materialize([whole, fine], instance=instance).run_id
    prune_history(instance, soon())
    assert run_ids(instance) == {newest}
    (record,) = instance.event_log_storage.get_asset_check_execution_history(fine.check_key, limit=10)
    assert record.run_id == newest
    event = instance.get_latest_materialization_event(whole.key)
    assert event is not None
    assert event.run_id == newest


def test_runs_that_tell_nothing_go_with_their_files(instance: dg.DagsterInstance, tmp_path: Path) -> None:
    for job in (plain, failing):
        job.execute_in_process(instance=instance, raise_on_error=False)
    files = event_files(tmp_path)
    pruned = prune_history(instance, soon())
    assert pruned.count == 2
    assert (pruned.bytes > 0) == bool(files)
    assert run_ids(instance) == set()
    assert event_files(tmp_path) == []
    assert prune_history(instance, soon()).count == 0


def test_what_is_young_or_at_work_stays(instance: dg.DagsterInstance) -> None:
    plain.execute_in_process(instance=instance)
    instance.create_run_for_job(plain, status=dg.DagsterRunStatus.STARTED)
    assert prune_history(instance, datetime.now(UTC) - timedelta(days=1)).count == 0
    assert prune_history(instance, soon()).count == 1
    assert len(run_ids(instance)) == 1


def test_more_runs_than_a_page_are_gone_through_whole(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Kept and removed ones alternate, so that pages end on either."""
    monkeypatch.setattr("logplatform.orchestration.history._AT_ONCE", 3)
    kept = set()
    for day in ("2026-01-01", "2026-01-02"):
        for _ in range(3):
            plain.execute_in_process(instance=instance)
            newest = made(instance, day)
        kept.add(newest)
    assert prune_history(instance, soon()).count == 10
    assert run_ids(instance) == kept


def test_a_removal_that_was_cut_short_is_finished_by_the_next(
    instance: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(3):
        plain.execute_in_process(instance=instance)
    removed = []

    def dies(run_id: str) -> None:
        if removed:
            raise KeyboardInterrupt
        removed.append(run_id)
        type(instance).delete_run(instance, run_id)

    with monkeypatch.context() as patched:
        patched.setattr(instance, "delete_run", dies)
        with pytest.raises(KeyboardInterrupt):
            prune_history(instance, soon())
    assert prune_history(instance, soon()).count == 2
    assert event_files(tmp_path) == []
