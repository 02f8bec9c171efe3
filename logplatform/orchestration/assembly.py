"""One `Definitions` out of the domains' parts.

What belongs here: jobs, sensors and resources made alike for every domain. What does not: which domains there are
(`logplatform.definitions`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import dagster as dg

from logplatform.orchestration.alerts import alert_sensor, run_failure_sensor
from logplatform.orchestration.checks import Find, Standing
from logplatform.orchestration.days import DOMAIN_TAG, DayGroup
from logplatform.orchestration.prune_job import Prune, prune_schedule
from logplatform.orchestration.resources import domain_resources
from logplatform.orchestration.upkeep import upkeep_sensor
from logplatform.settings.model import Settings


@dataclass(frozen=True, slots=True)
class DomainParts:
    """What a domain brings: its assets, their checks, and the sensor that asks for its runs.

    The sensor is made by `sensors.watching_sensor` (files at sources) or `backlog_sensor.backlog_sensor` (input that
    announces itself). `raw` is the asset that its input comes in by, `told_at` the one whose check tells what `broken`
    finds.
    """

    group: DayGroup
    assets: Sequence[dg.AssetsDefinition]
    checks: Sequence[dg.AssetChecksDefinition]
    raw: str
    sensor: dg.SensorDefinition
    told_at: str
    broken: Find
    description: str

    @property
    def standing(self) -> Standing:
        """Where the domain's standing faults are told."""
        return Standing(self.group.key(self.told_at), self.group.key(self.raw), self.broken)


def assemble(settings: Settings, domains: Sequence[DomainParts], prune: Prune, **overrides: object) -> dg.Definitions:
    """The definitions of `domains`: their assets and checks, a job and a sensor each; what looks after all.

    `prune` removes what retention no longer keeps of a domain.

    `overrides` replace resources by key (`files`, `machines_sql`, …), so that a test needs no environment.
    """
    resources: dict[str, object] = {}
    for parts in domains:
        resources |= domain_resources(settings, parts.group.domain)
    standings = {parts.group.domain: parts.standing for parts in domains}
    return dg.Definitions(
        assets=[asset for parts in domains for asset in parts.assets],
        asset_checks=[check for parts in domains for check in parts.checks],
        jobs=[
            dg.define_asset_job(
                name=parts.group.domain,
                selection=dg.AssetSelection.groups(parts.group.domain),
                description=parts.description,
                tags={DOMAIN_TAG: parts.group.domain},
                executor_def=dg.in_process_executor,
            )
            for parts in domains
        ],
        sensors=[
            *(parts.sensor for parts in domains),
            upkeep_sensor(settings, standings),
            run_failure_sensor(settings),
            alert_sensor(settings, standings),
        ],
        schedules=[prune_schedule(settings, list(standings), prune)],
        resources={**resources, **overrides},
        executor=dg.in_process_executor,
    )
