"""`logplatform uploads show`: the tables that are derived from the index.

What belongs here: reading arguments and printing. What does not: deriving the tables (`uploads.derive`).
"""

from collections.abc import Iterator
from itertools import islice
from typing import Any

import click
import pyarrow.parquet as pq

from logplatform.cli.output import print_json, print_table
from logplatform.cli.session import Session, pass_session
from logplatform.stores.dataset import Dataset
from logplatform.tenancy import open_tenancy
from logplatform.uploads.day_reports import ALERTS, METRICS
from logplatform.uploads.derive import alerts_dataset, metrics_dataset

_DATASETS = {ALERTS: alerts_dataset, METRICS: metrics_dataset}


@click.command("show")
@click.argument("table", type=click.Choice(list(_DATASETS)))
@click.option("--limit", type=click.IntRange(1, 1_000_000), default=50, show_default=True, help="At most so many rows.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_session
def show(session: Session, table: str, limit: int, as_json: bool) -> None:
    """Print TABLE, the newest event days first: suspicious transactions, or the figures of each day.

    They are as of the last run or worker that had nothing else to do; `uploads figures` counts this moment's.
    """
    with open_tenancy(session.settings, "uploads") as tenancy:
        dataset = _DATASETS[table](tenancy)
        names = ["event_day", *(name for name in dataset.schema.names if name != "origin")]
        rows = list(islice(_rows(dataset), limit))
        total = sum(file.rows for file in dataset.visible())
    if as_json:
        print_json({"total": total, "rows": rows})
        return
    print_table(f"{table}: {total:,} rows", names, [[_shown(row[name]) for name in names] for row in rows])


def _rows(dataset: Dataset) -> Iterator[dict[str, Any]]:
    for file in reversed(dataset.visible()):
        for batch in pq.ParquetFile(file.uri).iter_batches():
            for row in batch.to_pylist():
                yield {"event_day": row.pop("origin"), **row}


def _shown(value: object) -> object:
    if isinstance(value, list):
        return "; ".join(map(str, value))
    return round(value, 3) if isinstance(value, float) else value
