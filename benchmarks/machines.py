"""A machine file of very many lines, against a loop in Python that only splits them.

What belongs here: that comparison. What does not: the file (`inputs`), many days (`days`).
"""

import os
from collections.abc import Iterator
from pathlib import Path

from benchmarks.inputs import OLD, machine_file
from benchmarks.measure import Cost, best, work
from benchmarks.table import Comparison

ROUNDS = 5
MEGABYTES = 300.0


def compare(folder: Path, lines: int) -> Iterator[Comparison]:
    """The dry run, and all of its rows committed to SQLite; CPU seconds, in alternating rounds."""
    path = machine_file(folder, lines)
    os.utime(path, (OLD, OLD))
    store = folder / "machines"
    runs: dict[str, list[Cost]] = {name: [] for name in ("once", "fields", "dry", "commit", "run")}
    for _ in range(ROUNDS):
        runs["once"].append(work("bare.split", path))
        runs["fields"].append(work("bare.split_fields", path))
        runs["dry"].append(work("dry.session", path))
        runs["commit"].append(work("machines.commit", path, store))
        runs["run"].append(work("machines.run", path, store))
    costs = {name: best(them, "cpu") for name, them in runs.items()}
    once, fields = "a loop: line.split('|')", "a loop: time, event, details"
    told = f"{lines:,} machine lines"
    for name, what, aim in (("dry", "dry run", 2.0), ("commit", "rows committed", 4.0)):
        cost = costs[name]
        limit = (("MB", (cost.peak_bytes or 0) / 1e6, MEGABYTES),)
        for baseline, theirs in ((once, costs["once"]), (fields, costs["fields"])):
            yield Comparison(f"{told}: {what}", baseline, cost, theirs, "cpu", "within", aim, limit)
    whole = costs["run"]
    limit = (("MB", (whole.peak_bytes or 0) / 1e6, MEGABYTES),)
    what = f"{told}: the whole way (Parquet, tables, report)"
    yield Comparison(what, once, whole, costs["once"], "cpu", "within", limits=limit)
