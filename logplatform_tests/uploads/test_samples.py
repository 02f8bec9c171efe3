"""Real web logs by the command and by the inbox: found under their own days, with countries, and never twice."""

import csv
import ipaddress
import json
import os
import shutil
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from logplatform.cli import main
from logplatform.stores.log_query import Aggregation, Filters, Search
from logplatform.uploads.measures import arrows
from logplatform.uploads.room import UploadRoom, open_uploads
from logplatform_tests.uploads.rooms import settings_in

SAMPLES = Path(os.environ.get("LOGPLATFORM_SAMPLES", Path(__file__).parents[3] / "shared" / "samples")) / "uploads"
pytestmark = [
    pytest.mark.samples,
    pytest.mark.skipif(not SAMPLES.is_dir(), reason="the sample folder is not there"),
]
ADDED, DROPPED = "web-events.json", ("web-events.csv", "web-events-array.json")


def events() -> Iterator[dict[str, Any]]:
    """The records as plain Python reads them."""
    yield from map(json.loads, (SAMPLES / ADDED).read_text().splitlines())
    yield from json.loads((SAMPLES / DROPPED[1]).read_text())
    with (SAMPLES / DROPPED[0]).open(newline="") as file:
        yield from csv.DictReader(file)


def send(folder: Path, config: Path) -> list[dict[str, Any]]:
    """One file by the command, two by the inbox, and a worker; what `uploads list` tells of them."""
    (folder / "data/inbox").mkdir(parents=True, exist_ok=True)
    for name in DROPPED:
        shutil.copyfile(SAMPLES / name, folder / "data/inbox" / name)
        before = time.time() - 3600
        os.utime(folder / "data/inbox" / name, (before, before))
    for arguments in (("add", str(SAMPLES / ADDED)), ("work", "--once")):
        done = CliRunner().invoke(main, ["--config", str(config), "uploads", *arguments], catch_exceptions=False)
        assert done.exit_code == 0, done.output
    listed = CliRunner().invoke(main, ["--config", str(config), "uploads", "list", "--json"])
    return json.loads(listed.stdout)


def counted(room: UploadRoom, by: str) -> Counter[str]:
    """Documents by a field or an interval, as the index counts them."""
    rows = room.index.aggregate(Aggregation((by,), limit=100_000))
    return Counter({str(row[by])[: 10 if by == "day" else None]: row["count"] for row in rows})


def test_ten_thousand_events_are_found_under_their_own_days_and_once(tmp_path: Path) -> None:
    """Sent again, each file names the job that it was first, and no count changes."""
    config = tmp_path / "logplatform.yaml"
    config.write_text("uploads: {settle_seconds: 0}\nlanding: {disk_space_threshold_gb: 0}\n", encoding="utf-8")
    sent = list(events())
    first = send(tmp_path, config)
    assert [one["status"] for one in first] == ["completed"] * 3
    with open_uploads(settings_in(tmp_path)) as room:
        assert room.index.search(Search()).total == len(sent) == 10_000
        assert counted(room, "day") == Counter(event["timestamp"][:10] for event in sent)
        assert counted(room, "path") == Counter(event["path"] for event in sent)
        assert counted(room, "ip") == Counter(event["ip"] for event in sent)
        public = sum(ipaddress.ip_address(event["ip"]).is_global for event in sent)
        placed = room.index.aggregate(Aggregation(filters=Filters().having("country_code")))[0]["count"]
        assert placed >= 0.99 * public
        assert [arrow.missing for arrow in arrows(room.tenancy)] == [0, 0, 0]
    again = send(tmp_path, config)
    repeated = {one["filename"]: one["duplicate_of"] for one in again if one["status"] == "duplicate"}
    assert repeated == {one["filename"]: one["job_id"] for one in first}
    assert list((tmp_path / "data/inbox").iterdir()) == []
    with open_uploads(settings_in(tmp_path)) as room:
        assert room.index.search(Search()).total == 10_000
        assert [arrow.missing for arrow in arrows(room.tenancy)] == [0, 0, 0]
