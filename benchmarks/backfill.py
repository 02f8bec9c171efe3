"""Very many days of three machines derived again in one backfill, with Dagster and without.

What belongs here: that comparison, and Dagster's events a day. What does not: the days' files (`inputs`).
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

from benchmarks.inputs import machine_days
from benchmarks.measure import work
from benchmarks.table import Comparison

EVENTS_A_DAY = 4.0
ASSETS = 5


def compare(folder: Path, days: int) -> Iterator[Comparison]:
    """Land all days, derive them by the engine alone, then as one Dagster run over their range."""
    plant, data = machine_days(folder, days), folder / "backfill"
    if data.exists():
        shutil.rmtree(data)
    landed = work("days.land", plant, data)
    if landed.facts["files"] != 3 * days:
        raise ValueError(f"landed {landed.facts['files']} of {3 * days} files")
    bare = work("days.bare", plant, data, days)
    with_dagster = work("days.backfill", plant, data, days)
    shutil.rmtree(data)
    a_day = with_dagster.facts["events"] / days
    beyond = with_dagster.facts["others"] / days
    limits = (
        ("events a day beyond one an asset", beyond, EVENTS_A_DAY),
        ("events a day in all", a_day, ASSETS + EVENTS_A_DAY),
    )
    name = f"{days:,} days of three machines in one backfill"
    yield Comparison(name, "the engine without Dagster", with_dagster, bare, "cpu", "within", limits=limits)
