"""What may be set, and that what contradicts itself is refused with a message that tells the fix."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from logplatform.databases import database_of
from logplatform.settings import ArchiveFolder, MachineFolder, Settings
from logplatform.stores.places import SqliteFile


def test_defaults_run_without_a_file() -> None:
    """A user who sets nothing gets one local folder and the documented figures of the existing systems."""
    settings = Settings()
    assert settings.tenant == "default"
    assert database_of(settings, "archives") == SqliteFile(Path("data/archives.db"))
    retry = settings.archives.retry
    assert (retry.max_retry_copy, retry.max_retry_extract, retry.retry_delay_base) == (3, 3, 60)
    assert (retry.retry_delay_multiplier, retry.retry_delay_max, retry.retry_jitter) == (2, 3600, 0.25)
    keep = settings.landing.retention
    assert (keep.processed_days, keep.error_days, keep.tmp_days) == (30, 90, 7)
    assert settings.landing.disk_space_threshold_gb == 10
    assert settings.landing.max_line_bytes == 1024**2
    assert settings.machines.interval_seconds == 300


def test_known_machine_folders_are_the_default_mapping() -> None:
    """The three folders that the existing plant uses need no configuration."""
    folders = MachineFolder(name="plant", path=Path("logs")).folders
    assert {folder: (c.nom, c.type_cu) for folder, c in folders.items()} == {
        "DEM12 (PVC)": ("DEM12", "PVC"),
        "DEMALU (ALU)": ("DEMALU", "ALU"),
        "SU12 (HYBRIDE)": ("SU12", "HYBRIDE"),
    }


@pytest.mark.parametrize(
    ("folder", "value", "expected"),
    [
        ("SAW 7 (PVC)", None, ("SAW 7", "PVC")),
        ("SAW 7 (PVC)", "SAW7", ("SAW7", "PVC")),
        ("SAW 7", "SAW7", ("SAW7", "")),
        ("SAW 7 (PVC)", {"nom": "S7", "type_cu": "ALU"}, ("S7", "ALU")),
        ("SAW 7 (PVC)", {"type_cu": "ALU"}, ("SAW 7", "ALU")),
    ],
)
def test_a_short_mapping_is_filled_in(folder: str, value: object, expected: tuple[str, str]) -> None:
    """`folders` may be written as short as `"SAW 7 (PVC)": SAW7`; the type comes from the brackets."""
    source = MachineFolder.model_validate({"name": "p", "path": "x", "folders": {folder: value}})
    centre = source.folders[folder]
    assert (centre.nom, centre.type_cu) == expected


def test_a_centre_named_by_two_sources_is_refused_unless_named_apart() -> None:
    """Two plants with a DEM12 each would otherwise write one session row over the other."""
    first = {"name": "north", "path": "n", "folders": {"DEM12": None}}
    second: dict[str, Any] = {"name": "south", "path": "s", "folders": {"DEM12": None}}
    with pytest.raises(ValidationError, match=r"DEM12.*already 'north/DEM12'.*'south-DEM12'"):
        Settings.model_validate({"machines": {"sources": [first, second]}})
    apart = second | {"folders": {"DEM12": {"nom": "south-DEM12"}}}
    assert len(Settings.model_validate({"machines": {"sources": [first, apart]}}).machines.sources) == 2
    switched_off = second | {"enabled": False}
    assert len(Settings.model_validate({"machines": {"sources": [first, switched_off]}}).machines.sources) == 2


def test_two_sources_of_one_name_are_refused() -> None:
    """A source's name is its folder under the data root: two would share it, on some disks even by case."""
    with pytest.raises(ValidationError, match="'WEB1' is taken by source 1"):
        Settings.model_validate(
            {"archives": {"sources": [{"name": "web1", "path": "a"}, {"name": "WEB1", "path": "b"}]}}
        )


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden", "a" * 65, "a\n", "naïve"])
def test_a_name_that_could_leave_its_folder_is_refused(name: str) -> None:
    """Names become paths and partition keys."""
    with pytest.raises(ValidationError):
        ArchiveFolder.model_validate({"name": name, "path": "x"})


@pytest.mark.parametrize(
    "settings",
    [
        {"timezone": "Mars/Olympus"},
        {"timezone": "../../etc/passwd"},
        {"redaction": {"patterns": ["("]}},
        {"landing": {"disk_space_threshold_gb": 30}},
        {"archives": {"retry": {"retry_delay_base": 9999}}},
        {"machines": {"gap_minutes": float("nan")}},
        {"batch": {"tick_seconds": 59}},
        {"batch": {"max_files": True}},
        {"archives": {"limits": {"max_ratio": float("inf")}}},
        {"machines": {"sources": [{"name": "p", "path": "x", "folders": {}}]}},
        {"unknown": 1},
    ],
)
def test_values_that_cannot_work_are_refused(settings: dict[str, Any]) -> None:
    """Each of these would fail later, at a worse moment."""
    with pytest.raises(ValidationError):
        Settings.model_validate(settings)


def test_zone_and_oee_fall_back_to_the_wider_setting() -> None:
    """A source without a zone has the platform's, a centre without factors has the domain's."""
    settings = Settings.model_validate(
        {
            "timezone": "Africa/Tunis",
            "machines": {
                "oee": {"quality": 0.9},
                "sources": [
                    {"name": "a", "path": "a", "folders": {"X": {"oee": {"quality": 0.5}}}},
                    {"name": "b", "path": "b", "folders": {"Y": None}, "timezone": "Europe/Paris"},
                ],
            },
        }
    )
    a, b = settings.machines.sources
    assert (str(settings.zone(a)), str(settings.zone(b))) == ("Africa/Tunis", "Europe/Paris")
    assert (settings.oee(a.folders["X"]).quality, settings.oee(b.folders["Y"]).quality) == (0.5, 0.9)


def test_the_hash_key_is_never_printed() -> None:
    """Secrets must not leave by a repr, a log line or a dump."""
    settings = Settings.model_validate({"redaction": {"hash_key": "s3cr3t-key"}})
    assert "s3cr3t-key" not in repr(settings)
    assert "s3cr3t-key" not in settings.model_dump_json()


def test_policies_are_what_the_landing_applies() -> None:
    """Three retries are four attempts; the default patterns hide what people write secrets as."""
    settings = Settings()
    assert settings.archives.retry.copying().attempts == 4
    assert settings.archives.retry.extracting().wait(1, draw=0).total_seconds() == 60
    redactor = settings.redaction.redactor()
    text = redactor.text("login password=hunter2&user=bob Authorization: Bearer abcdefgh12345678")
    assert "hunter2" not in text
    assert "abcdefgh12345678" not in text
    assert "user=bob" in text
