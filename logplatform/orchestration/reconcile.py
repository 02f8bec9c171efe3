"""Days that were committed but never told to Dagster, and runs whose process was killed.

What belongs here: finding both and putting them right on the Dagster instance. What does not: the tick around it
(`upkeep`), and the ledger's own recovery; a dead run's batch is proposed again by its domain's sensor.

A day is committed first and told to Dagster after, so a process that dies between the two leaves a commit that
Dagster does not know. `day_commit` holds it with `reported` unset; it is told here, outside any run, once the run that
made it has ended. Telling twice is harmless and avoided: a materialization younger than the commit means it is known.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby

import dagster as dg

from logplatform.landing.days import DayCommit, DayCommits
from logplatform.orchestration.figures import NO_DAY, DayReport
from logplatform.orchestration.metadata import Metadata, day_metadata
from logplatform.orchestration.runs import PROCESS_TAG, UNFINISHED, is_gone

_MOST_RUNS = 1_000


@dataclass(frozen=True, slots=True)
class Reconciled:
    """What was put right: days told, and whether all that could be told was (False: time ran out)."""

    days: int
    whole: bool = True


def reconcile(instance: dg.DagsterInstance, commits: DayCommits, late: Callable[[], bool]) -> Reconciled:
    """Tell Dagster of every committed day of runs that have ended and that it does not know yet.

    Runs that Dagster never heard of (work done without it) count as ended. `late` is asked after each day.
    """
    told = 0
    for run_id, found in groupby(commits.unreported(), key=lambda commit: commit.run_id):
        run = instance.get_run_by_id(run_id)
        if run is not None and not run.is_finished:
            continue
        newest = None
        for commit in found:
            newest = commit.committed_at if newest is None else max(newest, commit.committed_at)
            if not _is_known(instance, commit):
                instance.report_runless_asset_event(_materialization(commit))
                told += 1
            if late():
                return Reconciled(told, whole=False)
        # Work done without Dagster may go on under the same identity: what it commits from here on is still to be told.
        commits.reported(run_id, until=newest)
    return Reconciled(told)


def close_dead_runs(instance: dg.DagsterInstance, gone: Callable[[str], bool] = is_gone) -> list[str]:
    """Mark as failed the runs of commands whose process ended without a word; return their identities.

    Runs that the daemon launched are watched by Dagster itself (`run_monitoring`).
    """
    runs = instance.get_runs(filters=dg.RunsFilter(statuses=list(UNFINISHED)), limit=_MOST_RUNS)
    closed = [run for run in runs if PROCESS_TAG in run.tags and gone(run.tags[PROCESS_TAG])]
    for run in closed:
        instance.report_run_failed(run, f"its process {run.tags[PROCESS_TAG]} ended without a word")
    return [run.run_id for run in closed]


def commit_metadata(commit: DayCommit) -> Metadata:
    """What is known of a day whose run could not tell it itself."""
    when = f"{commit.committed_at:%Y-%m-%d %H:%M:%S} UTC"
    why = f"the reconciler: run {commit.run_id} committed this day at {when}, which it could not tell itself"
    return {**day_metadata(DayReport.restore(commit.day, commit.counts)), "told by": dg.MetadataValue.text(why)}


def _materialization(commit: DayCommit) -> dg.AssetMaterialization:
    return dg.AssetMaterialization(
        asset_key=_key(commit), partition=_partition(commit), metadata=commit_metadata(commit)
    )


def _is_known(instance: dg.DagsterInstance, commit: DayCommit) -> bool:
    partition = _partition(commit)
    wanted = dg.AssetRecordsFilter(asset_key=_key(commit), asset_partitions=None if partition is None else [partition])
    records = instance.fetch_materializations(wanted, limit=1).records
    return any(_covers(record, commit) for record in records)


def _covers(record: dg.EventLogRecord, commit: DayCommit) -> bool:
    return record.run_id == commit.run_id or record.timestamp >= commit.committed_at.timestamp()


def _partition(commit: DayCommit) -> str | None:
    return None if commit.day == NO_DAY else commit.day.isoformat()


def _key(commit: DayCommit) -> dg.AssetKey:
    return dg.AssetKey(commit.asset.split("/"))
