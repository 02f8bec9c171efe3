"""`logplatform demo` from an empty folder to its summary, and once more: on the real stores and a real Dagster."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from logplatform.demo.outcome import sayings
from logplatform.demo.plan import DOMAINS, Record, read_record
from logplatform.demo.settings import INPUT, SETTINGS
from logplatform.domains import standing
from logplatform.settings.load import load

pytestmark = pytest.mark.slow

SAID = {
    "an odd line among access lines": r"processed · line \d+: not a line of the access log format",
    "a gzip archive in several members": "processed",
    "a corrupt archive: one byte flipped": "corruption: ",
    "bytes after the end of the archive": "corruption: bytes after the last member",
    "a truncated archive": "corruption: .*cut",
    "a cut JSON line": r"processed · line \d+: not a JSON object",
    "a line of 1.5 MiB": r"processed · line \d+: .*max_line_bytes",
    "the same log under its next rotated name": "seen",
    "the same text on two servers": "processed",
    "an archive of nothing": "processed",
    "a file of 0 bytes named .gz": "corruption: empty",
    "an error page named .gz": "corruption: the name promises gzip",
    "a file cut inside its last line": r"processed · line \d+: no timestamp",
    "an unreadable wait": "processed · anomalies: unreadable_wait",
    "UTF-16": "processed",
    "a line written late (clock going back)": "processed · anomalies: clock_going_back",
    "a day that stood still for hours": "processed · anomalies: .*rate_out_of_line",
    "a stop that never ends": "processed · anomalies: open_stop",
    "carriage returns alone": "processed",
    "UTF-8 with a byte order mark": "processed",
    "two hours without an event": "processed · anomalies: .*gap_without_event",
    "a file of 0 bytes": "processed",
    "a stop whose start is missing": "processed · anomalies: open_stop",
    "512 NUL bytes inside": "processed",
    "a piece written twice": "processed · anomalies: duplicate_piece_numbers",
    "a line of noise": r"processed · line \d+: no timestamp",
    "a job without a reference": "processed · anomalies: job_without_reference",
    "pieces without the colon": "processed",
    "a date far in the future": "left alone",
    "a file that is no machine log": "left alone",
    "a record whose time is no time": r"processed · line \d+: timestamp: 'yesterday' is no time",
    "a record that is cut": r"processed · line \d+: Input data was truncated",
    "a row that lacks cells": r"processed · line \d+: 7 cells where the header has 10",
    "a file of 0 bytes named .csv": "refused: File is empty",
    "a header without records": "refused: Invalid CSV: line 1: a header without records",
    "the same file under another name": "seen",
    "a file that is neither CSV nor JSON": "refused: File extension '.txt' not allowed",
    "a message that is no JSON": "refused: the message is not JSON",
    "a message of 1.5 MB": "refused: the message is longer than 1048576 bytes",
    "a ticket again, with another priority": "duplicate: contradicts the first ticket of its id",
}
"""Each planted fault and what the platform must say of its file; whole where a plain word stands."""


def demo(home: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own, as a user would."""
    command = [sys.executable, "-c", "from logplatform.cli import main; main()", "demo", "--folder", str(home)]
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("DAGSTER_", "LOGPLATFORM_"))}
    run = [*command, "--end-date", "2026-03-29", *options]
    return subprocess.run(run, capture_output=True, text=True, check=False, env=clean, cwd=home.parent, timeout=280)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo") / "demo"
    done = demo(folder)
    assert done.returncode == 0, done.stdout + done.stderr
    (folder.parent / "first.txt").write_text(done.stdout)
    return folder


def record_of(home: Path) -> Record:
    record = read_record(home / INPUT)
    assert record is not None
    return record


def test_every_planted_fault_is_met_as_it_should_be(home: Path) -> None:
    """The demonstration shows faults, so it must be sure that the platform meets each of them rightly."""
    settings = load(home / SETTINGS, {}).settings
    said = {one.planted.fault: one.said for one in sayings(settings, record_of(home))}
    assert said.keys() == SAID.keys()
    wrong = {fault: text for fault, text in said.items() if not re.match(SAID[fault], text)}
    assert not wrong
    unmarked = {fault: text for fault, text in said.items() if SAID[fault] in {"processed", "seen"} and "line" in text}
    assert not unmarked


def test_the_summary_tells_what_people_need(home: Path) -> None:
    """In, out, refused and why, and where to look next: all of it on the screen."""
    text = (home.parent / "first.txt").read_text()
    assert "archives: 49 files" in text
    assert "machines: 38 files" in text
    assert "uploads: 30 files" in text
    assert "tickets: 3 files" in text
    for words in ("flow", "missing", "What was broken on purpose", "were refused", "Where to look next", " up\n"):
        assert words in text
    for fault in SAID:
        assert fault in text


def test_everything_is_accounted_for(home: Path) -> None:
    """Each line put in by the generator is landed, and each file stands somewhere final."""
    settings = load(home / SETTINGS, {}).settings
    record = record_of(home)
    archives, machines, uploads, tickets = (standing(settings, domain) for domain in DOMAINS)
    assert archives is not None
    assert machines is not None
    assert uploads is not None
    assert tickets is not None
    assert archives.files == {"processed": 43, "seen": 1, "error": 5}
    assert sum(archives.files.values()) == record.files["archives"]
    assert machines.files == {"processed": 36}
    assert archives.open_letters == 3
    assert machines.open_letters == 2
    assert uploads.files == {"completed": 26, "duplicate": 1}
    assert sum(trouble.files for trouble in uploads.troubles) == 3
    assert uploads.open_letters == 3
    assert tickets.files == {"taken in": 2_842, "refused": 95, "duplicates": 67, "waiting": 0}
    assert sum(tickets.files.values()) == record.lines["tickets"]
    assert tickets.open_letters == 95


def test_repeated_no_count_changes(home: Path) -> None:
    """The demonstration may be repeated: nothing new is seen, nothing is counted twice."""
    again = demo(home)
    assert again.returncode == 0, again.stdout + again.stderr
    first = (home.parent / "first.txt").read_text()
    assert "this run saw 0 new files" in again.stdout
    unchanging = re.compile(r"^this run saw .*$", re.MULTILINE)
    assert unchanging.sub("", again.stdout) == unchanging.sub("", first)


def test_another_demonstration_is_not_mixed_in(home: Path) -> None:
    """Two plans in one folder would make a mess of both: a clear error names the ways out."""
    other = demo(home, "--size", "medium")
    assert other.returncode == 2
    assert "--fresh" in other.stderr
    assert "Traceback" not in other.stderr


def test_a_folder_of_other_things_is_never_removed(tmp_path: Path) -> None:
    """--fresh removes demonstrations only."""
    precious = tmp_path / "thesis"
    precious.mkdir()
    (precious / "chapter1.txt").write_text("years of work")
    refused = demo(precious, "--fresh")
    assert refused.returncode == 2
    assert (precious / "chapter1.txt").read_text() == "years of work"
