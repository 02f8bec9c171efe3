"""Events from uploaded bytes to documents, and into the index, against plain Python.

What belongs here: the comparisons of the domain uploads. What does not: their inputs (`events`).
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

from benchmarks.events import Shape, events_file
from benchmarks.measure import best, work
from benchmarks.table import Comparison

ROUNDS = 3
# 150,000 events a CPU-second.
SECONDS_A_MILLION = 1_000_000 / 150_000
# 64 MB a second on one core.
SECONDS_A_GIGABYTE = 1_000 / 64


def compare(folder: Path, events: int) -> Iterator[Comparison]:
    """Files of `events` in alternating rounds: into documents and into the index; and taken as uploads are."""
    yield from _made_documents(folder, events)
    for shape in ("json", "array", "csv"):
        yield _taken(folder, events, shape)


def _taken(folder: Path, events: int, shape: Shape) -> Comparison:
    path, lines = events_file(folder, events, shape), events_file(folder, events)
    ours, theirs = [], []
    for _ in range(ROUNDS):
        room = folder / "uploads-room"
        shutil.rmtree(room, ignore_errors=True)
        ours.append(work("uploads.received", path, room))
        theirs.append(work("uploads.looked_at", lines, folder / "uploads-copy"))
        shutil.rmtree(room)
    taken = best(ours, "cpu")
    size = taken.facts["bytes"]
    limit = ("CPU s a GB", taken.cpu / size * 1e9, SECONDS_A_GIGABYTE)
    name = f"{size / 1e6:,.0f} MB of {shape} taken: checked, digested, written"
    return Comparison(name, "NDJSON by json, hashlib", taken, best(theirs, "cpu"), by="cpu", limits=(limit,))


def _made_documents(folder: Path, events: int) -> Iterator[Comparison]:
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
    documents, indexed, plain = best(ours, "cpu"), best(through, "cpu"), best(theirs, "cpu")
    limit = ("CPU s a million", documents.cpu / events * 1_000_000, SECONDS_A_MILLION)
    yield Comparison(f"{told}, encode", baseline, documents, plain, by="cpu", limits=(limit,))
    yield Comparison(f"{told}, into the index", baseline, indexed, plain, by="cpu")
