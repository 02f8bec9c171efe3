"""Day partitions, and assets that tell Dagster of each day as it is committed.

What belongs here: the decorator that turns a domain's function into a day asset. What does not: what a day's work is
(the domains), and telling of days whose run died (`reconcile`).

A day without input must never look materialized, each day needs its own figures, and a run that dies must have told
of the days it committed. Dagster's automatic materialization does none of this: it marks every day of the run's
range, with the same metadata, when the step has ended. So a day asset yields one AssetMaterialization a day itself,
right after the day's commit, and its output carries the mark by which Dagster 1.13 leaves the automatic events out
(`_log_materialization_or_observation_events_for_asset` in dagster/_core/execution/plan/execute_step.py; used there
for observable source assets). The output itself is yielded, so that what depends on it (further assets, blocking
checks) runs in steps of its own. The alternative, one `multi_asset` with skippable specs that yields no output, was
left: Dagster skips the checks and downstream steps of an output that is not yielded. The mark is Dagster's
own constant; this module alone uses it, and a test fails if it no longer works.
"""

import logging
import warnings
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date, timedelta

import dagster as dg
from dagster._core.definitions.source_asset import SYSTEM_METADATA_KEY_SOURCE_ASSET_OBSERVATION

from logplatform.orchestration.failures import translated
from logplatform.orchestration.figures import NO_DAY, DayReport
from logplatform.orchestration.metadata import day_metadata
from logplatform.orchestration.resources import domain_keys, opened_tenancy
from logplatform.settings.model import Domain, Settings
from logplatform.tenancy import Tenancy

BATCH_TAG = "logplatform/batch_id"
DOMAIN_TAG = "logplatform/domain"
RANGE_START_TAG = "dagster/asset_partition_range_start"
RANGE_END_TAG = "dagster/asset_partition_range_end"

DEFAULT_OWNERS = ("team:logplatform",)


@dataclass(frozen=True, slots=True)
class DayRun:
    """What one step is asked to do: the batch `batch_id`, or (None) to derive `days` again from landed bytes.

    `days` are in order, days without input among them; none if assets without days
    alone are asked for. `run_id` is Dagster's.
    """

    run_id: str
    batch_id: str | None
    days: Sequence[date]
    tenancy: Tenancy
    log: logging.Logger


Work = Callable[[DayRun], Iterator[DayReport]]


def day_partitions(settings: Settings, timezone: str = "UTC") -> dg.DailyPartitionsDefinition:
    """Days from the settings' `dagster.start_date` to today, in `timezone`."""
    start = settings.dagster.start_date.isoformat()
    return dg.DailyPartitionsDefinition(start_date=start, timezone=timezone, end_offset=1)


def range_tags(first: date, last: date) -> dict[str, str]:
    """The tags that make one run cover the days from `first` to `last`."""
    return {RANGE_START_TAG: first.isoformat(), RANGE_END_TAG: last.isoformat()}


@dataclass(frozen=True, slots=True)
class DayGroup:
    """The day assets of one domain: its name is their group, their key's prefix and their pool."""

    domain: Domain
    settings: Settings
    partitions: dg.DailyPartitionsDefinition
    owners: Sequence[str] = DEFAULT_OWNERS

    def key(self, name: str) -> dg.AssetKey:
        """The key of the domain's asset `name`."""
        return dg.AssetKey([self.domain, name])

    def asset(
        self,
        name: str,
        *,
        description: str,
        kinds: AbstractSet[str],
        after: Sequence[str] = (),
        stale_after: timedelta | None = None,
        code_version: str | None = None,
        whole: bool = False,
    ) -> Callable[[Work], dg.AssetsDefinition]:
        """Make a day asset of a function that yields a DayReport after each day's commit.

        `after` names the assets of the same domain that it reads. `stale_after` without a new day turns its
        freshness to warning, twice that to failing. `whole`: the asset has no days, its reports are of NO_DAY. The
        function's failures become Dagster's (`failures`).
        """

        def make(work: Work) -> dg.AssetsDefinition:
            return dg.asset(
                key=self.key(name),
                deps=[self.key(other) for other in after],
                group_name=self.domain,
                description=description,
                kinds=set(kinds),
                owners=list(self.owners),
                tags={"domain": self.domain},
                pool=self.domain,
                partitions_def=None if whole else self.partitions,
                backfill_policy=None if whole else dg.BackfillPolicy.single_run(),
                freshness_policy=_freshness(stale_after),
                code_version=code_version,
                required_resource_keys=domain_keys(self.settings, self.domain),
                dagster_type=dg.Nothing,  # ty: ignore[invalid-argument-type] (a DagsterType; its stub says None)
            )(self._step(name, work))

        return lambda work: _quietly(make, work)

    def _step(self, name: str, work: Work) -> Callable[..., Iterator[dg.AssetMaterialization | dg.Output[None]]]:
        key = self.key(name)

        # The name becomes the step's; Dagster calls it with the context alone.
        def step(context: dg.AssetExecutionContext) -> Iterator[dg.AssetMaterialization | dg.Output[None]]:
            attempt = context.op_execution_context.retry_number + 1
            with translated(attempt), opened_tenancy(context.resources, self.settings, self.domain) as tenancy:
                run = _day_run(context, tenancy)
                told = 0
                for report in work(run):
                    partition = None if report.day == NO_DAY else report.day.isoformat()
                    yield dg.AssetMaterialization(asset_key=key, partition=partition, metadata=day_metadata(report))
                    told += 1
                tenancy.days.reported(run.run_id, key.to_user_string())
                context.log.info(f"{told:,} of {len(run.days):,} days have new data; the others stay as they are")
            yield dg.Output(None, metadata={SYSTEM_METADATA_KEY_SOURCE_ASSET_OBSERVATION: True})

        return step


def _quietly(make: Callable[[Work], dg.AssetsDefinition], work: Work) -> dg.AssetsDefinition:
    with warnings.catch_warnings():
        # Backfill policies are still called beta; the version of Dagster is pinned for such reasons.
        warnings.simplefilter("ignore", dg.BetaWarning)
        return make(work)


def _day_run(context: dg.AssetExecutionContext, tenancy: Tenancy) -> DayRun:
    # Assets without days may be asked for alone; Dagster refuses to tell the days of a run that has none.
    has_days = context.has_partition_key or context.has_partition_key_range
    days = [date.fromisoformat(key) for key in context.partition_keys] if has_days else []
    return DayRun(context.run.run_id, context.run.tags.get(BATCH_TAG), days, tenancy, context.log)


def _freshness(stale_after: timedelta | None) -> dg.FreshnessPolicy | None:
    if stale_after is None:
        return None
    return dg.FreshnessPolicy.time_window(fail_window=2 * stale_after, warn_window=stale_after)
