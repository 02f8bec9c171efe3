"""Old runs and their events leave Dagster's storage, so that it does not grow with the platform's age.

What belongs here: which runs may go, and removing them. What does not: when (`prune_job`, the command `prune`), and
ticks, which Dagster removes by itself (`retention` in dagster.yaml).

Dagster knows the state of an asset's day by the newest materialization that a run reported, and forgets it with the
run. So a run stays, whatever its age, while it tells the newest state of a day or of a whole asset. The newest
evaluation of each check stays too; older ones go with their runs, which Dagster itself would leave.
"""

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import dagster as dg
import sqlalchemy as sa
from dagster import AssetRecordsFilter, DagsterEventType
from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable
from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage
from dagster._core.storage.event_log.sqlite import SqliteEventLogStorage

from logplatform.landing.retention import Pruned
from logplatform.stores.sql import chunks

WHAT = "runs of Dagster"
_ENDED = (dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)
_AT_ONCE = 1_000


def prune_history(instance: dg.DagsterInstance, before: datetime) -> Pruned:
    """Remove the ended runs that were last touched before `before` (aware) and tell nothing newest; how many.

    `bytes` are those of the files of their events; 0 where a database server keeps them. May be stopped at any point
    and done again.
    """
    telling = _telling(instance)
    wanted = dg.RunsFilter(statuses=list(_ENDED), updated_before=before)
    removed, cursor = 0, None
    while page := instance.get_run_ids(filters=wanted, cursor=cursor, limit=_AT_ONCE):
        kept = [run_id for run_id in page if run_id in telling]
        gone = [run_id for run_id in page if run_id not in telling]
        for run_id in gone:
            # First what only the run leads to: a process that dies here leaves the run, and the next one goes on.
            instance.compute_log_manager.delete_logs(prefix=[run_id])
        _forget_checks(instance, gone)
        for run_id in gone:
            instance.delete_run(run_id)
        removed += len(gone)
        # A run that is there still: pages go from new to old, and what was removed leads nowhere.
        cursor = kept[-1] if kept else cursor
    return Pruned(WHAT, removed, _swept(instance))


def _telling(instance: dg.DagsterInstance) -> set[str]:
    """The runs that tell the newest state of a day or of a whole asset."""
    assets = list(instance.all_asset_keys())
    telling = {run_id for key in assets for run_id in _of_days(instance, key)}
    for keys in chunks(assets):
        for record in instance.get_asset_records(keys):
            newest = record.asset_entry.last_materialization_record
            if newest is not None:
                telling.add(newest.run_id)
    return telling


def _of_days(instance: dg.DagsterInstance, key: dg.AssetKey) -> Iterator[str]:
    newest = instance.get_latest_storage_id_by_partition(key, DagsterEventType.ASSET_MATERIALIZATION)
    for ids in chunks(newest.values(), _AT_ONCE):
        wanted = AssetRecordsFilter(asset_key=key, storage_ids=ids)
        yield from (record.run_id for record in instance.fetch_materializations(wanted, limit=len(ids)).records)


def _forget_checks(instance: dg.DagsterInstance, run_ids: list[str]) -> None:
    """Remove the evaluations of runs, but for the newest of each check (and of each day of it)."""
    storage = instance.event_log_storage
    if not isinstance(storage, SqlEventLogStorage):
        return
    table = AssetCheckExecutionsTable
    newest = sa.select(sa.func.max(table.c.id)).group_by(table.c.asset_key, table.c.check_name, table.c.partition)
    with storage.index_connection() as connection:
        for some in chunks(run_ids):
            connection.execute(table.delete().where(table.c.run_id.in_(some), table.c.id.not_in(newest)))


def _swept(instance: dg.DagsterInstance) -> int:
    """Remove the files of events whose run is gone, which Dagster leaves where SQLite keeps them; their bytes."""
    storage = instance.event_log_storage
    if not isinstance(storage, SqliteEventLogStorage):
        return 0
    swept = 0
    for file in Path(storage.path_for_shard("any")).parent.glob("*-*-*-*-*.db"):
        if instance.has_run(file.stem):
            continue
        with suppress(FileNotFoundError):
            swept += file.stat().st_size
            file.unlink()
        for suffix in ("-wal", "-shm"):
            file.with_name(file.name + suffix).unlink(missing_ok=True)
    return swept
