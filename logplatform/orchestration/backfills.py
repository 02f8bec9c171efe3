"""Backfills over days without input: told as done, since all that could be done was.

What belongs here: putting right what Dagster records of such a backfill. What does not: running it; a backfill is one
run over its range, like any other (`days`).

Dagster 1.13 ends a backfill as failed if a day it asked for was not materialized, although every run succeeded
(`_backfill_is_stalled` in dagster/_core/execution/asset_backfill.py). With day assets that means: the day has no
input. Such a backfill is put down as completed, its target being the days that were made. Backfills with a run that
failed are left as they are. The record's fields are Dagster's own; this module alone knows them, and a test with the
real daemon fails if they change.
"""

from typing import Any

import dagster as dg
from dagster._core.definitions.assets.graph.base_asset_graph import BaseAssetGraph
from dagster._core.execution.backfill import BulkActionsFilter, BulkActionStatus, PartitionBackfill
from dagster._core.storage.tags import BACKFILL_ID_TAG

_MOST_BACKFILLS = 20
_MOST_RUNS = 1_000


def settle_backfills(instance: dg.DagsterInstance, asset_graph: BaseAssetGraph[Any]) -> list[str]:
    """Put down as completed the latest failed backfills that lack nothing but days without input; their identities."""
    failed = BulkActionsFilter(statuses=[BulkActionStatus.COMPLETED_FAILED])
    settled = [
        backfill
        for backfill in instance.get_backfills(filters=failed, limit=_MOST_BACKFILLS)
        if backfill.is_asset_backfill and _all_runs_succeeded(instance, backfill)
    ]
    for backfill in settled:
        instance.update_backfill(_as_completed(instance, asset_graph, backfill))
    return [backfill.backfill_id for backfill in settled]


def _all_runs_succeeded(instance: dg.DagsterInstance, backfill: PartitionBackfill) -> bool:
    mine = dg.RunsFilter(tags={BACKFILL_ID_TAG: backfill.backfill_id})
    runs = instance.get_runs(filters=mine, limit=_MOST_RUNS)
    return bool(runs) and all(run.status == dg.DagsterRunStatus.SUCCESS for run in runs)


def _as_completed(
    instance: dg.DagsterInstance, asset_graph: BaseAssetGraph[Any], backfill: PartitionBackfill
) -> PartitionBackfill:
    data = backfill.get_asset_backfill_data(asset_graph)
    made = data.materialized_subset
    done = data._replace(
        target_subset=made,
        requested_subset=made,
        failed_and_downstream_subset=data.failed_and_downstream_subset - data.failed_and_downstream_subset,
    )
    return backfill.with_asset_backfill_data(
        done, dynamic_partitions_store=instance, asset_graph=asset_graph
    ).with_status(BulkActionStatus.COMPLETED_SUCCESS)
