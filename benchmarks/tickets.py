"""Tickets from a topic into tables, against DuckDB alone; and how well a rate is kept.

What belongs here: the comparisons of the domain tickets. What does not: the work (`pieces.tickets`).
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import work
from benchmarks.pieces.tickets import make_topic
from benchmarks.table import Comparison

ROUNDS = 3
CPU_SECONDS_A_MILLION = 8.0
PEAK_MB = 600.0
RATES = ((10, 50), (1_000, 5_000), (20_000, 100_000))
OFF_BY_PERCENT = 1.0


def compare(folder: Path, tickets: int) -> Iterator[Comparison]:
    """A topic of `tickets`, in alternating rounds; then each of RATES for five seconds."""
    root = folder / f"tickets-{tickets}"
    make_topic(root, tickets)
    ours, theirs = [], []
    for _ in range(ROUNDS):
        ours.append(work("tickets.ingest", root))
        theirs.append(work("tickets.duckdb_alone", root))
    taken, alone = (min(runs, key=lambda cost: cost.cpu) for runs in (ours, theirs))
    limits = (
        ("CPU s a million", taken.cpu / tickets * 1_000_000, CPU_SECONDS_A_MILLION),
        ("MB", (taken.peak_bytes or 0) / 1e6, PEAK_MB),
    )
    told = f"{tickets:,} tickets from the spool to tables, durable and once"
    yield Comparison(told, "DuckDB alone, nothing kept", taken, alone, by="cpu", limits=limits)
    for rate, count in RATES:
        shutil.rmtree(root / f"rate-{rate}", ignore_errors=True)
        sent = work("tickets.produced", root, rate, count)
        off = abs(sent.facts["rate"] / rate - 1) * 100
        yield Comparison(f"producer at {rate:,} a second", "", sent, None, limits=(("% off", off, OFF_BY_PERCENT),))
