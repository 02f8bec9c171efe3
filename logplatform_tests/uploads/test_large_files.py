"""Large uploads in little memory, each read in a process of its own, whose peak is measured from outside the work."""

from pathlib import Path

import pytest

from benchmarks.events import Shape, events_file
from benchmarks.measure import work

pytestmark = pytest.mark.slow
GROWTH = 30_000_000


@pytest.mark.parametrize(("shape", "count"), [("json", 300_000), ("array", 200_000), ("csv", 200_000)])
def test_a_large_file_takes_no_more_memory_than_a_small_one(tmp_path: Path, shape: Shape, count: int) -> None:
    """A hundred megabytes are as many as may be sent; twenty times fewer take nearly as much memory."""
    small = work("uploads.inspect", events_file(tmp_path, count // 20, shape))
    large = work("uploads.inspect", events_file(tmp_path, count, shape))
    assert large.facts["records"] == count
    assert large.facts["refused"] == 0
    assert large.facts["bytes"] > 170 * count
    assert large.peak_bytes is not None
    assert small.peak_bytes is not None
    assert large.peak_bytes < small.peak_bytes + GROWTH
    assert large.peak_bytes < 300_000_000


def test_a_file_of_one_line_takes_little_memory(tmp_path: Path) -> None:
    """A file without any line end is one record that is too long, and is not held to find that out."""
    path = tmp_path / "line.json"
    with path.open("wb") as file:
        file.write(b'{"a":1}\n{"b":"')
        for _ in range(100):
            file.write(b"x" * (1 << 20))
        file.write(b'"}\n{"a":2}\n')
    cost = work("uploads.inspect", path)
    assert (cost.facts["records"], cost.facts["refused"]) == (3, 1)
    assert cost.peak_bytes is not None
    assert cost.peak_bytes < 150_000_000


def test_a_file_of_nothing_but_bad_records_takes_no_more_memory(tmp_path: Path) -> None:
    """Refused records are kept on disk until the commit, and are committed as a stream."""
    costs = []
    for count in (2_000, 40_000):
        path = tmp_path / f"bad-{count}.json"
        with path.open("wb") as file:
            file.write(b'{"timestamp":"2026-03-01T10:00:00Z","log_type":"web"}\n')
            for number in range(count):
                file.write(b'{"timestamp":"no time","number":%d,"text":"%s"}\n' % (number, b"x" * 1_300))
        costs.append(work("uploads.ingested", path, tmp_path / f"room-{count}"))
        assert (costs[-1].facts["documents"], costs[-1].facts["dead_letters"]) == (1, count)
    small, large = (cost.peak_bytes for cost in costs)
    assert small is not None
    assert large is not None
    assert costs[1].facts["bytes"] > 50_000_000
    assert large < small + GROWTH
