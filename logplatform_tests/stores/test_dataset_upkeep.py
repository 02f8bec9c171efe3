"""Datasets over time: compaction, retention, sweeping, and what a full disk or a long batch does to a writer."""

import errno
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from logplatform.failures import Conflict
from logplatform.landing.leases import utc_now
from logplatform.stores import dataset_writer
from logplatform.stores.dataset import Dataset
from logplatform.stores.dataset_writer import NewFile
from logplatform.stores.files import Files, LocalFiles
from logplatform.stores.places import SqliteFile
from logplatform.stores.sql import Database
from logplatform_tests.faults.disks import small_disk

SCHEMA = pa.schema(
    [
        pa.field("origin", pa.dictionary(pa.int32(), pa.string())),
        pa.field("at", pa.timestamp("us", "UTC")),
        pa.field("n", pa.int16()),
        pa.field("text", pa.string()),
    ]
)
NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


def _batch(numbers: Sequence[int], text: str | None = "x") -> pa.RecordBatch:
    moments = [NOON + timedelta(seconds=number % 1_000) for number in numbers]
    columns = {
        "at": pa.array(moments, SCHEMA.field("at").type),
        "n": pa.array([number % 1_000 for number in numbers], pa.int16()),
        "text": pa.array([text] * len(numbers), pa.string()),
    }
    return pa.record_batch(columns)


def _add(dataset: Dataset, partition: str, origin: str, numbers: Sequence[int]) -> None:
    with dataset.writer() as writer:
        writer.write(partition, origin, _batch(numbers))
        change = dataset.change({origin}, writer.finish())
    with dataset.database.write() as connection:
        dataset.apply(connection, change)


def _numbers(dataset: Dataset, partition: str) -> list[tuple[str, int]]:
    rows: list[tuple[str, int]] = []
    for file in dataset.visible(partition, partition):
        table = pq.ParquetFile(file.uri).read()
        rows += zip(table["origin"].to_pylist(), table["n"].to_pylist(), strict=True)
    return rows


@pytest.fixture
def files(files_anywhere: Files) -> Files:
    return files_anywhere


@pytest.fixture
def dataset(files: Files, database: Database) -> Dataset:
    return Dataset("events", "default", SCHEMA, files, database, now=lambda: datetime.now(UTC))


def test_compaction_makes_one_sorted_file_with_the_same_rows(dataset: Dataset) -> None:
    for origin, numbers in (("c", [5, 1]), ("a", [4, 2]), ("b", [3, 0])):
        _add(dataset, "d1", origin, numbers)
    _add(dataset, "d2", "a2", [9])
    assert dataset.compact("d1", ("at", "origin"))
    assert _numbers(dataset, "d1") == [("b", 0), ("c", 1), ("a", 2), ("b", 3), ("a", 4), ("c", 5)]
    assert _numbers(dataset, "d2") == [("a2", 9)]
    (file,) = dataset.visible("d1", "d1")
    assert pq.ParquetFile(file.uri).schema_arrow.equals(SCHEMA)
    assert dataset.origins(file) == {"a": 2, "b": 2, "c": 2}
    assert not dataset.compact("d1", ("at",))


def test_an_origin_in_a_compacted_file_is_replaced_alone(dataset: Dataset) -> None:
    for origin in ("a", "b", "c"):
        _add(dataset, "d1", origin, [1, 2])
    dataset.compact("d1", ("at", "origin"))
    _add(dataset, "d1", "b", [7])
    assert sorted(_numbers(dataset, "d1")) == [("a", 1), ("a", 2), ("b", 7), ("c", 1), ("c", 2)]
    assert dataset.rows({"a", "b", "c"}) == {"a": 2, "b": 1, "c": 2}


def test_a_writer_that_comes_between_is_not_overwritten(dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compaction reads for minutes; what is written meanwhile counts, and the merged file is dropped."""
    _add(dataset, "d1", "a", [1])
    _add(dataset, "d1", "b", [2])
    swap = Dataset.swap

    def late_swap(self: Dataset, connection: object, removed: object, added: object) -> None:
        monkeypatch.setattr(Dataset, "swap", swap)
        swap(self, connection, removed, added)  # ty: ignore[invalid-argument-type]

    database_write = Database.write

    def write_after_another(database: Database) -> object:
        monkeypatch.setattr(Database, "write", database_write)
        _add(dataset, "d1", "a", [8])
        return database_write(database)

    monkeypatch.setattr(Dataset, "swap", late_swap)
    monkeypatch.setattr(Database, "write", write_after_another)
    with pytest.raises(Conflict):
        dataset.compact("d1", ("at",))
    assert sorted(_numbers(dataset, "d1")) == [("a", 8), ("b", 2)]
    assert dataset.sweep(timedelta(seconds=-1)) >= 1
    assert sorted(_numbers(dataset, "d1")) == [("a", 8), ("b", 2)]


def test_expired_partitions_are_seen_no_more_and_their_files_go(dataset: Dataset, files: Files) -> None:
    for day in ("2026-01-01", "2026-01-02", "2026-01-03"):
        _add(dataset, day, f"o {day}", [1])
    assert dataset.expire("2026-01-03") == 2
    assert [file.partition for file in dataset.visible()] == ["2026-01-03"]
    assert dataset.sweep(timedelta(days=1)) == 0
    assert dataset.sweep(timedelta(seconds=-1)) == 2
    assert len(list(files.keys(dataset.prefix))) == 1
    assert dataset.expire("2026-01-03") == 0


def test_a_writer_slower_than_the_sweep_is_told_and_loses_nothing(dataset: Dataset) -> None:
    """A laptop that slept for a week wakes up between publishing and committing, and the sweep wakes up first."""
    with dataset.writer() as writer:
        writer.write("d1", "a", _batch([1]))
        change = dataset.change({"a"}, writer.finish())
    assert dataset.sweep(timedelta(seconds=-1)) == 1
    with pytest.raises(Conflict, match="swept"), dataset.database.write() as connection:
        dataset.apply(connection, change)
    assert dataset.visible() == []


def test_memory_of_a_writer_is_bounded_whatever_the_days_of_its_rows(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows waited in memory until a day had 65,536 of them: large rows over many days were gigabytes."""
    monkeypatch.setattr(dataset_writer, "PENDING_BYTES", 1 << 20)
    waiting: list[int] = []
    with dataset.writer() as writer:
        for number in range(200):
            writer.write(f"d{number % 40:02}", "a", _batch([number], "y" * 20_000))
            waiting.append(sum(file.pending_bytes for file in writer._open.values()))
        change = dataset.change({"a"}, writer.finish())
    assert max(waiting) <= 1 << 20
    assert sum(file.rows for file in change.added) == 200


def test_a_slice_keeps_no_more_alive_than_itself(dataset: Dataset) -> None:
    """One row of a large block kept the whole block alive, for every block and day."""
    block = _batch(range(10_000), "z" * 100)
    with dataset.writer() as writer:
        for number in range(20):
            writer.write("cold", "a", block.slice(number, 1))
        (file,) = writer._open.values()
        assert sum(batch.get_total_buffer_size() for batch in file.pending) < 20_000
        change = dataset.change({"a"}, writer.finish())
    assert [file.rows for file in change.added] == [20]


def _write_until_full(dataset: Dataset) -> list[NewFile]:
    with dataset.writer() as writer:
        for number in range(200):
            writer.write(f"d{number % 5}", "a", _batch(range(number, number + 20_000), str(number) * 20))
        return writer.finish()


def test_a_full_disk_ends_a_writer_and_leaves_nothing_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Dropping several half-written files on a full disk stopped at the first; the others kept the disk full."""
    monkeypatch.setattr(dataset_writer, "PENDING_BYTES", 1 << 20)
    with small_disk(tmp_path / "disk", 1) as disk:
        files, database = LocalFiles(disk / "store"), Database.at(tmp_path / "x.db")
        dataset = Dataset("events", "default", SCHEMA, files, database, now=lambda: datetime.now(UTC))
        before = files.free_bytes()
        with pytest.raises(OSError, match="No space left") as told:
            _write_until_full(dataset)
        assert told.value.errno == errno.ENOSPC
        assert list((disk / "store" / "tmp").iterdir()) == []
        assert files.free_bytes() == before
        _add(dataset, "d1", "a", [1])
        assert _numbers(dataset, "d1") == [("a", 1)]


@pytest.mark.slow
def test_compaction_of_large_partitions_takes_bounded_memory(tmp_path: Path) -> None:
    """What does not fit is spilled; 2,000,000 rows are about 400 MB in memory. The stores have no part in it."""
    files = LocalFiles(tmp_path)
    dataset = Dataset("events", "default", SCHEMA, files, SqliteFile(tmp_path / "events.db").open(), utc_now)
    for part in range(4):
        with dataset.writer() as writer:
            for block in range(10):
                start = (part * 10 + block) * 50_000
                numbers = range(start, start + 50_000)
                text = pa.array([f"{(number * 2_654_435_761) % 2**32:032x} " * 4 for number in numbers])
                columns = {name: _batch(numbers).column(name) for name in ("at", "n")}
                writer.write("d1", f"o{part}", pa.record_batch({**columns, "text": text}))
            change = dataset.change({f"o{part}"}, writer.finish())
        with dataset.database.write() as connection:
            dataset.apply(connection, change)
    before = pa.total_allocated_bytes()
    assert dataset.compact("d1", ("text",))
    assert pa.total_allocated_bytes() - before < 50 << 20
    (file,) = dataset.visible()
    assert file.rows == 2_000_000
    previous = ""
    for batch in pq.ParquetFile(file.uri).iter_batches(columns=["text"]):
        first, last = batch.column(0)[0].as_py(), batch.column(0)[-1].as_py()
        assert previous <= first <= last
        previous = last
    assert files.sweep_parts(-1) == 0
