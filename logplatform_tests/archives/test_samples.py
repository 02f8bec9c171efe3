"""The real logs of four servers, from source to events: the figures that must come out, once and again."""

import os
from pathlib import Path

import pytest

from logplatform_tests.archives.platform import Platform

SAMPLES = Path(os.environ.get("LOGPLATFORM_SAMPLES", Path(__file__).parents[2].parent / "shared" / "samples"))
SERVERS = ("kafka0", "kafka1", "kafka2", "web1")


@pytest.mark.samples
def test_sample_archives_from_source_to_events(tmp_path: Path) -> None:
    """39 archives, 19,915 lines, 10,000 requests and 9,059 broker events; a second run changes nothing."""
    root = SAMPLES / "archives"
    if not root.is_dir():
        pytest.skip(f"no samples at {root}")
    sources = [{"name": name, "path": root / name} for name in SERVERS]
    platform = Platform(tmp_path, archives={"sources": sources})
    raw, extracted, events = platform.run()
    assert (raw.out, extracted.out) == (39, 39)
    assert (events.came, events.used, events.dead_letters) == (19_915, 19_915, 0)
    per_server = dict.fromkeys(SERVERS, 0)
    for (server,) in platform.events("server"):
        per_server[server] += 1
    assert per_server["web1"] == 10_000
    assert sum(per_server.values()) - 10_000 == 9_059
    days = {str(day) for (day,) in platform.events("time::date")}
    assert days == {"2015-05-17", "2015-05-18", "2015-05-19", "2015-05-20", "2016-12-19"}
    before = platform.events("origin, line, lines, raw")
    assert platform.run() == []
    assert platform.events("origin, line, lines, raw") == before
    assert set(platform.missing().values()) == {0}
