"""`logplatform backup` and `restore` as people call them, onto a machine that has nothing."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from logplatform.cli import main
from logplatform_tests.backup.house import House


@pytest.fixture
def house(tmp_path: Path) -> House:
    made = House(tmp_path / "house", tmp_path / "sources")
    made.fill()
    text = made.settings.model_dump_json(exclude_unset=True)
    (made.root / "logplatform.yaml").write_text(text.replace(json.dumps(str(made.settings.data_root)), '"data"'))
    (made.root / ".env").touch(0o600)
    (made.root / ".env").write_text("LOGPLATFORM_API__API_KEY=hush-hush-hush-hush\n")
    return made


def _run(folder: Path, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Result:
    folder.mkdir(exist_ok=True)
    monkeypatch.chdir(folder)
    return CliRunner().invoke(main, list(arguments))


def test_an_empty_machine_becomes_what_was_saved(house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = str(tmp_path / "target")
    made = _run(house.root, monkeypatch, "backup", target, "--json")
    assert made.exit_code == 0, made.output
    assert json.loads(made.stdout)["missing"] == []
    assert not [it for it in (tmp_path / "target").rglob("*") if it.is_file() and b"hush" in it.read_bytes()]
    listed = _run(tmp_path, monkeypatch, "backup", "list", target)
    assert json.loads(made.stdout)["id"] in listed.output
    assert _run(tmp_path, monkeypatch, "backup", "verify", target).exit_code == 0

    empty = tmp_path / "empty"
    done = _run(empty, monkeypatch, "restore", target)
    assert done.exit_code == 0, done.output
    assert House(empty, house.sources).seen() == house.seen()
    told = [_run(folder, monkeypatch, "status", "--json") for folder in (house.root, empty)]
    here, there = (json.loads(one.stdout) for one in told)
    assert _without_disk(here) == _without_disk(there)
    again = _run(empty, monkeypatch, "restore", target)
    assert again.exit_code == 2
    assert "empty place" in again.output


def _without_disk(value: object) -> object:
    if isinstance(value, dict):
        return {name: _without_disk(one) for name, one in value.items() if name != "free_bytes"}
    return [_without_disk(one) for one in value] if isinstance(value, list) else value


def test_secrets_are_saved_where_asked(house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _run(house.root, monkeypatch, "backup", str(tmp_path / "target"), "--with-secrets")
    _run(tmp_path / "empty", monkeypatch, "restore", str(tmp_path / "target"))
    assert (tmp_path / "empty" / ".env").read_text() == "LOGPLATFORM_API__API_KEY=hush-hush-hush-hush\n"
    assert (tmp_path / "empty" / ".env").stat().st_mode & 0o077 == 0


def test_damage_and_loss_are_told_by_the_exit_code(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with house.platform.tenancy() as tenancy:
        lost = next(iter(tenancy.files.keys("landing/default/archives")))
        tenancy.files.remove(lost)
    made = _run(house.root, monkeypatch, "backup", str(tmp_path / "target"))
    assert made.exit_code == 1
    assert f"Missing: {lost}" in made.output
    next((tmp_path / "target" / "files").rglob("*.parquet")).unlink()
    checked = _run(tmp_path, monkeypatch, "backup", "verify", str(tmp_path / "target"))
    assert checked.exit_code == 1
    assert "is missing" in checked.output


def test_old_backups_are_dropped(house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = str(tmp_path / "target")
    first, second = (
        json.loads(_run(house.root, monkeypatch, "backup", target, "--json").stdout)["id"] for _ in range(2)
    )
    done = _run(tmp_path, monkeypatch, "backup", "prune", target, "--keep", "1")
    assert (done.exit_code, f"Dropped {first}." in done.output) == (0, True)
    listed = json.loads(_run(tmp_path, monkeypatch, "backup", "list", target, "--json").stdout)
    assert [one["id"] for one in listed] == [second]
    assert _run(tmp_path, monkeypatch, "backup", "prune", target, "--keep", "0").exit_code == 2


def test_wrong_targets_are_told(house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    inside = _run(house.root, monkeypatch, "backup", "data/backups")
    assert (inside.exit_code, "name a folder apart" in inside.output) == (2, True)
    (tmp_path / "nothing").mkdir()
    nothing = _run(tmp_path, monkeypatch, "restore", str(tmp_path / "nothing"))
    assert (nothing.exit_code, "holds no backup" in nothing.output) == (2, True)
