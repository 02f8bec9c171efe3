"""`logplatform prune` and `logplatform reset`: what goes, and above all what stays."""

import json
from datetime import timedelta
from pathlib import Path

import dagster as dg
import pytest
from click.testing import CliRunner, Result

from logplatform.cli import main
from logplatform.landing.dead_letters import Letter
from logplatform.landing.leases import utc_now
from logplatform.orchestration.home import opened_instance
from logplatform.orchestration.services import LOCK_FILE, alone
from logplatform.pruning import forget_replayed
from logplatform.settings.load import load
from logplatform.tenancy import open_tenancy
from logplatform_tests.cli.filled import MOMENT, fill, letters, settings_file

NO_GUARD = "landing: {disk_space_threshold_gb: 0, disk_space_target_gb: 0, retention: {error_days: 1}}\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return settings_file(tmp_path, NO_GUARD)


def run(file: Path, *arguments: str, answer: str = "") -> Result:
    return CliRunner().invoke(main, ["--config", str(file), *arguments], input=answer)


def landed(file: Path) -> list[bytes]:
    return sorted(path.read_bytes() for path in (file.parent / "data" / "landing").rglob("*") if path.is_file())


def test_prune_removes_what_is_delivered_and_old_and_nothing_else(file: Path) -> None:
    """Two files were delivered long ago, one is still on its way: that one must stay."""
    fill(file)
    assert landed(file) == [b"aaa", b"bbb", b"ccc"]
    result = run(file, "prune", "--json")
    assert result.exit_code == 0, result.output
    assert landed(file) == [b"ccc"]
    removed = {row["kind"]: (row["files"], row["bytes"]) for row in json.loads(result.output)["removed"]}
    assert removed["processed"] == (2, 6)


def test_prune_forgets_no_file(file: Path) -> None:
    """What was cleaned must not be collected again."""
    fill(file)
    run(file, "prune")
    status = json.loads(run(file, "status", "--json").output)
    assert status["domains"]["archives"]["files"] == {"copied": 1, "error": 3, "processed": 2}


def test_prune_twice_removes_nothing_more(file: Path) -> None:
    """It may be run by a timer."""
    fill(file)
    run(file, "prune")
    again = json.loads(run(file, "prune", "--json").output)
    assert sum(row["files"] for row in again["removed"]) == 0


def test_only_letters_made_good_long_ago_are_forgotten(file: Path) -> None:
    """Open ones are somebody's work, however old."""
    settings = fill(file)
    with open_tenancy(settings, "archives", lambda: MOMENT) as tenancy:
        letters(tenancy, "a.gz", [Letter(7, b"x", ("r",))])
    with open_tenancy(settings, "archives", lambda: MOMENT + timedelta(hours=23)) as tenancy:
        assert forget_replayed(tenancy) == 0
    with open_tenancy(settings, "archives", lambda: MOMENT + timedelta(hours=25)) as tenancy:
        assert forget_replayed(tenancy) == 1
        assert tenancy.letters.count() == 2


def test_prune_tells_when_the_disk_stays_too_full(file: Path) -> None:
    """Exit code 1: somebody has to make room."""
    fill(file)
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("_gb: 0", "_gb: 1000000"), encoding="utf-8")
    result = run(file, "prune")
    assert result.exit_code == 1
    assert "still too full" in result.output
    assert landed(file) == [b"ccc"]


def test_reset_asks_and_no_means_no(file: Path) -> None:
    """The answer by default is no."""
    fill(file)
    result = run(file, "reset", answer="\n")
    assert result.exit_code == 1
    assert landed(file) == [b"aaa", b"bbb", b"ccc"]
    assert "archives.db" in result.output


def test_reset_removes_what_the_platform_made_and_nothing_else(file: Path) -> None:
    """Files that people put into the data root, and the sources, are theirs."""
    fill(file)
    data = file.parent / "data"
    for theirs in ("incoming/web1/dropped.gz", "notes.txt", "in/web1/a.gz"):
        path = (file.parent if theirs.startswith("in/") else data) / theirs
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    elsewhere = file.parent / "other-disk"
    elsewhere.mkdir()
    (elsewhere / "x.parquet").touch()
    (data / "datasets").symlink_to(elsewhere)
    (data / "incoming" / "web1" / "c.gz").symlink_to("../../landing/default/archives/c")
    result = run(file, "reset", "--yes")
    assert result.exit_code == 0, result.output
    files = (path for path in file.parent.rglob("*") if not path.is_dir() and path.name != LOCK_FILE)
    left = sorted(str(path.relative_to(file.parent)) for path in files)
    assert left == ["data/incoming/web1/dropped.gz", "data/notes.txt", "in/web1/a.gz", "logplatform.yaml"]
    assert (data / "datasets").is_symlink()
    assert "nothing collected yet" in run(file, "status").output
    assert "Nothing is stored" in run(file, "reset").output


def test_reset_waits_for_whoever_is_at_work(file: Path) -> None:
    """Removing a ledger under a running job would lose its work without a word."""
    settings = fill(file)
    with open_tenancy(settings, "archives", utc_now) as tenancy, tenancy.ledger.leases.hold("batch/b1", "me/1/run"):
        busy = run(file, "reset", "--yes")
        assert busy.exit_code == 2
        assert "archives: batch/b1 is being worked on by me/1/run" in busy.output
        assert landed(file)
    assert run(file, "reset", "--yes").exit_code == 0
    assert not (file.parent / "data" / "archives.db").exists()


def test_reset_refuses_while_the_platform_is_up(file: Path) -> None:
    """The daemon would go on in a ledger that is no longer there."""
    settings = fill(file)
    with alone(settings.data_root):
        result = run(file, "reset", "--yes")
    assert result.exit_code == 2
    assert "already running" in result.output
    assert landed(file) == [b"aaa", b"bbb", b"ccc"]


def test_reset_is_the_way_out_of_a_broken_database(file: Path) -> None:
    """A database that cannot be read keeps every other command from working."""
    fill(file)
    for name in ("archives.db", "archives.db-wal"):
        (file.parent / "data" / name).write_bytes(b"not a database" * 100)
    assert run(file, "reset", "--yes").exit_code == 0
    assert not list((file.parent / "data").glob("archives.db*"))


def test_reset_warns_when_sources_were_emptied(file: Path) -> None:
    """With delete_source the landed bytes are the only ones there are."""
    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("path: in/web1}", "path: in/web1, delete_source: true}"), encoding="utf-8")
    fill(file)
    assert "exists only here" in run(file, "reset", answer="n\n").output


def test_prune_removes_old_runs_of_dagster(tmp_path: Path) -> None:
    """Its history is the platform's too: it must not grow with the platform's age."""
    file = settings_file(tmp_path, f"{NO_GUARD}dagster: {{history_days: 0}}\n")

    @dg.job
    def plain() -> None: ...

    with opened_instance(load(file).settings) as instance:
        plain.execute_in_process(instance=instance)
    result = run(file, "prune", "--json")
    assert result.exit_code == 0, result.output
    (row,) = (row for row in json.loads(result.output)["removed"] if row["domain"] == "dagster")
    assert (row["kind"], row["files"]) == ("runs of Dagster", 1)
    with opened_instance(load(file).settings) as instance:
        assert instance.get_runs_count() == 0
