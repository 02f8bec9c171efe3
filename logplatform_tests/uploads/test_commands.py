"""The commands of `logplatform uploads`, as people and scripts use them, from a file to a figure."""

import json
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from logplatform.cli import main
from logplatform.cli.upload_figures import FIGURES
from logplatform.settings.model import Settings
from logplatform.stores.log_query import Search
from logplatform.stores.log_schema import DOCUMENTS
from logplatform.stores.parquet_index import DATASET
from logplatform.uploads.intake import receive
from logplatform.uploads.room import open_uploads
from logplatform.uploads.upkeep import tidy
from logplatform.uploads.worker import work
from logplatform_tests.uploads.indexed import ndjson, some_events

EVENTS = some_events(200)


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "logplatform.yaml"
    path.write_text(f"data_root: {tmp_path / 'data'}\n", encoding="utf-8")
    return path


def call(config: Path, *arguments: str) -> Result:
    return CliRunner().invoke(main, ["--config", str(config), "uploads", *arguments], catch_exceptions=False)


def answer(config: Path, *arguments: str) -> Any:
    return json.loads(call(config, *arguments, "--json").stdout)


def test_from_a_file_to_a_figure(config: Path, tmp_path: Path) -> None:
    """add, queue, work, list, search, figures: each tells what the others did."""
    file = tmp_path / "events.json"
    file.write_bytes(ndjson(EVENTS))
    (added,) = answer(config, "add", str(file))
    assert (added["success"], added["total_lines"], added["duplicate_of"]) == (True, 200, None)
    assert answer(config, "queue")["length"] == 1
    assert answer(config, "work", "--once") == {"completed": 1}
    (listed,) = answer(config, "list")
    assert (listed["status"], listed["documents"], listed["dead_letters"]) == ("completed", 200, 0)
    errors = sum(event["log_type"] == "error" for event in EVENTS)
    found = answer(config, "search", "--log-type", "error", "--size", "1000")
    assert found["total"] == len(found["hits"]) == errors
    assert json.loads(call(config, "figures", "errors").stdout)["count"] == errors
    assert answer(config, "add", str(file))[0]["duplicate_of"] == added["job_id"]


def test_what_is_derived_can_be_shown(config: Path, tmp_path: Path) -> None:
    """A worker derives once nothing waits; the newest day comes first."""
    file = tmp_path / "events.json"
    file.write_bytes(ndjson(EVENTS))
    call(config, "add", str(file))
    call(config, "work", "--once")
    told = answer(config, "show", "ecommerce_metrics")
    assert (told["total"], sum(row["documents"] for row in told["rows"])) == (4, 200)
    assert [row["event_day"] for row in told["rows"]] == sorted(
        (row["event_day"] for row in told["rows"]), reverse=True
    )
    assert "fraud_alerts" in call(config, "show", "fraud_alerts").stdout


def test_every_figure_can_be_asked_for(config: Path, tmp_path: Path) -> None:
    """Over an empty index too, and over a period."""
    for name in FIGURES:
        assert call(config, "figures", name).exit_code == 0
    file = tmp_path / "events.json"
    file.write_bytes(ndjson(EVENTS))
    call(config, "add", str(file))
    call(config, "work", "--once")
    day = sum(event["timestamp"].startswith("2026-03-02") for event in EVENTS)
    period = ("--date-from", "2026-03-02", "--date-to", "2026-03-02")
    assert json.loads(call(config, "figures", "overview", *period).stdout)["count"] == day


def test_a_refused_file_and_a_wrong_question_are_told(config: Path, tmp_path: Path) -> None:
    """Exit codes tell scripts, messages tell people."""
    wrong = tmp_path / "wrong.txt"
    wrong.write_text("x", encoding="utf-8")
    refused = call(config, "add", str(wrong))
    assert (refused.exit_code, "not allowed" in refused.output) == (1, True)
    assert call(config, "search", "--size", "5000").exit_code == 2
    assert "no such upload" in call(config, "retry", "nothing").output
    assert call(config, "work", "--once").output == "Nothing to do.\n"


def test_a_file_that_may_still_grow_is_told(config: Path, tmp_path: Path) -> None:
    """Who asks once hears why the inbox was left alone; when the file has settled it is taken."""
    inbox = tmp_path / "data" / "inbox"
    inbox.mkdir(parents=True)
    file = inbox / "events.json"
    file.write_bytes(ndjson(EVENTS))
    told = call(config, "work", "--once")
    assert (told.exit_code, "1 file in the inboxes changed less than 5 s ago" in told.output) == (0, True)
    assert file.exists()
    settled = file.stat().st_mtime - 60
    os.utime(file, (settled, settled))
    assert "200 documents" in call(config, "work", "--once").output
    assert not file.exists()


def test_tidying_merges_small_files_and_removes_old_days(tmp_path: Path) -> None:
    """Ten uploads leave ten files a day; afterwards there is one, and days beyond the bound are gone."""
    moment = datetime(2026, 3, 5, tzinfo=UTC)
    with open_uploads(Settings(data_root=tmp_path / "data"), lambda: moment) as room:
        for number in range(10):
            receive(room, f"{number}.json", [ndjson(EVENTS[number * 20 : number * 20 + 20])])
        assert len(list(work(room, "test", lambda: False, once=True))) == 10
        done = tidy(room, keep_days=2)
        kept = [event for event in EVENTS if event["timestamp"] >= "2026-03-03"]
        assert (done.merged_days, done.expired_files > 0) == (2, True)
        assert len(room.tenancy.dataset(DATASET, DOCUMENTS).visible()) == 2
        assert room.index.search(Search()).total == len(kept)
        moment += timedelta(hours=2)
        assert tidy(room, keep_days=2).swept_files > 0
        assert room.index.search(Search()).total == len(kept)


def test_a_worker_ends_without_a_word_of_its_libraries(tmp_path: Path) -> None:
    """Objects that the collector was told to forget look like leaks to a library that counts them at the end."""
    file = tmp_path / "one.json"
    file.write_text('{"timestamp": "2026-11-01T00:00:00Z", "log_type": "web", "message": "hello"}\n')
    environment = os.environ | {"LOGPLATFORM_DATA_ROOT": str(tmp_path / "data")}
    for command in (["uploads", "add", str(file)], ["uploads", "work", "--once"]):
        ended = subprocess.run(
            [sys.executable, "-m", "logplatform", *command], env=environment, capture_output=True, text=True, check=True
        )
    assert ended.stderr == ""
    assert "1 documents" in ended.stdout
