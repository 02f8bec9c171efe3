"""Every count of a stage, read from its stores: python -m logplatform_tests.endtoend.counts SETTINGS

What belongs here: counting what lies in the stores, in a process of its own that knows only the settings. What does
not: what a run tells of itself (`compared`).
"""

import json
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import sqlalchemy as sa

from logplatform.archives.deliver import events_dataset as archive_events
from logplatform.definitions import build_defs
from logplatform.machines.unit_events import events_dataset as machine_events
from logplatform.orchestration.home import opened_instance
from logplatform.settings.load import load
from logplatform.settings.model import DOMAINS, Settings
from logplatform.stores.dataset import Dataset
from logplatform.stores.log_query import Filters
from logplatform.stores.schema import content, day_commit
from logplatform.stores.session_schema import (
    centre_usinage,
    machine_anomaly,
    session_production,
    session_version,
)
from logplatform.tenancy import Tenancy, open_tenancy
from logplatform.tickets.tables import TABLES
from logplatform.uploads.derive import alerts_dataset, metrics_dataset
from logplatform.uploads.room import open_uploads
from logplatform_tests.tickets.outcome import rows_of

Count = tuple[str, str, int]
"""(domain, what, how many)"""


def counts(settings: Settings) -> Iterator[Count]:
    """All counts that do not depend on where the stores are."""
    for domain in DOMAINS:
        with open_tenancy(settings, domain) as tenancy:
            yield from _rows(tenancy)
            yield from _letters(tenancy)
    yield from _archives(settings)
    yield from _machines(settings)
    yield from _uploads(settings)
    for table in TABLES:
        yield "tickets", f"table {table}: rows", len(rows_of(settings.data_root / "tickets" / table))
    yield from _materialized(settings)


def _rows(tenancy: Tenancy) -> Iterator[Count]:
    for status, count in sorted(tenancy.ledger.count().items()):
        yield tenancy.domain, f"ledger: files {status}", count
    with tenancy.database.read() as connection:
        for table in (content, day_commit):
            query = sa.select(sa.func.count()).select_from(table).where(table.c.domain == tenancy.domain)
            yield tenancy.domain, f"ledger: rows of {table.name}", int(connection.execute(query).scalar_one())


def _letters(tenancy: Tenancy) -> Iterator[Count]:
    reasons = Counter("; ".join(letter.reasons) for letter in tenancy.letters.find())
    for reason, count in sorted(reasons.items()):
        yield tenancy.domain, f"dead letters: {reason[:60]}", count


def _by_partition(domain: str, dataset: Dataset) -> Iterator[Count]:
    found: Counter[str] = Counter()
    for file in dataset.visible():
        found[file.partition] += file.rows
    for partition, rows in sorted(found.items()):
        yield domain, f"{dataset.name} of {partition}: rows", rows


def _archives(settings: Settings) -> Iterator[Count]:
    with open_tenancy(settings, "archives") as tenancy:
        yield from _by_partition("archives", archive_events(tenancy))


def _machines(settings: Settings) -> Iterator[Count]:
    with open_tenancy(settings, "machines") as tenancy:
        yield from _by_partition("machines", machine_events(tenancy))
        with tenancy.database.read() as connection:
            for table in (centre_usinage, session_production, session_version, machine_anomaly):
                query = sa.select(sa.func.count()).select_from(table)
                yield "machines", f"table {table.name}: rows", int(connection.execute(query).scalar_one())


def _uploads(settings: Settings) -> Iterator[Count]:
    with open_uploads(settings) as room:
        documents: Counter[str] = Counter()
        for micros, kind in room.index.stream(("timestamp", "log_type"), Filters(), ("timestamp",)):
            documents[f"documents of {_day(micros)}, {kind}"] += 1
        yield from (("uploads", what, count) for what, count in sorted(documents.items()))
        yield "uploads", "documents in the index", room.index.rows()
        for dataset in (alerts_dataset(room.tenancy), metrics_dataset(room.tenancy)):
            yield from _by_partition("uploads", dataset)


def _day(micros: int) -> str:
    return datetime.fromtimestamp(micros / 1e6, UTC).date().isoformat()


def _materialized(settings: Settings) -> Iterator[Count]:
    """What Dagster shows: the days of each asset that are materialized, its runs by their end."""
    graph = build_defs(settings).resolve_asset_graph()
    with opened_instance(settings) as instance:
        for key in sorted(graph.materializable_asset_keys, key=dg.AssetKey.to_user_string):
            days = instance.get_materialized_partitions(key)
            event = instance.get_latest_materialization_event(key)
            yield key.path[0], f"Dagster: {key.to_user_string()} materialized", len(days) or int(event is not None)
        ends = Counter(str(run.status.value).lower() for run in instance.get_runs())
    for end, count in sorted(ends.items()):
        yield "dagster", f"runs ended as {end}", count


def main(path: str) -> None:
    settings = load(Path(path)).settings
    sys.stdout.write(json.dumps(list(counts(settings))))


if __name__ == "__main__":
    main(sys.argv[1])
