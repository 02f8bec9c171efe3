"""The two checks that every domain has: nothing is lost on any arrow, and what is still broken.

What belongs here: how measurements become check results. What does not: measuring; the domains count over their
store, not over the last batch, so that a later green run cannot hide an older red one.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import dagster as dg

from logplatform.orchestration.days import DayGroup
from logplatform.orchestration.failures import translated
from logplatform.orchestration.figures import Arrow, Broken, Fault
from logplatform.orchestration.metadata import arrow_metadata, broken_metadata
from logplatform.orchestration.resources import domain_keys, opened_tenancy
from logplatform.orchestration.sensors import FOUND_TROUBLE
from logplatform.tenancy import Tenancy

Measure = Callable[[Tenancy], Iterable[Arrow]]
Find = Callable[[Tenancy], Broken]

BROKEN_CHECK = "still_broken"
_SOURCE_BACK = "bring it back; it is looked at again by itself"
_FILE_BACK = "correct the name or the settings (dagster.start_date, folders); it is looked at again by itself"


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a domain's standing faults are told: the check `still_broken` of `asset`, measured by `find`.

    `raw` is the asset whose observations tell of trouble with sources.
    """

    asset: dg.AssetKey
    raw: dg.AssetKey
    find: Find


def conservation_check(group: DayGroup, asset: str, measure: Measure) -> dg.AssetChecksDefinition:
    """Every arrow up to `asset` conserves: in = out + duplicates + dead letters + waiting, over the whole store.

    It is an invariant: a breach is an error and what comes after `asset` in the run does not start.
    """

    @dg.asset_check(
        asset=group.key(asset),
        name="conservation",
        description="Everything that came in is accounted for: in = out + duplicates + dead letters + waiting.",
        blocking=True,
        required_resource_keys=domain_keys(group.settings, group.domain),
    )
    def conservation(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        attempt = context.op_execution_context.retry_number + 1
        with translated(attempt), opened_tenancy(context.resources, group.settings, group.domain) as tenancy:
            return conservation_result(list(measure(tenancy)))

    return conservation


def broken_check(group: DayGroup, asset: str, raw: str, find: Find) -> dg.AssetChecksDefinition:
    """What is still broken in the domain, with its first ones and how to recover; a warning, it stops nothing.

    Sources that the sensor could not list, and files that it could not place, are among them: the last observation
    of the asset `raw` tells.
    """

    @dg.asset_check(
        asset=group.key(asset),
        name=BROKEN_CHECK,
        description="Files and sources that failed and were not made good yet, and how to recover them.",
        required_resource_keys=domain_keys(group.settings, group.domain),
    )
    def still_broken(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        attempt = context.op_execution_context.retry_number + 1
        with translated(attempt), opened_tenancy(context.resources, group.settings, group.domain) as tenancy:
            return broken_result(with_trouble(find(tenancy), source_trouble(context.instance, group.key(raw))))

    return still_broken


def conservation_result(arrows: list[Arrow]) -> dg.AssetCheckResult:
    """Passed if nothing is missing on any arrow."""
    torn = [arrow for arrow in arrows if arrow.missing]
    text = "; ".join(f"{arrow.name}: {arrow.missing:+,} {arrow.unit}" for arrow in torn)
    return dg.AssetCheckResult(
        passed=not torn,
        severity=dg.AssetCheckSeverity.ERROR,
        description=f"not accounted for: {text}" if torn else "everything that came in is accounted for",
        metadata=arrow_metadata(arrows),
    )


def broken_result(broken: Broken) -> dg.AssetCheckResult:
    """Passed if nothing is broken."""
    return dg.AssetCheckResult(
        passed=broken.count == 0,
        severity=dg.AssetCheckSeverity.WARN,
        description=f"{broken.count:,} still broken" if broken.count else "nothing is broken",
        metadata=broken_metadata(broken),
    )


def broken_evaluation(standing: Standing, broken: Broken) -> dg.AssetCheckEvaluation:
    """The same result as told outside a run."""
    result = broken_result(broken)
    return dg.AssetCheckEvaluation(
        asset_key=standing.asset,
        check_name=BROKEN_CHECK,
        passed=result.passed,
        severity=result.severity,
        description=result.description,
        metadata=result.metadata,
    )


def with_trouble(broken: Broken, trouble: Mapping[str, str]) -> Broken:
    """The standing faults of a domain and the trouble with its sources (what → why) together, the latter first."""
    faults = [
        Fault(what, reason, recover=_SOURCE_BACK if what.startswith("source ") else _FILE_BACK)
        for what, reason in trouble.items()
    ]
    return Broken(broken.count + len(faults), [*faults, *broken.sample], broken.recovery)


def source_trouble(instance: dg.DagsterInstance, raw: dg.AssetKey) -> dict[str, str]:
    """The trouble with sources that the sensor told last: what → why; empty if there is none."""
    records = instance.fetch_observations(raw, limit=1).records
    observation = records[0].event_log_entry.asset_observation if records else None
    told = observation.metadata.get(FOUND_TROUBLE) if observation else None
    if not isinstance(told, dg.JsonMetadataValue) or not isinstance(told.data, Mapping):
        return {}
    return {str(what): str(reason) for what, reason in told.data.items()}
