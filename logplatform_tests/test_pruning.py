"""Pruning a domain: datasets are swept too, and what readers may still read stays."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa

from logplatform.pruning import READERS_WAIT, prune
from logplatform.settings.model import Settings
from logplatform.stores.dataset import Dataset
from logplatform.tenancy import open_tenancy

SCHEMA = pa.schema([("origin", pa.string()), ("value", pa.int64())])
NO_GUARD: Mapping[str, object] = {"disk_space_threshold_gb": 0, "disk_space_target_gb": 0}


def replace(dataset: Dataset, value: int) -> None:
    with dataset.writer() as writer:
        writer.write("2026-01-05", "o", pa.RecordBatch.from_pydict({"origin": ["o"], "value": [value]}, schema=SCHEMA))
        change = dataset.change(["o"], writer.finish())
        with dataset.database.write() as connection:
            dataset.apply(connection, change)


def test_replaced_dataset_files_go_after_the_readers_wait(tmp_path: Path) -> None:
    """A reader that took its file list before the replacement must still find the files; later they are waste."""
    settings = Settings.model_validate({"data_root": tmp_path, "landing": NO_GUARD})
    now = datetime.now(UTC)
    with open_tenancy(settings, "archives") as tenancy:
        for value in (1, 2):
            replace(tenancy.dataset("archive_events", SCHEMA), value)
    parquet = tmp_path / "datasets"
    with open_tenancy(settings, "archives", lambda: now + READERS_WAIT / 2) as tenancy:
        list(prune(tenancy))
        assert len(list(parquet.rglob("*.parquet"))) == 2
    with open_tenancy(settings, "archives", lambda: now + READERS_WAIT + timedelta(minutes=1)) as tenancy:
        removed = list(prune(tenancy))
        assert sum(it.files for it in removed) == 1
        (left,) = tenancy.dataset("archive_events", SCHEMA).visible()
        assert left.rows == 1
        assert len(list(parquet.rglob("*.parquet"))) == 1
