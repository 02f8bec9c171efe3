"""Tickets from a topic into tables, against DuckDB alone; small commits beside many tickets; how well a rate is kept.

What belongs here: the comparisons of the domain tickets. What does not: the work (`pieces.tickets`).
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import Cost, best, work
from benchmarks.pieces.tickets import make_seen, make_topic
from benchmarks.table import Comparison

ROUNDS = 3
CPU_SECONDS_A_MILLION = 8.0
PEAK_MB = 600.0
# The table of ids is a tree: it is a level or two deeper, and a commit's ids are further apart in it.
BESIDE_MANY = 1.5
BESIDE_PLAIN_SPARK = 1.1
RATES = ((10, 50), (1_000, 5_000), (20_000, 100_000))
OFF_BY_PERCENT = 1.0


def compare(folder: Path, tickets: int, seen: int) -> Iterator[Comparison]:
    """A topic of `tickets`; commits beside `seen` tickets and beside none; each of RATES for five seconds."""
    root = folder / f"tickets-{tickets}"
    make_topic(root, tickets)
    yield _into_tables(root, tickets)
    yield _by_spark(root, tickets)
    yield _beside_many(folder, seen)
    for rate, count in RATES:
        shutil.rmtree(root / f"rate-{rate}", ignore_errors=True)
        sent = work("tickets.produced", root, rate, count)
        off = abs(sent.facts["rate"] / rate - 1) * 100
        yield Comparison(f"producer at {rate:,} a second", "", sent, None, limits=(("% off", off, OFF_BY_PERCENT),))


def _into_tables(root: Path, tickets: int) -> Comparison:
    taken, alone = _alternating(("tickets.ingest", root), ("tickets.duckdb_alone", root))
    limits = (
        ("CPU s a million", taken.cpu / tickets * 1_000_000, CPU_SECONDS_A_MILLION),
        ("MB", (taken.peak_bytes or 0) / 1e6, PEAK_MB),
    )
    told = f"{tickets:,} tickets from the spool to tables, durable and once"
    return Comparison(told, "DuckDB alone, nothing kept", taken, alone, by="cpu", limits=limits)


def _by_spark(root: Path, tickets: int) -> Comparison:
    # One commit, or as few as may be: the script makes one of all.
    ours, plain = _alternating(("spark.ingest", root, min(tickets, 1_000_000)), ("spark.plain", root), rounds=2)
    told = f"{tickets:,} tickets by Spark, durable and once"
    return Comparison(told, "plain Spark, nothing kept", ours, plain, by="cpu", goal="within", aim=BESIDE_PLAIN_SPARK)


def _beside_many(folder: Path, seen: int) -> Comparison:
    full, empty = folder / f"seen-{seen}", folder / "seen-none"
    shutil.rmtree(empty, ignore_errors=True)
    for root, ids in ((full, seen), (empty, 0)):
        make_seen(root, ids)
    beside, alone = _alternating(("tickets.batches", full), ("tickets.batches", empty))
    told = f"10 commits of 1,000 tickets beside {seen:,}"
    return Comparison(told, "beside none", beside, alone, by="cpu", goal="within", aim=BESIDE_MANY)


def _alternating(*pieces: tuple[str, *tuple[object, ...]], rounds: int = ROUNDS) -> tuple[Cost, ...]:
    """The best of some rounds of each piece, in turns, so that what disturbs one disturbs the other."""
    runs = [[work(*piece) for piece in pieces] for _ in range(rounds)]
    return tuple(best(costs, by="cpu") for costs in zip(*runs, strict=True))
