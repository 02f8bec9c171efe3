"""Events from uploaded bytes to documents, and into the index, against plain Python.

What belongs here: the comparisons of the domain uploads. What does not: their inputs (`events`).
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

from benchmarks.events import events_file
from benchmarks.measure import best, work
from benchmarks.table import Comparison

ROUNDS = 3
# 150,000 events a CPU-second.
SECONDS_A_MILLION = 1_000_000 / 150_000


def compare(folder: Path, events: int) -> Iterator[Comparison]:
    """A file of `events` as NDJSON, in alternating rounds."""
    path = events_file(folder, events)
    index = folder / "log-index"
    ours, through, theirs = [], [], []
    for _ in range(ROUNDS):
        ours.append(work("uploads.documents", path))
        shutil.rmtree(index, ignore_errors=True)
        through.append(work("uploads.indexed", path, index))
        theirs.append(work("uploads.plain", path))
    shutil.rmtree(index, ignore_errors=True)
    told = f"{events:,} events: parse, validate, GeoIP"
    baseline = "json + pydantic, GeoIP, JSON"
    documents, indexed, plain = best(ours), best(through), best(theirs)
    limit = ("CPU s a million", documents.cpu / events * 1_000_000, SECONDS_A_MILLION)
    yield Comparison(f"{told}, encode", baseline, documents, plain, by="cpu", limits=(limit,))
    yield Comparison(f"{told}, into the index", baseline, indexed, plain, by="cpu")
