"""Datasets: what readers see while files are written, replaced, compacted and swept."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from logplatform.failures import Conflict
from logplatform.stores.dataset import Dataset
from logplatform.stores.files import Files
from logplatform.stores.sql import Database

SCHEMA = pa.schema([("origin", pa.string()), ("n", pa.int64())])


def _batch(*numbers: int) -> pa.RecordBatch:
    return pa.record_batch({"n": pa.array(numbers, pa.int64())})


def _write(dataset: Dataset, *rows: tuple[str, str, list[int]]) -> None:
    with dataset.writer() as writer:
        for partition, origin, numbers in rows:
            writer.write(partition, origin, _batch(*numbers))
        change = dataset.change({origin for _, origin, _ in rows}, writer.finish())
    with dataset.database.write() as connection:
        dataset.apply(connection, change)


def _read(dataset: Dataset) -> list[tuple[str, int]]:
    rows: list[tuple[str, int]] = []
    for file in dataset.visible():
        table = pq.ParquetFile(file.uri).read()
        assert table.num_rows == file.rows
        rows += zip(table["origin"].to_pylist(), table["n"].to_pylist(), strict=True)
    return sorted(rows)


@pytest.fixture
def files(files_anywhere: Files) -> Files:
    return files_anywhere


@pytest.fixture
def dataset(files: Files, database: Database) -> Dataset:
    return Dataset("events", "default", SCHEMA, files, database, now=lambda: datetime.now(UTC))


def test_deriving_an_origin_again_replaces_its_rows_and_no_others(dataset: Dataset) -> None:
    _write(dataset, ("d1", "a", [1, 2]), ("d1", "b", [3]), ("d2", "a", [4]))
    _write(dataset, ("d1", "a", [1, 2]))
    assert _read(dataset) == [("a", 1), ("a", 2), ("b", 3)]
    assert dataset.rows({"a", "b", "c"}) == {"a": 2, "b": 1}


def test_what_was_not_committed_is_not_seen_and_is_swept(dataset: Dataset, files: Files) -> None:
    """A writer that died after publishing leaves a file that nobody may ever read."""
    with dataset.writer() as writer:
        writer.write("d1", "a", _batch(1))
        writer.finish()
    assert _read(dataset) == []
    assert dataset.sweep(timedelta(days=1)) == 0
    assert dataset.sweep(timedelta(seconds=-1)) == 1
    assert list(files.keys(dataset.prefix)) == []


def test_two_changes_of_one_origin_do_not_both_count(dataset: Dataset) -> None:
    _write(dataset, ("d1", "a", [1]))
    with dataset.writer() as writer:
        writer.write("d1", "a", _batch(9))
        change = dataset.change({"a"}, writer.finish())
    _write(dataset, ("d1", "a", [2]))
    with pytest.raises(Conflict), dataset.database.write() as connection:
        dataset.apply(connection, change)
    assert _read(dataset) == [("a", 2)]


def test_a_replaced_file_stays_for_readers_that_have_its_name(dataset: Dataset) -> None:
    _write(dataset, ("d1", "a", [1]))
    (old,) = dataset.visible()
    _write(dataset, ("d1", "a", [2]))
    assert pq.ParquetFile(old.uri).read()["n"].to_pylist() == [1]
    assert dataset.sweep(timedelta(seconds=-1)) == 1
    assert _read(dataset) == [("a", 2)]


def test_many_partitions_keep_few_files_open(dataset: Dataset) -> None:
    """A batch over hundreds of days must not need hundreds of open files."""
    _write(dataset, *((f"d{n:03}", "a", [n]) for n in range(150)), ("d000", "a", [1_000]))
    assert len(_read(dataset)) == 151
    assert dataset.rows({"a"}) == {"a": 151}
