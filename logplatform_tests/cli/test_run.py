"""`logplatform run`: the account, the exit codes, and that a second run changes nothing."""

import gzip
import json
import os
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from logplatform.cli import main

LOG = "".join(f'10.0.0.1 - - [17/May/2015:10:05:{n:02d} +0000] "GET /{n} HTTP/1.1" 200 12\n' for n in range(20))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Two servers: one with a good archive, one empty."""
    for name in ("web1", "web2"):
        (tmp_path / name).mkdir()
    put(tmp_path / "web1" / "a.log.gz", gzip.compress(LOG.encode()))
    file = tmp_path / "logplatform.yaml"
    file.write_text(
        "archives:\n  sources: [{name: web1, path: web1}, {name: web2, path: web2}]\n"
        "landing: {disk_space_threshold_gb: 0}\n",
        encoding="utf-8",
    )
    return file


def put(path: Path, data: bytes) -> None:
    path.write_bytes(data)
    os.utime(path, (1_700_000_000, 1_700_000_000))


def run(file: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["--config", str(file), "run", *arguments])


def account(result: Result) -> dict[str, Any]:
    return json.loads(result.stdout)["archives"]


def test_a_run_takes_what_is_new_and_a_second_one_changes_nothing(file: Path) -> None:
    """The promise of the whole platform, as a user sees it."""
    first = run(file, "--json")
    assert first.exit_code == 0, first.output
    told = account(first)
    assert (told["listed"], told["new"], told["runs"], told["conserved"]) == (1, 1, 1, True)
    second = account(run(file, "--json"))
    assert (second["listed"], second["new"], second["known"], second["runs"]) == (1, 0, 1, 0)
    assert second["flow"] == told["flow"]


def test_the_account_is_readable(file: Path) -> None:
    """What came in, what came out, and that nothing is missing, without opening a browser."""
    output = run(file).output
    assert "archives: files seen 1, new 1, known 0" in output
    rows = [[cell.strip() for cell in line.split("│")] for line in output.splitlines() if "│" in line]
    assert ["extracted → events", "lines", "20", "20", "0", "0", "0", "0"] in rows
    assert ["web1", "access", "20", "20"] in rows
    assert "0 dead letters; rows: archive_events 20" in output


def test_a_corrupt_file_is_exit_code_1_and_the_rest_goes_on(file: Path) -> None:
    """Scripts must see it; the good file beside it is taken all the same."""
    put(file.parent / "web2" / "bad.gz", gzip.compress(b"x" * 1000)[:-6])
    result = run(file, "--json")
    assert result.exit_code == 1
    told = account(result)
    assert (told["new"], told["failed_files"], told["conserved"]) == (2, 1, True)
    assert run(file).exit_code == 0


def test_a_source_out_of_reach_is_exit_code_2_and_the_others_go_on(file: Path) -> None:
    """A dead server must not look like a quiet one."""
    (file.parent / "web2").rmdir()
    result = run(file, "--json")
    assert result.exit_code == 2
    told = account(result)
    assert "web2" in told["unreachable"]["web2"]
    assert told["new"] == 1


def test_without_a_source_it_says_how_to_add_one(tmp_path: Path) -> None:
    """And starts nothing."""
    empty = tmp_path / "empty.yaml"
    empty.write_text("tenant: t\n", encoding="utf-8")
    result = run(empty)
    assert (result.exit_code, "logplatform init" in result.output) == (0, True)
    assert not (tmp_path / "data").exists()
