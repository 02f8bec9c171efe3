"""The assets of tickets: raw_tickets → tickets_with_assignment → metrics, tickets_by_type, tickets_by_priority,
high_priority_tickets; and rejected_tickets. A partition is the day ingested (UTC); the aggregate tables have no days.

What belongs here: what Dagster shows of each. What does not: the work (`ingest`, `again`).

A commit changes all tables in one transaction, so the first step of a run does all of its work, and each step tells of
its own asset.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

import dagster as dg

from logplatform.orchestration.days import DayGroup, DayRun
from logplatform.orchestration.figures import DayReport
from logplatform.tickets.day_reports import ASSIGNED, BY_PRIORITY, BY_TYPE, HIGH, METRICS, RAW, REJECTED
from logplatform.tickets.job import do, tell

_STALE_AFTER = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class _Shown:
    """One asset as people see it; `whole`: it has no days."""

    name: str
    description: str
    after: tuple[str, ...] = ()
    whole: bool = False


_SHOWN = (
    _Shown(RAW, "Messages of the topics, taken in by the day they were ingested, up to the committed offsets."),
    _Shown(
        ASSIGNED,
        "Every ticket once, with the team its type of request is assigned to. A ticket_id that came again is a "
        "duplicate, the first wins; `tickets show --conflicts` lists those that contradict it.",
        (RAW,),
    ),
    _Shown(
        REJECTED,
        "Messages that are no ticket, with topic, partition, offset, bytes and reasons; counted, never routed. They "
        "are dead letters too.",
        (RAW,),
    ),
    _Shown(HIGH, "The tickets whose priority is among `tickets.high_priorities`.", (ASSIGNED,)),
    _Shown(
        METRICS,
        "One row over all tickets: totals by type of request, critical ones, distinct clients.",
        (ASSIGNED,),
        whole=True,
    ),
    _Shown(BY_TYPE, "All tickets counted by type of request, the highest count first.", (ASSIGNED,), whole=True),
    _Shown(BY_PRIORITY, "All tickets counted by priority, the highest count first.", (ASSIGNED,), whole=True),
)


def assets(group: DayGroup) -> list[dg.AssetsDefinition]:
    """The seven assets of the domain."""
    tables = group.settings.tickets.output_format
    return [
        group.asset(
            shown.name,
            description=shown.description,
            kinds={"file" if shown.name == RAW else tables},
            after=shown.after,
            stale_after=_STALE_AFTER if shown.name == RAW else None,
            whole=shown.whole,
        )(_step(shown.name))
        for shown in _SHOWN
    ]


def _step(asset: str) -> Callable[[DayRun], Iterator[DayReport]]:
    def step(run: DayRun) -> Iterator[DayReport]:
        do(run.tenancy, asset, run.batch_id, run.days, run.run_id)
        yield from tell(run.tenancy, asset, run.run_id)

    return step
