"""The demonstration's settings file is one that the platform accepts."""

from datetime import date
from pathlib import Path

from logplatform.demo import archives
from logplatform.demo.plan import Plan
from logplatform.demo.settings import write_settings
from logplatform.settings import ArchiveFolder
from logplatform.settings.load import load


def test_it_loads_and_points_at_the_input(tmp_path: Path) -> None:
    """Every path lies under the demonstration's own folder, so nothing of the user's own is touched."""
    path = write_settings(tmp_path, Plan("small", 1, date(2026, 3, 29)))
    settings = load(path, {}).settings
    assert settings.data_root == tmp_path / "data"
    assert {source.name for source in settings.archives.sources} == set(archives.SERVERS)
    folders = [source for source in settings.archives.sources if isinstance(source, ArchiveFolder)]
    assert all(source.path.is_relative_to(tmp_path / "input") for source in folders)
    (plant,) = settings.machines.sources
    assert {centre.nom: centre.type_cu for centre in plant.folders.values()} == {
        "DEM12": "PVC",
        "DEMALU": "ALU",
        "SU12": "HYBRIDE",
    }
    assert settings.dagster.start_date == date(2026, 3, 1)


def test_a_file_that_is_there_is_kept(tmp_path: Path) -> None:
    """What a user changed in it stays through the next demonstration."""
    path = write_settings(tmp_path, Plan("small", 1, date(2026, 3, 29)))
    path.write_text(path.read_text() + "timezone: Europe/Berlin\n")
    write_settings(tmp_path, Plan("small", 1, date(2026, 3, 30)))
    assert load(path, {}).settings.timezone == "Europe/Berlin"
