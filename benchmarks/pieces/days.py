"""Work over very many days of machines: landed once, then derived again in one backfill, with and without Dagster.

What belongs here: the two ways of deriving, and the events that Dagster keeps of its own. What does not: one file
(`machines`).
"""

import os
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path

import dagster as dg

from logplatform.definitions import build_defs
from logplatform.machines.engine import derive_days, run_batch
from logplatform.machines.sensors import watched
from logplatform.orchestration.home import opened_instance
from logplatform.orchestration.runs import derive_tags, run_here
from logplatform.orchestration.sensors import bounds_of, tick
from logplatform.settings import MachineFolder, MachinesSettings, Settings
from logplatform.tenancy import open_tenancy

Piece = Callable[[], dict[str, float]]
FIRST = date(2015, 1, 1)


def _settings(plant: str, data: str) -> Settings:
    source = MachineFolder(name="plant", path=Path(plant))
    return Settings(data_root=Path(data), machines=MachinesSettings(sources=(source,)))


def land(plant: str, data: str) -> Piece:
    """Everything that is new, from source to report, without Dagster."""
    settings = _settings(plant, data)

    def work() -> dict[str, float]:
        files = 0
        with open_tenancy(settings, "machines") as tenancy:
            while proposals := tick(tenancy, watched(tenancy), bounds_of(settings), set()).proposals:
                for proposal in proposals:
                    run_batch(tenancy, proposal.batch_id, "benchmark")
                    files += proposal.items
        return {"files": files}

    return work


def bare(plant: str, data: str, days: str) -> Piece:
    """The days again, without Dagster."""
    settings = _settings(plant, data)
    wanted = [FIRST + timedelta(days=number) for number in range(int(days))]

    def work() -> dict[str, float]:
        with open_tenancy(settings, "machines") as tenancy:
            return {"reports": len(derive_days(tenancy, wanted, "benchmark"))}

    return work


def backfill(plant: str, data: str, days: str) -> Piece:
    """The days again, as one Dagster run over their range; how many events Dagster keeps of it, by kind."""
    settings = _settings(plant, data)
    os.environ.pop("DAGSTER_HOME", None)

    def work() -> dict[str, float]:
        last = FIRST + timedelta(days=int(days) - 1)
        with opened_instance(settings) as instance:
            ran = run_here(build_defs(settings), instance, "machines", derive_tags("machines", FIRST, last))
            if not ran.success:
                raise ValueError("; ".join(ran.problems))
            kinds = [entry.dagster_event.event_type for entry in _events(instance, ran.run_id) if entry.dagster_event]
        ours = kinds.count(dg.DagsterEventType.ASSET_MATERIALIZATION)
        return {"events": len(kinds), "materializations": ours, "others": len(kinds) - ours}

    return work


def _events(instance: dg.DagsterInstance, run_id: str) -> Iterator[dg.EventLogEntry]:
    cursor: str | None = None
    while True:
        page = instance.get_records_for_run(run_id, cursor=cursor, limit=1_000)
        yield from (record.event_log_entry for record in page.records)
        if not page.has_more:
            return
        cursor = page.cursor
