"""What every domain has: days committed, dead letters, datasets.

What belongs here: measuring the tables that all domains share. What does not: how a domain's input waits (`files`,
`uploads`, `tickets`).
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from logplatform.metrics.catalogue import Sample
from logplatform.stores.schema import dataset_file, day_commit, dead_letter
from logplatform.tenancy import Tenancy

_PARTS = {"in": "came", "out": "out", "duplicate": "duplicates", "dead_letter": "dead_letters"}


@dataclass(slots=True)
class _Asset:
    """What adds up over the rows of an asset (there are several if its unit has changed); the commit in UTC."""

    bytes: float
    seconds: float
    committed_at: datetime


def measure_stored(tenancy: Tenancy) -> Iterator[Sample]:
    """The samples of one domain; its database counts."""
    with tenancy.database.read() as connection:
        flow = connection.execute(_flow(tenancy)).mappings().all()
        counts = _counts(connection, tenancy)
        datasets = connection.execute(_datasets(tenancy)).all()
    yield from _flow_samples(tenancy.domain, flow)
    for name, value in counts.items():
        yield Sample(name, (tenancy.domain,), value)
    for name, rows, size, files in datasets:
        labels = (tenancy.domain, name)
        yield Sample("logplatform_dataset_rows", labels, rows)
        yield Sample("logplatform_dataset_bytes", labels, size)
        yield Sample("logplatform_dataset_files", labels, files)


def _flow(tenancy: Tenancy) -> sa.Select[tuple[object, ...]]:
    """The sums over each asset's days; an asset without days has one report, which is of all of it."""
    mine = sa.and_(day_commit.c.domain == tenancy.domain, day_commit.c.tenant == tenancy.tenant)
    counts = day_commit.c.counts
    unit = sa.func.coalesce(counts["unit"].as_string(), "records")
    # Grouped by their names: PostgreSQL takes two parameters, be they equal, for two different expressions.
    units = (unit.label("unit"), sa.func.coalesce(counts["unit_out"].as_string(), unit).label("unit_out"))
    names = [*_PARTS.values(), "bytes", "seconds"]
    sums = [sa.func.coalesce(sa.func.sum(counts[name].as_float()), 0).label(name) for name in names]
    return (
        sa.select(
            day_commit.c.asset,
            *units,
            *sums,
            sa.func.max(day_commit.c.committed_at).label("committed_at"),
        )
        .where(mine)
        .group_by(day_commit.c.asset, *units)
    )


def _flow_samples(domain: str, rows: Sequence[sa.RowMapping]) -> Iterator[Sample]:
    items, assets = Counter[tuple[str, str, str]](), dict[str, _Asset]()
    for row in rows:
        name = row["asset"].removeprefix(f"{domain}/")
        for part, column in _PARTS.items():
            items[name, row["unit_out"] if part == "out" else row["unit"], part] += int(row[column])
        found = assets.setdefault(name, _Asset(0.0, 0.0, row["committed_at"]))
        found.bytes += row["bytes"]
        found.seconds += row["seconds"]
        found.committed_at = max(found.committed_at, row["committed_at"])
    for labels, count in items.items():
        yield Sample("logplatform_flow_items", (domain, *labels), count)
    for name, asset in assets.items():
        yield Sample("logplatform_flow_bytes", (domain, name), asset.bytes)
        yield Sample("logplatform_flow_seconds", (domain, name), asset.seconds)
        yield Sample("logplatform_last_commit_timestamp_seconds", (domain, name), asset.committed_at.timestamp())


def _counts(connection: sa.Connection, tenancy: Tenancy) -> dict[str, int]:
    def counted(table: sa.Table, *conditions: sa.ColumnElement[bool]) -> int:
        mine = (table.c.domain == tenancy.domain, table.c.tenant == tenancy.tenant)
        return connection.execute(sa.select(sa.func.count()).select_from(table).where(*mine, *conditions)).scalar_one()

    return {
        "logplatform_unreported_days": counted(day_commit, day_commit.c.reported.is_(False)),
        "logplatform_dead_letters_open": counted(dead_letter, dead_letter.c.replayed_at.is_(None)),
        "logplatform_dead_letters_total": counted(dead_letter),
    }


def _datasets(tenancy: Tenancy) -> sa.Select[tuple[str, int, int, int]]:
    table = dataset_file
    return (
        sa.select(table.c.dataset, sa.func.sum(table.c.rows), sa.func.sum(table.c.bytes), sa.func.count())
        .where(table.c.tenant == tenancy.tenant, table.c.removed_at.is_(None))
        .group_by(table.c.dataset)
    )
