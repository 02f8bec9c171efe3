"""Uploads over HTTP: how much a second, how small ones fare meanwhile, and how soon they can be searched.

What belongs here: the comparisons of the HTTP API. What does not: the load (`pieces.api`).
"""

from collections.abc import Iterator
from pathlib import Path

from benchmarks.events import events_file
from benchmarks.measure import work
from benchmarks.table import Comparison

FILES = 8
WAITS = 60
SECONDS_A_GIGABYTE = 1_000 / 64
SMALL_P99_MS = 1_000.0
WORKER_P95_SECONDS = 1.0
SENSOR_WAITS = 12
SENSOR_P50_SECONDS, SENSOR_P95_SECONDS = 8.0, 12.0


def compare(folder: Path, events: int) -> Iterator[Comparison]:
    """FILES uploads of a fifth of `events` each; WAITS small ones beside a worker, SENSOR_WAITS beside Dagster."""
    path = events_file(folder, events // 5)
    root = folder / "api"
    loaded = work("api.uploaded", path, root, FILES)
    facts = loaded.facts
    told = f"{FILES} uploads of {path.stat().st_size / 1e6:.0f} MB: {facts['MB/s']:.0f} MB/s"
    limits = (
        ("s a GB", 1_000 / facts["MB/s"], SECONDS_A_GIGABYTE),
        ("small ones' p99 ms", facts["small p99 ms"], SMALL_P99_MS),
    )
    yield Comparison(told, "", loaded, None, limits=limits)
    waited = work("api.searchable", root, WAITS)
    facts = waited.facts
    told = f"from the 201 to searchable by a worker: p50 {facts['p50 s']:.2f} s"
    yield Comparison(told, "", waited, None, limits=(("p95 s", facts["p95 s"], WORKER_P95_SECONDS),))
    waited = work("api.by_sensor", root, SENSOR_WAITS)
    facts = waited.facts
    limits = (("p50 s", facts["p50 s"], SENSOR_P50_SECONDS), ("p95 s", facts["p95 s"], SENSOR_P95_SECONDS))
    yield Comparison("from the 201 to searchable by Dagster's sensor", "", waited, None, limits=limits)
