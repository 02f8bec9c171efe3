"""One `Definitions` out of the domains' parts.

What belongs here: jobs, sensors and resources made alike for every domain. What does not: which domains there are
(`logplatform.definitions`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import dagster as dg

from logplatform.orchestration.days import DOMAIN_TAG, DayGroup
from logplatform.orchestration.resources import domain_resources
from logplatform.orchestration.sensors import Watch, watching_sensor
from logplatform.orchestration.upkeep import upkeep_sensor
from logplatform.settings.model import Settings


@dataclass(frozen=True, slots=True)
class DomainParts:
    """What a domain brings: its day assets, their checks, the asset its files come in by, and what is watched."""

    group: DayGroup
    assets: Sequence[dg.AssetsDefinition]
    checks: Sequence[dg.AssetChecksDefinition]
    raw: str
    watch: Watch
    interval_seconds: float
    description: str


def assemble(settings: Settings, domains: Sequence[DomainParts], **overrides: object) -> dg.Definitions:
    """The definitions of `domains`: their assets and checks, a job and a sensor each, and the upkeep sensor.

    `overrides` replace resources by key (`files`, `machines_sql`, …), so that a test needs no environment.
    """
    resources: dict[str, object] = {}
    for parts in domains:
        resources |= domain_resources(settings, parts.group.domain)
    names = [parts.group.domain for parts in domains]
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
        sensors=[*(_sensor(parts) for parts in domains), upkeep_sensor(settings, names)],
        resources={**resources, **overrides},
        executor=dg.in_process_executor,
    )


def _sensor(parts: DomainParts) -> dg.SensorDefinition:
    return watching_sensor(parts.group, parts.raw, parts.watch, parts.interval_seconds)
