"""The definitions as Dagster loads them: all domains, whole, and as the settings want them."""

from datetime import date
from pathlib import Path

import dagster as dg
import pytest

from logplatform.definitions import build_defs
from logplatform.settings.archives import ArchiveFolder, ArchivesSettings
from logplatform.settings.machines import MachineFolder, MachinesSettings
from logplatform.settings.model import DagsterSettings, Settings

ARROWS = {
    "archives/raw_archives": set(),
    "archives/extracted_logs": {"archives/raw_archives"},
    "archives/archive_events": {"archives/extracted_logs"},
    "machines/raw_machine_logs": set(),
    "machines/machine_events": {"machines/raw_machine_logs"},
    "machines/machine_sessions": {"machines/machine_events"},
    "machines/machine_anomalies": {"machines/machine_sessions"},
    "machines/machine_report": {"machines/machine_anomalies"},
}


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(
        data_root=tmp_path / "data",
        timezone="Europe/Paris",
        dagster=DagsterSettings(start_date=date(2020, 2, 3)),
        archives=ArchivesSettings(sources=(ArchiveFolder(name="web-1", path=tmp_path),)),
        machines=MachinesSettings(sources=(MachineFolder(name="plant", path=tmp_path),)),
    )


def test_every_arrow_of_the_flow_is_in_the_lineage(settings: Settings) -> None:
    """People find their way by these names: they are promised in the documentation."""
    definitions = build_defs(settings)
    dg.Definitions.validate_loadable(definitions)
    graph = definitions.resolve_asset_graph()
    found = {
        node.key.to_user_string(): {key.to_user_string() for key in node.parent_keys} for node in graph.asset_nodes
    }
    assert {name: parents for name, parents in found.items() if name in ARROWS} == ARROWS
    for node in graph.asset_nodes:
        assert node.group_name == node.key.path[0]
        assert node.description
        assert node.kinds
        assert node.owners
        assert node.pools == {node.group_name}


def test_days_begin_at_the_setting_and_end_today_in_the_right_zone(settings: Settings) -> None:
    graph = build_defs(settings).resolve_asset_graph()
    zones = {}
    for name in ("archives/archive_events", "machines/machine_report"):
        partitions = graph.get(dg.AssetKey(name.split("/"))).partitions_def
        assert isinstance(partitions, dg.DailyPartitionsDefinition)
        assert partitions.get_first_partition_key() == "2020-02-03"
        assert partitions.end_offset == 1
        zones[name] = partitions.timezone
    assert zones == {"archives/archive_events": "UTC", "machines/machine_report": "Europe/Paris"}


def test_each_domain_has_a_job_a_sensor_and_its_two_kinds_of_checks(settings: Settings) -> None:
    repository = build_defs(settings).get_repository_def()
    for domain in ("archives", "machines"):
        sensor = repository.get_sensor_def(f"{domain}_sources")
        assert sensor.default_status == dg.DefaultSensorStatus.RUNNING
        assert sensor.job_name == domain
        checks = {key.name for key in repository.asset_graph.asset_check_keys if key.asset_key.path[0] == domain}
        assert checks == {"conservation", "still_broken"}
    assert repository.get_sensor_def("upkeep").default_status == dg.DefaultSensorStatus.RUNNING


def test_a_conservation_check_blocks_and_a_standing_fault_does_not(settings: Settings) -> None:
    graph = build_defs(settings).resolve_asset_graph()
    blocking = {key.name: graph.get(key).blocking for key in graph.asset_check_keys}
    assert blocking == {"conservation": True, "still_broken": False}


def test_a_source_and_a_store_each_have_a_resource(settings: Settings) -> None:
    resources = build_defs(settings).get_repository_def().get_top_level_resources()
    wanted = {"files", "archives_sql", "machines_sql", "archives_source_web_2d_1", "machines_source_plant"}
    assert wanted <= set(resources)


def test_a_domain_that_is_switched_off_is_not_there(settings: Settings) -> None:
    off = settings.model_copy(update={"archives": ArchivesSettings(enabled=False)})
    keys = {key.path[0] for key in build_defs(off).resolve_asset_graph().get_all_asset_keys()}
    assert "archives" not in keys
    assert "machines" in keys
