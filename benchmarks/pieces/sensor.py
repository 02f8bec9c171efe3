"""Work of a sensor: looking for what is new among very many files that are all known.

What belongs here: one tick. What does not: Dagster's daemon around it.
"""

from collections.abc import Callable
from datetime import date
from pathlib import Path

from benchmarks.listing import listing_settings
from logplatform.orchestration.discovery import Watched
from logplatform.orchestration.sensors import bounds_of, tick
from logplatform.tenancy import open_tenancy

Piece = Callable[[], dict[str, float]]


def known_files(folder: str) -> Piece:
    """One whole tick over `benchmarks.listing`: list, compare with the ledger, propose what waits (nothing)."""
    settings = listing_settings(Path(folder))

    def run() -> dict[str, float]:
        with open_tenancy(settings, "archives") as tenancy:
            watched = [Watched(source, lambda _: date(2026, 3, 1)) for source in tenancy.sources()]
            done = tick(tenancy, watched, bounds_of(settings), set())
        found = done.found
        return {"listed": found.listed, "known": found.known, "whole": int(found.whole), "runs": len(done.proposals)}

    return run


def walk(folder: str) -> Piece:
    """The listing alone."""
    settings = listing_settings(Path(folder))

    def run() -> dict[str, float]:
        with open_tenancy(settings, "archives") as tenancy:
            return {"listed": sum(1 for source in tenancy.sources() for _ in source.list())}

    return run
