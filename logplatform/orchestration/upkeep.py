"""The sensor that keeps Dagster's picture true: committed days of dead runs, runs of killed commands,
backfills over days without input.

What belongs here: its tick. What does not: what it puts right (`reconcile`, `backfills`).
"""

import time
from collections.abc import Sequence

import dagster as dg

from logplatform.orchestration.backfills import settle_backfills
from logplatform.orchestration.reconcile import close_dead_runs, reconcile
from logplatform.orchestration.resources import domain_keys, opened_tenancy
from logplatform.settings.model import Domain, Settings

INTERVAL_SECONDS = 30
TICK_SECONDS = 30.0


def upkeep_sensor(settings: Settings, domains: Sequence[Domain]) -> dg.SensorDefinition:
    """The sensor that reconciles every domain in turn, within one time budget."""

    @dg.sensor(
        name="upkeep",
        minimum_interval_seconds=INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        required_resource_keys=set().union(*(domain_keys(settings, domain) for domain in domains)),
        description="Tells Dagster of days that were committed by runs which then died, and closes dead runs.",
    )
    def upkeep(context: dg.SensorEvaluationContext) -> dg.SkipReason:
        deadline = time.monotonic() + TICK_SECONDS
        closed = close_dead_runs(context.instance)
        graph = context.repository_def.asset_graph if context.repository_def is not None else None
        settled = settle_backfills(context.instance, graph) if graph is not None else []
        days = 0
        for domain in domains:
            with opened_tenancy(context.resources, settings, domain) as tenancy:
                days += reconcile(context.instance, tenancy.days, lambda: time.monotonic() >= deadline).days
        done = f"{days:,} committed days told, {len(closed):,} dead runs closed, {len(settled):,} backfills settled"
        return dg.SkipReason(f"{done}.")

    return upkeep
