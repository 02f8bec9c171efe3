"""Searching the embedded index: pages, texts, filters and figures over documents of 30 days.

What belongs here: which questions are measured, and their aims. What does not: asking them (`pieces.search`).
"""

from collections.abc import Iterator
from pathlib import Path

from benchmarks.events import events_file
from benchmarks.measure import Cost, best, work
from benchmarks.table import Comparison

SCANS = 3
# Milliseconds for 2,000,000 documents; questions about a text look at every message of the period.
QUICK_MS, TEXT_MS = 170.0, 700.0
QUESTIONS: dict[str, float | None] = {
    "newest": QUICK_MS,
    "deep_page": QUICK_MS,
    "thousand": None,
    "user": QUICK_MS,
    "kind_and_amount": QUICK_MS,
    "by_amount": None,
    "one_day": QUICK_MS,
    "text_one_day": QUICK_MS,
    "text": TEXT_MS,
    "text_rare": TEXT_MS,
    "two_words": None,
    "phrase": TEXT_MS,
    "misspelt": None,
    "histogram": QUICK_MS,
    "completion": QUICK_MS,
    "transactions": None,
    "overview": None,
    "performance": None,
    "fraud_one_day": None,
    "fraud": None,
}
"""Each question with its aim in milliseconds; None: only told."""


def compare(folder: Path, count: int) -> Iterator[Comparison]:
    """Each question over `count` documents; a text also against grep over the file."""
    path = events_file(folder, count)
    root = folder / f"search-{count}"
    work("search.index", path, root)
    scan = best([work("search.scan", path) for _ in range(SCANS)])
    asked = work("search.ask", root)
    for name, aim in QUESTIONS.items():
        ours = Cost(asked.facts[name], asked.facts[f"{name} cpu"], asked.peak_bytes)
        theirs = scan if name == "text" else None
        # The aims are for 2,000,000 documents; fewer must not be slower.
        limits = () if aim is None else (("ms", ours.wall * 1000, aim * max(1.0, count / 2_000_000)),)
        yield Comparison(f"search: {name}", "grep" if theirs else "", ours, theirs, limits=limits)
