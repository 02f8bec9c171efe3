"""Uploads in Dagster, on a real instance: tick, run, checks, what the web interface shows, and what goes wrong."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from logplatform.definitions import build_defs
from logplatform.domains import standing
from logplatform.failures import TransientFailure
from logplatform.orchestration.backlog_sensor import tick
from logplatform.orchestration.discovery import look
from logplatform.orchestration.drain import drain_backlog
from logplatform.orchestration.home import opened_instance
from logplatform.orchestration.reconcile import reconcile
from logplatform.orchestration.runs import Ran, derive_tags, run_here
from logplatform.settings.model import Settings
from logplatform.stores.log_query import Search
from logplatform.tenancy import open_tenancy
from logplatform.uploads.chores import Chores
from logplatform.uploads.inbox import take, watched
from logplatform.uploads.ingest import Doing
from logplatform.uploads.intake import receive
from logplatform.uploads.measures import arrows, broken
from logplatform.uploads.room import open_uploads
from logplatform.uploads.sensors import waits
from logplatform.uploads.worker import announced, work
from logplatform_tests.uploads.indexed import ndjson, some_events
from logplatform_tests.uploads.rooms import settings_in

EVENTS = some_events(300)
BAD = {"timestamp": "soon", "log_type": "web"}
DATA = ndjson([*EVENTS, BAD])
ASSETS = ("uploaded_files", "upload_documents", "indexed_documents", "fraud_alerts", "ecommerce_metrics")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_in(tmp_path)


@pytest.fixture
def instance(settings: Settings) -> Iterator[dg.DagsterInstance]:
    with opened_instance(settings) as made:
        yield made


def drained(settings: Settings, instance: dg.DagsterInstance) -> list[Ran]:
    """What a command runs until nothing waits."""
    with open_tenancy(settings, "uploads") as tenancy:
        ran = list(drain_backlog(build_defs(settings), instance, tenancy, waits).ran)
    assert [(one.success, one.problems) for one in ran if not one.success] == []
    return ran


def shown(instance: dg.DagsterInstance, asset: str) -> dict[str, Any]:
    """What the web interface shows of an asset's newest day, as plain values."""
    (record,) = instance.fetch_materializations(dg.AssetKey(["uploads", asset]), limit=1).records
    assert record.asset_materialization is not None
    assert record.asset_materialization.partition == datetime.now(UTC).date().isoformat()
    return {name: value.value for name, value in record.asset_materialization.metadata.items()}


def check(instance: dg.DagsterInstance, name: str) -> dg.AssetCheckEvaluation:
    """The newest evaluation of a check."""
    key = dg.AssetCheckKey(dg.AssetKey(["uploads", "indexed_documents"]), name)
    event = instance.event_log_storage.get_latest_asset_check_execution_by_key([key])[key].event
    assert event is not None
    assert event.dagster_event is not None
    return event.dagster_event.asset_check_evaluation_data


def asks(settings: Settings, instance: dg.DagsterInstance) -> str:
    """What a tick of the sensor tells; it begins with `Asked` if it asks for a run."""
    with open_tenancy(settings, "uploads") as tenancy:
        return tick(instance, tenancy, waits).text


def test_from_what_waits_to_what_the_web_interface_shows(settings: Settings, instance: dg.DagsterInstance) -> None:
    """An upload and a file in the inbox: figures of each asset, green conservation, what is broken with its cure."""
    with open_uploads(settings) as room:
        receive(room, "events.json", [DATA])
        receive(room, "again.json", [DATA])
    inbox = settings.data_root / "inbox"
    inbox.mkdir()
    (inbox / "more.json").write_bytes(ndjson(some_events(50, seed=9)))
    (inbox / "broken.json").write_bytes(b"{broken")
    assert asks(settings, instance).startswith("Asked for a run")
    drained(settings, instance)

    raw, documents = shown(instance, "uploaded_files"), shown(instance, "upload_documents")
    assert (raw["in (files)"], raw["out (files)"], raw["duplicates"]) == (3, 2, 1)
    assert (documents["in (records)"], documents["out (records)"], documents["dead letters"]) == (351, 350, 1)
    assert "`events.json: line 301`" in documents["first failures"]
    assert documents["preview"].records[0].data["file"] == "events.json"
    indexed = shown(instance, "indexed_documents")
    assert (indexed["out (records)"], indexed["first event day"]) == (350, "2026-03-01")
    assert len(indexed["preview"].records) == 10
    assert shown(instance, "ecommerce_metrics")["out (records)"] == 4
    assert shown(instance, "fraud_alerts")["in (records)"] > 0

    assert check(instance, "conservation").passed
    still_broken = check(instance, "still_broken")
    assert not still_broken.passed
    assert still_broken.metadata["still broken"].value == 2
    assert asks(settings, instance) == "Nothing to ask for: nothing waits."


def test_days_are_derived_again_without_a_batch(settings: Settings, instance: dg.DagsterInstance) -> None:
    """Documents are replaced by the same; so the backfill of a day changes no count."""
    with open_uploads(settings) as room:
        receive(room, "events.json", [DATA])
    drained(settings, instance)
    today = datetime.now(UTC).date()
    before = shown(instance, "upload_documents")
    ran = run_here(build_defs(settings), instance, "uploads", derive_tags("uploads", today, today))
    assert ran.success, ran.problems
    with open_uploads(settings) as room:
        assert room.index.search(Search()).total == 300
        assert room.tenancy.letters.count() == 1
    after = shown(instance, "upload_documents")
    same = ("in (records)", "out (records)", "dead letters", "bytes", "uploads")
    assert {name: after[name] for name in same} == {name: before[name] for name in same}
    assert check(instance, "conservation").passed


def test_what_a_worker_did_is_told_to_dagster(settings: Settings, instance: dg.DagsterInstance) -> None:
    """Each commit records its days with it; telling twice is avoided."""
    with open_uploads(settings) as room:
        receive(room, "events.json", [DATA])
        assert [outcome for _, outcome in work(room, "worker-1", lambda: False, once=True)] == ["completed"]
        assert reconcile(instance, room.tenancy.days, lambda: False).days == 3
        assert reconcile(instance, room.tenancy.days, lambda: False).days == 0
    assert shown(instance, "upload_documents")["out (records)"] == 300


def test_while_a_worker_is_there_no_run_is_asked_for(settings: Settings, instance: dg.DagsterInstance) -> None:
    """It would find nothing to do; when the worker has gone, the run is asked for."""
    with open_uploads(settings) as room:
        receive(room, "events.json", [DATA])
        with announced(room.tenancy, "worker-1"), announced(room.tenancy, "worker-2"):
            assert asks(settings, instance) == "Nothing to ask for: nothing waits."
    assert asks(settings, instance).startswith("Asked for a run")


def test_workers_and_a_run_at_once_share_the_work(settings: Settings, instance: dg.DagsterInstance) -> None:
    """Each job is done by one of them; the inbox is taken by one; all figures are as if one had done everything."""
    inbox = settings.data_root / "inbox"
    inbox.mkdir(parents=True)
    for number in range(6):
        (inbox / f"{number}.json").write_bytes(ndjson(some_events(30, seed=number)))
    with open_uploads(settings) as room:
        for number in range(6, 20):
            receive(room, f"{number}.json", [ndjson(some_events(30, seed=number))])

    def one_worker(number: int) -> None:
        with open_uploads(settings) as room:
            for _ in work(room, f"worker-{number}", lambda: False, once=True, chores=Chores(room, "w").all()):
                pass

    with ThreadPoolExecutor(2) as pool:
        workers = [pool.submit(one_worker, number) for number in range(2)]
        drained(settings, instance)
        for worker in workers:
            worker.result()
    drained(settings, instance)
    with open_uploads(settings) as room:
        assert room.uploads.counts() == {"completed": 20}
        assert room.index.search(Search()).total == 600
        assert [arrow.missing for arrow in arrows(room.tenancy)] == [0, 0, 0]
        day = room.tenancy.days.newest("uploads/upload_documents", datetime.now(UTC).date())
        assert day is not None
        assert (day.counts["came"], day.counts["out"], day.counts["facts"]["uploads"]) == (600, 600, 20)


def test_an_inbox_that_is_away_is_trouble_and_the_others_go_on(tmp_path: Path, instance: dg.DagsterInstance) -> None:
    settings = settings_in(tmp_path, inboxes=[{"name": "share", "path": tmp_path / "not mounted"}])
    inbox = settings.data_root / "inbox"
    inbox.mkdir(parents=True)
    (inbox / "events.json").write_bytes(DATA)
    with open_tenancy(settings, "uploads") as tenancy:
        found = waits(tenancy)
    assert found is not None
    assert (found.items, list(found.trouble)) == (1, ["share"])
    drained(settings, instance)
    told = standing(settings, "uploads")
    assert told is not None
    assert (told.files, told.rows["log_events"]) == ({"completed": 1}, 300)


def test_an_upload_that_nobody_takes_is_told(settings: Settings) -> None:
    """`still_broken` names jobs that hang, not only those that failed."""
    with open_uploads(settings) as room:
        receive(room, "events.json", [DATA])
        assert broken(room.tenancy).count == 0
    later = datetime(2100, 1, 1, tzinfo=UTC)
    with open_tenancy(settings, "uploads", lambda: later) as tenancy:
        (fault,) = broken(tenancy).sample
        assert "nobody does it" in fault.reason


def test_a_full_disk_keeps_files_in_their_inbox(settings: Settings, tmp_path: Path) -> None:
    """Collection pauses, with a reason; nothing is lost."""
    full = settings.model_copy(update={"landing": settings.landing.model_copy(update={"disk_space_threshold_gb": 1e9})})
    (tmp_path / "data/inbox").mkdir(parents=True)
    (tmp_path / "data/inbox/a.json").write_bytes(DATA)
    with open_uploads(full) as room:
        look(room.tenancy.ledger, watched(room.tenancy), 60)
        with pytest.raises(TransientFailure, match="disk_space_threshold_gb"):
            take(room, Doing("test"), 100, 1 << 30)
    assert (tmp_path / "data/inbox/a.json").exists()
