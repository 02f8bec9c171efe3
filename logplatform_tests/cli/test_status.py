"""`logplatform status`: the figures, and what to do about what is broken."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from logplatform.cli import main
from logplatform_tests.cli.filled import fill, settings_file


@pytest.fixture
def file(tmp_path: Path) -> Path:
    # The threshold is off: how full the disk of a test machine is must not change the outcome.
    return settings_file(tmp_path, "landing: {disk_space_threshold_gb: 0, disk_space_target_gb: 0}\n")


def run(file: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["--config", str(file), "status", *arguments])


def test_before_the_first_run_it_says_so_and_makes_nothing(file: Path) -> None:
    """Asking is not doing: no database may appear."""
    result = run(file)
    assert result.exit_code == 0, result.output
    assert "archives: nothing collected yet; `logplatform archives run` begins" in result.output
    assert not (file.parent / "data").exists()


def test_figures_and_recovery_are_told(file: Path) -> None:
    """The one place where a person looks first: counts, sources, each kind of failure with its cure."""
    fill(file)
    output = run(file, "--domain", "archives").output
    assert "archives: 1 copied, 3 error, 2 processed; last commit never" in output
    rows = [[cell.strip() for cell in line.split("│")] for line in output.splitlines() if "│" in line]
    assert ["web1", "6", "1", "3", "2026-01-05 12:00:00"] in rows
    assert ["web2", "0", "0", "0", "never"] in rows
    assert "1 file (copy, transient): tried again by itself from 2026-01-05 12:0" in output
    assert "1 file (copy, permanent): given up; once the cause is gone: `logplatform archives recover" in output
    assert "1 file (corruption, permanent): the file itself is damaged: send it again from its source" in output
    assert "web1/e.gz: e.gz: CRC is wrong" in output
    assert "3 refused records: `logplatform dead-letters list --domain archives`" in output


def test_json_holds_the_same(file: Path) -> None:
    """For a monitoring script."""
    fill(file)
    answer = json.loads(run(file, "--json").output)
    archives = answer["domains"]["archives"]
    assert archives["files"] == {"copied": 1, "error": 3, "processed": 2}
    assert archives["open_letters"] == 3
    assert archives["broken"] is True
    assert [(t["kind"], t["type"], t["files"]) for t in archives["troubles"]] == [
        ("copy", "permanent", 1),
        ("corruption", "permanent", 1),
        ("copy", "transient", 1),
    ]
    assert answer["domains"]["machines"] is None


def test_check_tells_by_the_exit_code(file: Path) -> None:
    """0 while nothing needs a person, 1 when something does; without --check always 0."""
    assert run(file, "--check").exit_code == 0
    fill(file)
    assert run(file, "--check").exit_code == 1
    assert run(file).exit_code == 0


def test_a_source_folder_that_is_gone_is_told(file: Path) -> None:
    """No error is in the ledger then: the source cannot even be listed."""
    (file.parent / "in" / "web2").rmdir()
    result = run(file, "--check")
    assert result.exit_code == 1
    assert "does not exist" in result.output


def test_a_full_disk_is_told(file: Path) -> None:
    """Collection pauses then, which looks like nothing new otherwise."""
    text = file.read_text(encoding="utf-8").replace("{disk_space_threshold_gb: 0, disk_space_target_gb: 0}", "")
    fill(file)
    file.write_text(text + "  disk_space_threshold_gb: 1000000\n  disk_space_target_gb: 1000000\n", encoding="utf-8")
    result = run(file, "--check")
    assert result.exit_code == 1
    assert "collection pauses" in result.output


def test_a_database_that_is_none_is_told_in_one_line(file: Path) -> None:
    """A file that was damaged or put there by somebody else: no traceback, and what to look at."""
    fill(file)
    for name in ("archives.db", "archives.db-wal"):
        (file.parent / "data" / name).write_bytes(b"not a database" * 100)
    result = run(file)
    assert result.exit_code == 2
    assert result.output.splitlines()[-1] == (
        "Error: a database under the data root cannot be used: file is not a database"
    )
