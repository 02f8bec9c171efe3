"""The sensor that keeps Dagster's picture true: committed days of dead runs, runs of killed commands,
backfills over days without input, and what is still broken.

What belongs here: its tick. What does not: what it puts right (`reconcile`, `backfills`) and tells (`checks`).

A check is otherwise evaluated by runs alone: a server that went away, or a file that was made good by a command, would
stand there wrongly until the next new file comes. So each tick measures, and tells when the answer has changed.
"""

import hashlib
import time
from collections.abc import Mapping
from dataclasses import asdict

import dagster as dg
import msgspec

from logplatform.orchestration.backfills import settle_backfills
from logplatform.orchestration.checks import Standing, broken_evaluation, source_trouble, with_trouble
from logplatform.orchestration.figures import Broken
from logplatform.orchestration.reconcile import close_dead_runs, reconcile
from logplatform.orchestration.resources import domain_keys, opened_tenancy
from logplatform.settings.model import Domain, Settings

INTERVAL_SECONDS = 30
TICK_SECONDS = 30.0


def upkeep_sensor(settings: Settings, domains: Mapping[Domain, Standing]) -> dg.SensorDefinition:
    """The sensor that looks after every domain in turn, within one time budget."""

    @dg.sensor(
        name="upkeep",
        minimum_interval_seconds=INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        required_resource_keys=set().union(*(domain_keys(settings, domain) for domain in domains)),
        description="Tells Dagster of days that were committed by runs which then died, closes dead runs, and tells "
        "what is still broken.",
    )
    def upkeep(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        deadline = time.monotonic() + TICK_SECONDS
        closed = close_dead_runs(context.instance)
        graph = context.repository_def.asset_graph if context.repository_def is not None else None
        settled = settle_backfills(context.instance, graph) if graph is not None else []
        told = read_told(context.cursor)
        days, changed = 0, []
        for domain, standing in domains.items():
            with opened_tenancy(context.resources, settings, domain) as tenancy:
                days += reconcile(context.instance, tenancy.days, lambda: time.monotonic() >= deadline).days
                broken = with_trouble(standing.find(tenancy), source_trouble(context.instance, standing.raw))
            if told.get(domain) != digest(broken):
                told[domain] = digest(broken)
                changed.append(broken_evaluation(standing, broken))
        done = f"{days:,} committed days told, {len(closed):,} dead runs closed, {len(settled):,} backfills settled"
        return dg.SensorResult(
            skip_reason=f"{done}, {len(changed):,} checks told anew.",
            cursor=msgspec.json.encode(told).decode(),
            asset_events=changed,
        )

    return upkeep


def read_told(cursor: str | None) -> dict[str, str]:
    """What was told of each domain in the tick before, as digests; nothing if the cursor cannot be read."""
    try:
        return msgspec.json.decode(cursor or "{}", type=dict[str, str])
    except msgspec.MsgspecError:
        return {}


def digest(broken: Broken) -> str:
    """Equal for equal answers."""
    return hashlib.sha256(msgspec.json.encode(asdict(broken))).hexdigest()[:16]
