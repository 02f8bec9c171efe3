"""Writing 1,000,000 documents into a real Elasticsearch, against elasticsearch-py's helper with ready dictionaries.

What belongs here: what is compared, and the aim. What does not: the two ways (`pieces.bulk`).
"""

import os
from collections.abc import Iterator
from pathlib import Path

from benchmarks.events import events_file
from benchmarks.measure import Cost, work
from benchmarks.table import Comparison

AIM = 1.5
TURN = 100_000
"""So many documents as dictionaries are held at once: a gigabyte."""


def compare(folder: Path, count: int) -> Iterator[Comparison]:
    """Both ways in turns, by the clock and by this side's CPU; nothing where no server is named."""
    if "LOGPLATFORM_TEST_ELASTICSEARCH" not in os.environ:
        return
    facts = work("bulk.both", events_file(folder, count + TURN), count, TURN).facts
    ours, theirs = (Cost(facts[who], facts[f"{who} cpu"]) for who in ("ours", "theirs"))
    yield Comparison("bulk: documents into Elasticsearch", "helpers.parallel_bulk", ours, theirs, aim=AIM)
    yield Comparison("bulk: CPU of the client", "helpers.parallel_bulk", ours, theirs, by="cpu", aim=AIM)
