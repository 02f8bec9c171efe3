"""What the disk can tell about valid settings."""

from pathlib import Path

from logplatform.settings.check import check
from logplatform.settings.load import load


def checked(tmp_path: Path, text: str) -> list[tuple[str, str]]:
    file = tmp_path / "logplatform.yaml"
    file.write_text(text, encoding="utf-8")
    return [(mistake.level, str(mistake).replace(str(tmp_path), "")) for mistake in check(load(file, {}))]


def test_folders_that_are_missing_or_no_folders_are_told(tmp_path: Path) -> None:
    """Without this the first run fails instead, source by source."""
    (tmp_path / "file").touch()
    found = checked(
        tmp_path,
        "archives:\n  sources:\n    - {name: a, path: missing}\n    - {name: b, path: file}\n"
        "    - {name: c, path: gone, enabled: false}\n",
    )
    assert [(level, line.split(":")[1], line.split(";")[0].split(": ")[-1]) for level, line in found] == [
        ("error", "3", "the folder /missing does not exist"),
        ("error", "4", "/file is not a folder"),
    ]


def test_a_source_that_holds_the_data_root_is_refused(tmp_path: Path) -> None:
    """It would collect its own output, for ever."""
    found = checked(tmp_path, "archives:\n  sources: [{name: a, path: .}]\n")
    assert "would collect itself" in found[0][1]
    inside = checked(tmp_path, "data_root: data\narchives:\n  sources: [{name: a, path: data/../data}]\n")
    assert "does not exist" in inside[0][1]


def test_a_machine_folder_that_is_not_there_yet_is_a_warning(tmp_path: Path) -> None:
    """A new machine may come later; a typing error in its folder's name is found all the same."""
    (tmp_path / "plant" / "A").mkdir(parents=True)
    found = checked(tmp_path, "machines:\n  sources: [{name: p, path: plant, folders: {A: a, B: b}}]\n")
    assert [level for level, _ in found] == ["warning"]
    assert "/plant/B does not exist yet" in found[0][1]


def test_settings_without_any_source_are_told(tmp_path: Path) -> None:
    """They are right, but nothing would ever happen."""
    assert checked(tmp_path, "tenant: t\n")[0][0] == "warning"


def test_a_data_root_below_a_file_is_told(tmp_path: Path) -> None:
    """It can never be made."""
    (tmp_path / "file").touch()
    assert "is not a folder" in checked(tmp_path, "data_root: file/data\n")[0][1]


def test_a_file_of_secrets_that_others_can_read_is_a_warning(tmp_path: Path) -> None:
    """`init` writes it closed; one that was made by hand often is not."""
    secrets = tmp_path / ".env"
    secrets.write_text("SSH_PASSWORD=x\n", encoding="utf-8")
    secrets.chmod(0o644)
    found = checked(tmp_path, "tenant: t\n")
    assert ("warning", "/.env: holds secrets that others can read; `chmod 600 /.env`") in found
    secrets.chmod(0o600)
    assert not [line for _, line in checked(tmp_path, "tenant: t\n") if "secrets" in line]
