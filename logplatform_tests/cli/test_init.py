"""`logplatform init`: what is written, with which rights, and what is left alone."""

import json
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from logplatform.cli import main
from logplatform.settings import ArchiveFolder, MachineFolder
from logplatform.settings.load import load


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, arguments)


def test_a_new_file_passes_its_own_check() -> None:
    """The first thing a user does next."""
    assert run("init").exit_code == 0
    result = run("config", "check")
    assert result.exit_code == 0, result.output


def test_an_existing_file_is_kept() -> None:
    """Somebody's settings are never lost: refused, or kept beside with --force."""
    Path("logplatform.yaml").write_text("tenant: mine\n", encoding="utf-8")
    refused = run("init")
    assert refused.exit_code == 2
    assert "--force" in refused.output
    assert Path("logplatform.yaml").read_text(encoding="utf-8") == "tenant: mine\n"
    assert run("init", "--force").exit_code == 0
    assert Path("logplatform.yaml.bak").read_text(encoding="utf-8") == "tenant: mine\n"


def test_folders_become_sources(here: Path) -> None:
    """One command points both domains at one's own data; names that no path may hold are made safe."""
    for folder in ("logs/web 1", "logs/web-1", "logs/kafka1", "logs/.hidden", "plant/DEM12 (PVC)", "plant/SAW"):
        (here / folder).mkdir(parents=True)
    result = run("init", "--archives", "logs", "--machines", str(here / "plant"))
    assert result.exit_code == 0, result.output
    settings = load(Path("logplatform.yaml"), {}).settings
    assert [(s.name, s.path) for s in settings.archives.sources if isinstance(s, ArchiveFolder)] == [
        ("kafka1", here / "logs/kafka1"),
        ("web-1", here / "logs/web 1"),
        ("web-1-2", here / "logs/web-1"),
    ]
    (plant,) = settings.machines.sources
    assert isinstance(plant, MachineFolder)
    assert (plant.name, plant.path) == ("plant", here / "plant")
    assert [(c.nom, c.type_cu) for c in plant.folders.values()] == [("DEM12", "PVC"), ("SAW", "")]
    assert run("config", "check").exit_code == 0


def test_a_folder_without_folders_is_refused(here: Path) -> None:
    """It is the wrong one: a server's folder instead of the one above."""
    (here / "logs").mkdir()
    result = run("init", "--archives", "logs")
    assert result.exit_code == 2
    assert "holds no folders" in result.output
    assert not Path("logplatform.yaml").exists()


def test_an_import_hides_secrets_and_reports_everything(here: Path) -> None:
    """Passwords go where only their owner can read them, and nowhere else."""
    old = here / "old"
    old.mkdir()
    (old / ".env").write_text("FTP_HOST=ftp.example\nFTP_PASS=hunter-2\nMAX_RETRY_COPY=7\nnonsense\n", encoding="utf-8")
    result = run("init", "--import", "old")
    assert result.exit_code == 0, result.output
    assert "hunter-2" not in result.output
    assert "ftp.example" in result.output
    assert ".env:4: not an assignment" in result.output
    assert "hunter-2" not in Path("logplatform.yaml").read_text(encoding="utf-8")
    secrets = Path(".env")
    assert secrets.read_text(encoding="utf-8") == "FTP_PASS=hunter-2\n"
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o600
    assert load(Path("logplatform.yaml"), {}).settings.archives.retry.max_retry_copy == 7
    assert (old / ".env").read_text(encoding="utf-8").endswith("nonsense\n")


def test_an_existing_env_file_keeps_its_lines(here: Path) -> None:
    """A value that is there already is the user's own; the file is closed to others from now on."""
    Path(".env").write_text("FTP_PASS=mine", encoding="utf-8")
    (here / "old").mkdir()
    (here / "old" / ".env").write_text("FTP_PASS=theirs\nREDIS_PASSWORD=r\n", encoding="utf-8")
    answer = json.loads(run("init", "--import", "old", "--json").output)
    assert answer["secrets"] == ["LOGPLATFORM_STORES__QUEUE__PASSWORD"]
    assert Path(".env").read_text(encoding="utf-8") == "FTP_PASS=mine\nLOGPLATFORM_STORES__QUEUE__PASSWORD=r\n"
    assert stat.S_IMODE(Path(".env").stat().st_mode) == 0o600


def test_importing_from_the_wrong_folder_is_told(here: Path) -> None:
    """An empty import would look like a success."""
    (here / "empty").mkdir()
    result = run("init", "--import", "empty")
    assert result.exit_code == 2
    assert "sources.conf" in result.output
