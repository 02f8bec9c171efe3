"""`config check` and `config show`: for people, for scripts, and without secrets."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from logplatform.cli import main


def run(*arguments: str, **env: str) -> Result:
    return CliRunner().invoke(main, arguments, env=env)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (tmp_path / "logs").mkdir()
    path = tmp_path / "logplatform.yaml"
    path.write_text("archives:\n  sources: [{name: 'w', path: logs}]\n  settle_seconds: 5\n", encoding="utf-8")
    return path


def test_good_settings_pass_with_exit_code_0(file: Path) -> None:
    """Scripts look at the exit code only."""
    result = run("--config", str(file), "config", "check")
    assert (result.exit_code, result.output) == (0, "The settings are fine.\n")


def test_mistakes_are_listed_with_exit_code_1(file: Path) -> None:
    """Those of the values and, once these are right, those of the disk."""
    file.write_text("tenat: x\nlogs: {level: LOUD}\n", encoding="utf-8")
    result = run("--config", str(file), "config", "check")
    assert result.exit_code == 1
    assert result.output.splitlines() == [
        f"error: {file}:1:1: tenat: unknown key 'tenat'; did you mean 'tenant'?",
        f"error: {file}:2:8: logs.level: must be 'DEBUG', 'INFO', 'WARNING' or 'ERROR'",
        "2 mistakes.",
    ]
    file.write_text("archives:\n  sources: [{name: w, path: missing}]\n", encoding="utf-8")
    result = run("--config", str(file), "config", "check", "--json")
    assert result.exit_code == 1
    answer = json.loads(result.output)
    assert answer["ok"] is False
    assert answer["mistakes"][0]["key"] == "archives.sources[0].path"


def test_a_warning_does_not_fail_the_check(file: Path) -> None:
    """No source yet is odd, not wrong."""
    file.write_text("", encoding="utf-8")
    result = run("--config", str(file), "config", "check")
    assert result.exit_code == 0
    assert "warning:" in result.output


def test_show_tells_values_origins_and_no_secret(file: Path) -> None:
    """The table is pasted into tickets."""
    result = run("--config", str(file), "config", "show", LOGPLATFORM_REDACTION__HASH_KEY="s3cr3t")
    assert result.exit_code == 0
    assert "s3cr3t" not in result.output
    rows = {row[0].strip(): [cell.strip() for cell in row[1:]] for row in map(cells, result.output.splitlines()) if row}
    assert rows["redaction.hash_key"] == ["********", "LOGPLATFORM_REDACTION__HASH_KEY"]
    assert rows["archives.settle_seconds"] == ["5.0", f"{file}:3:3"]
    assert rows["tenant"] == ["default", "default"]


def cells(line: str) -> list[str]:
    return line.split("│") if "│" in line else []


def test_show_as_json_can_be_narrowed_to_what_is_set(file: Path) -> None:
    """What somebody needs who has to explain a difference between two machines."""
    result = run("--config", str(file), "config", "show", "--json", "--set")
    assert {row["key"]: row["value"] for row in json.loads(result.output)} == {
        "archives.sources[0].name": "w",
        "archives.sources[0].path": str(file.parent / "logs"),
        "archives.settle_seconds": 5,
    }


def test_show_refuses_wrong_settings_with_exit_code_2(file: Path) -> None:
    """There is nothing effective to show; every mistake is told instead."""
    file.write_text("tenat: x\n", encoding="utf-8")
    result = run("--config", str(file), "config", "show")
    assert result.exit_code == 2
    assert "did you mean 'tenant'?" in result.output
    assert "Traceback" not in result.output


def test_looking_at_settings_writes_nothing(file: Path) -> None:
    """Neither the data root nor a log file may appear by a look."""
    before = sorted(file.parent.rglob("*"))
    run("--config", str(file), "config", "check")
    run("--config", str(file), "config", "show")
    assert sorted(file.parent.rglob("*")) == before
