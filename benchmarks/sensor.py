"""One sensor tick over very many files, none of them new, against a bare walk over the same folder.

What belongs here: that comparison. What does not: making the files (`listing`).
"""

from collections.abc import Iterator
from pathlib import Path

from benchmarks.listing import make_listing, remove_listing
from benchmarks.measure import best, work
from benchmarks.table import Comparison

ROUNDS = 3
SECONDS, MEGABYTES = 20.0, 300.0


def compare(folder: Path, count: int) -> Iterator[Comparison]:
    """A tick over `count` known files; the files are removed afterwards."""
    listing = folder / "listing"
    make_listing(listing, count)
    ticks, walks = [], []
    for _ in range(ROUNDS):
        walks.append(work("bare.walk", listing / "source"))
        ticks.append(work("sensor.known_files", listing))
    remove_listing(listing)
    tick = best(ticks)
    if tick.facts != {"listed": count, "known": count, "whole": 1, "runs": 0}:
        raise ValueError(f"the tick did not see {count} known files: {tick.facts}")
    limits = (("s", tick.wall, SECONDS), ("MB", (tick.peak_bytes or 0) / 1e6, MEGABYTES))
    name = f"a sensor tick over {count:,} files, nothing new"
    yield Comparison(name, "os.scandir and stat of each file", tick, best(walks), goal="within", limits=limits)
