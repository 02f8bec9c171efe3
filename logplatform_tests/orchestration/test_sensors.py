"""One tick of the watching sensor, on a real ledger and a real Dagster instance."""

import json

import dagster as dg
import pytest
from dagster._core.definitions.sensor_definition import SensorExecutionData

from logplatform.orchestration.checks import source_trouble
from logplatform.orchestration.days import BATCH_TAG
from logplatform.orchestration.resources import domain_resources
from logplatform.orchestration.sensors import read_cursor
from logplatform.settings.machines import Centre, MachineFolder, MachinesSettings
from logplatform.settings.model import Settings
from logplatform.tenancy import open_tenancy
from logplatform_tests.orchestration.toy import put, toy_definitions

RAW = dg.AssetKey(["machines", "raw"])


def tick(settings: Settings, instance: dg.DagsterInstance, cursor: str | None = None) -> SensorExecutionData:
    """One evaluation, as the daemon makes it; what it tells of assets is stored as the daemon would."""
    repository = toy_definitions(settings).get_repository_def()
    sensor = repository.get_sensor_def("machines_sources")
    resources = domain_resources(settings, "machines")
    with dg.build_sensor_context(
        instance=instance, cursor=cursor, repository_def=repository, resources=resources
    ) as context:
        result = sensor.evaluate_tick(context)
    for event in result.asset_events:
        instance.report_runless_asset_event(event)
    return result


def test_new_files_become_one_request_for_their_days(settings: Settings, instance: dg.DagsterInstance) -> None:
    put(settings, "20250512")
    put(settings, "20250513")
    (request,) = tick(settings, instance).run_requests or []
    assert request.tags["dagster/asset_partition_range_start"] == "2025-05-12"
    assert request.tags["dagster/asset_partition_range_end"] == "2025-05-13"
    assert request.run_key == request.tags[BATCH_TAG]
    with open_tenancy(settings, "machines") as tenancy:
        assert len(list(tenancy.ledger.batch(request.tags[BATCH_TAG], "pending"))) == 2


def test_a_tick_without_news_says_what_it_saw(settings: Settings, instance: dg.DagsterInstance) -> None:
    """A sensor that skips without a reason leaves people to read logs."""
    put(settings, "20250512")
    put(settings, "20300101")
    first = tick(settings, instance)
    second = tick(settings, instance, first.cursor)
    assert not second.run_requests
    assert second.skip_message == "Nothing to ask for: 2 files listed, 0 new, 1 known, 1 dated in the future."


def test_trouble_is_told_once_and_its_end_too(settings: Settings, instance: dg.DagsterInstance) -> None:
    """Files out of bounds never come in by themselves: the asset's page and its check must show them until they go."""
    odd = put(settings, "20300101")
    first = tick(settings, instance)
    assert len(first.asset_events) == 1
    assert source_trouble(instance, RAW) == {
        "1 dated in the future": f"plant: DEM12 (PVC)/{odd.name}: dated after today"
    }
    second = tick(settings, instance, first.cursor)
    assert not second.asset_events
    odd.unlink()
    third = tick(settings, instance, second.cursor)
    assert len(third.asset_events) == 1
    assert source_trouble(instance, RAW) == {}


def test_a_folder_that_is_gone_fails_no_tick_and_is_told(settings: Settings, instance: dg.DagsterInstance) -> None:
    missing = MachineFolder(name="gone", path=settings.data_root / "nowhere", folders={"X": Centre(nom="X")})
    two = settings.model_copy(update={"machines": MachinesSettings(sources=(*settings.machines.sources, missing))})
    put(settings, "20250512")
    result = tick(two, instance)
    assert len(result.run_requests or []) == 1
    assert "there is no folder" in source_trouble(instance, RAW)["source gone"]


@pytest.mark.parametrize("text", [None, "", "garbage", '{"source": "x"}', "[]"])
def test_an_unreadable_cursor_starts_anew(text: str | None) -> None:
    """An older version's cursor must not break every tick after an upgrade."""
    assert (read_cursor(text).source, read_cursor(text).offset) == (0, 0)


def test_the_cursor_stays_small(settings: Settings, instance: dg.DagsterInstance) -> None:
    """It is stored with every tick."""
    for number in range(1, 31):
        put(settings, f"202505{number:02d}")
    cursor = tick(settings, instance).cursor
    assert cursor is not None
    assert len(cursor) < 100
    assert set(json.loads(cursor)) == {"source", "offset", "told"}
