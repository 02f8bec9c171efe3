"""`dead-letters replay` on a real run: what can be used now is used, what cannot stays, and nothing doubles."""

import gzip
import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from logplatform.cli import main

LINE = '10.0.0.1 - - [17/May/2015:10:05:{:02d} +0000] "GET /{} HTTP/1.1" 200 12\n'


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """One access log with a line that is too long for these settings, and one that no setting makes usable."""
    folder = tmp_path / "in"
    folder.mkdir()
    lines = [LINE.format(second, "x" * (2000 if second == 3 else 5)) for second in range(10)]
    log = folder / "access.log.gz"
    log.write_bytes(gzip.compress("".join([*lines[:5], "nothing of the kind\n", *lines[5:]]).encode()))
    os.utime(log, (1_700_000_000, 1_700_000_000))
    file = tmp_path / "logplatform.yaml"
    text = (
        "archives:\n  sources: [{name: web1, path: in}]\nlanding: {max_line_bytes: 1024, disk_space_threshold_gb: 0}\n"
    )
    file.write_text(text, encoding="utf-8")
    return file


def run(file: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["--config", str(file), *arguments])


def figures(file: Path) -> tuple[int, int]:
    """Events, open letters."""
    archives = json.loads(run(file, "status", "--domain", "archives", "--json").stdout)["domains"]["archives"]
    return archives["rows"]["archive_events"], archives["open_letters"]


def replay(file: Path, *arguments: str) -> tuple[int, dict[str, object]]:
    result = run(file, "dead-letters", "replay", "--json", *arguments)
    return result.exit_code, json.loads(result.stdout)


def test_a_replay_uses_what_can_be_used_now(file: Path) -> None:
    """The way back for a refused record: the cause goes, the replay brings it in, once."""
    collected = run(file, "run", "--domain", "archives")
    assert collected.exit_code == 0, collected.output
    assert figures(file) == (9, 2)

    code, outcome = replay(file)
    assert (code, outcome) == (1, {"open_before": 2, "open_after": 2, "problems": []})
    assert figures(file) == (9, 2)

    text = file.read_text(encoding="utf-8")
    file.write_text(text.replace("max_line_bytes: 1024", "max_line_bytes: 4096"), encoding="utf-8")
    long_line = json.loads(run(file, "dead-letters", "list", "--json").stdout)["letters"][0]
    assert long_line["position"] == 4
    code, outcome = replay(file, long_line["letter"])
    assert (code, outcome) == (0, {"open_before": 1, "open_after": 0, "problems": []})
    assert figures(file) == (10, 1)


def test_a_replay_without_the_bytes_is_refused_and_changes_nothing(file: Path) -> None:
    """Retention has taken them: an empty day must not take the place of a full one."""
    run(file, "run", "--domain", "archives")
    before = figures(file)
    for path in (file.parent / "data" / "landing").rglob("*"):
        if path.is_file():
            path.unlink()
    result = run(file, "dead-letters", "replay")
    assert result.exit_code == 1
    assert "failed:" in result.output
    assert figures(file) == before
