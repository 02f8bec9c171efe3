"""Retention once a day, without anybody's asking: the job `prune` and its schedule.

What belongs here: the job, when it runs, and what its run tells. What does not: what may go (`logplatform.pruning`).
A night that nobody's machine was on is made up for when the daemon is back.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

import dagster as dg

from logplatform.landing.retention import Pruned
from logplatform.orchestration.history import prune_history
from logplatform.orchestration.resources import domain_keys, opened_tenancy
from logplatform.settings.model import Domain, Settings
from logplatform.tenancy import Tenancy

NAME = "prune"
CRON = "17 3 * * *"
"""Every night, in the settings' time zone."""


Prune = Callable[[Tenancy], Sequence[Pruned]]


def prune_schedule(settings: Settings, domains: Sequence[Domain], prune: Prune) -> dg.ScheduleDefinition:
    """The schedule of the job that prunes every domain in turn; its run tells what went."""

    @dg.op(
        name="prune_domains",
        required_resource_keys=set().union(*(domain_keys(settings, domain) for domain in domains)),
        description="Removes what is older than landing.retention keeps, more where the disk runs full, and old runs.",
    )
    def prune_domains(context: dg.OpExecutionContext) -> None:
        told: dict[str, dg.MetadataValue] = {}
        for domain in domains:
            with opened_tenancy(context.resources, settings, domain) as tenancy:
                for one in prune(tenancy):
                    told[f"{domain}: {one.what}"] = dg.MetadataValue.int(one.count)
                    told[f"{domain}: {one.what}, bytes"] = dg.MetadataValue.int(one.bytes)
        runs = prune_history(context.instance, datetime.now(UTC) - timedelta(days=settings.dagster.history_days))
        told[runs.what] = dg.MetadataValue.int(runs.count)
        told[f"{runs.what}, bytes"] = dg.MetadataValue.int(runs.bytes)
        context.add_output_metadata(told)

    @dg.job(
        name=NAME,
        executor_def=dg.in_process_executor,
        description="Every night: remove what retention no longer keeps. What is not delivered is never touched.",
    )
    def job() -> None:
        prune_domains()

    return dg.ScheduleDefinition(
        name="nightly_prune",
        job=job,
        cron_schedule=CRON,
        execution_timezone=settings.timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Asks for the job `prune` every night.",
    )
