"""All that a domain's stores hold, without what may differ between two runs of the same input.

What belongs here: reading everything and leaving out times, run identities and row numbers. What does not: comparing
with anything but equality; whatever is lost or doubled makes two snapshots differ.
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import sqlalchemy as sa

from logplatform.landing.retention import Retention, RetentionPolicy
from logplatform.stores.dataset import Dataset
from logplatform.stores.schema import dataset_file
from logplatform.tenancy import Tenancy, open_tenancy
from logplatform_tests.faults.stage import Stage

Rows = Counter[str]
Snapshot = dict[str, Rows]

_LEFT_OUT = {
    "id",
    "batch_id",
    "run_id",
    "first_seen",
    "updated",
    "landed_at",
    "created_at",
    "committed_at",
    "derived_at",
    "date_creation",
    "reported",
    "version_id",
    "session_id",
    "centre_usinage_id",
}
_ONLY_WHETHER = {"removed_at", "content_removed_at", "replayed_at", "next_attempt_at"}
_NO_RESULTS = {"alembic_version", "lease", "dataset_file", "dataset_origin", "session_version"}
_SPEEDS = {"sessions a minute", "seconds a session", "files a minute", "seconds a file"}
_NOTE_LEFT_OUT = {"first_time", "last_time", "observation"}
VIEWS = ("incoming", "extracted", "processed", "error", "reports")


def snapshot(stage: Stage) -> Snapshot:
    """Everything in the stage's stores, views and sources; what dead processes left behind is swept before."""
    with open_tenancy(stage.settings, stage.domain, stage.now()) as tenancy:
        datasets = _datasets(tenancy)
        _sweep(tenancy, datasets)
        found = {
            **{f"table {name}": Counter(rows) for name, rows in _tables(tenancy.database.engine, stage.folder)},
            **{f"dataset {dataset.name}": _rows(dataset) for dataset in datasets},
            "objects": Counter(_objects(stage.settings.data_root)),
            "views": Counter(_views(stage.settings.data_root)),
            "sources": Counter(_files(stage.folder / "sources")),
        }
        return {place: _same_turn(rows) for place, rows in found.items()}


def _same_turn(rows: Rows) -> Rows:
    """Which of two equal turns of one log is the one that is delivered depends on which came first: both are right."""
    same: Rows = Counter()
    for row, count in rows.items():
        same[re.sub(r"turn\.log\.\d", "turn.log.N", row)] += count
    return same


def differences(expected: Snapshot, found: Snapshot) -> tuple[list[str], list[str]]:
    """What `found` lacks and what it has too much, each with its place."""
    places = sorted(expected.keys() | found.keys())
    lost = [f"{place}: {row}" for place in places for row in (expected.get(place, Rows()) - found.get(place, Rows()))]
    more = [f"{place}: {row}" for place in places for row in (found.get(place, Rows()) - expected.get(place, Rows()))]
    return lost, more


def _datasets(tenancy: Tenancy) -> list[Dataset]:
    with tenancy.database.read() as connection:
        names = connection.execute(sa.select(dataset_file.c.dataset).distinct()).scalars().all()
    return [
        Dataset(name, tenancy.tenant, _any_schema(), tenancy.files, tenancy.database, tenancy.now) for name in names
    ]


def _any_schema() -> Any:
    return None  # reading and sweeping ask for none


def _sweep(tenancy: Tenancy, datasets: list[Dataset]) -> None:
    everything = RetentionPolicy(processed_days=10_000, error_days=10_000, tmp_days=-10_000)
    for _ in Retention(tenancy.ledger, tenancy.files, everything).by_age():
        pass
    for dataset in datasets:
        dataset.sweep(timedelta(days=-10_000))


def _tables(engine: sa.Engine, folder: Path) -> Iterator[tuple[str, list[str]]]:
    found = sa.inspect(engine)
    for name in [*found.get_table_names(), *found.get_view_names()]:
        if name in _NO_RESULTS or (name.endswith("_row") and name[:-4] in found.get_view_names()):
            continue
        with engine.connect() as connection:
            rows = connection.execute(sa.text(f'SELECT * FROM "{name}"')).mappings()  # the database's own names
            yield name, [_row(dict(row)).replace(str(folder), "<stage>") for row in rows]


def _row(values: dict[str, Any]) -> str:
    kept = {name: value for name, value in values.items() if name not in _LEFT_OUT}
    for name in _ONLY_WHETHER & kept.keys():
        kept[name] = kept[name] is not None
    if isinstance(kept.get("counts"), str):
        counts = json.loads(kept["counts"])
        counts.pop("seconds", None)
        if kept["asset"] == "machines/machine_events":
            # These two are of the folders that the last batch read, as its report says.
            counts.pop("bytes", None)
            counts.pop("failures", None)
        counts["facts"] = {name: fact for name, fact in counts.get("facts", {}).items() if name not in _SPEEDS}
        counts["failures"] = sorted(counts.get("failures", ()), key=str)
        kept["counts"] = counts
    return repr(sorted(kept.items()))


def _rows(dataset: Dataset) -> Rows:
    rows: Rows = Counter()
    for file in dataset.visible():
        table = pq.ParquetFile(file.uri).read()
        if table.num_rows != file.rows:
            raise AssertionError(f"{file.key} has {table.num_rows} rows, the manifest says {file.rows}")
        rows.update(repr((file.partition, row)) for row in table.to_pylist())
    return rows


def _objects(root: Path) -> Iterator[str]:
    """Landed and extracted bytes by key and hash; datasets by the number of their files; parts must be gone."""
    for top in ("landing", "unpacked", "contents", "tmp"):
        for path in sorted((root / top).rglob("*")):
            if path.is_file():
                yield f"{path.relative_to(root)} {hashlib.sha256(path.read_bytes()).hexdigest()}"


def _views(root: Path) -> Iterator[str]:
    for top in VIEWS:
        for path in sorted((root / top).rglob("*")):
            name = path.relative_to(root)
            if path.is_symlink():
                yield f"{name} -> {path.readlink()}, {'there' if path.exists() else 'broken'}"
            elif path.suffix == ".json":
                note = json.loads(path.read_bytes())
                yield f"{name} {sorted((key, value) for key, value in note.items() if key not in _NOTE_LEFT_OUT)}"
            elif path.suffix == ".html":
                yield f"{name} {hashlib.sha256(path.read_bytes()).hexdigest()}"
            elif path.is_file():
                yield str(name)  # a workbook holds the time of its making


def _files(folder: Path) -> Iterator[str]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield f"{path.relative_to(folder)} {path.stat().st_size}"
