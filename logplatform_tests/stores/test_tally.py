"""Counting in one column is counting the rows."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from logplatform.stores.tally import count_of, total_of


@pytest.fixture
def file(tmp_path: Path) -> str:
    """A file of several row groups: each has its own dictionary, with other places for the same texts."""
    events = ["stop", "piece", None, "piece", "wait", "wait", "piece", None, "stop"]
    lines = [1, 2, None, 4, 5, 6, 7, 8, 9]
    path = tmp_path / "events.parquet"
    table = pa.table({"event": pa.array(events, pa.string()), "lines": pa.array(lines, pa.int32())})
    pq.write_table(table, path, row_group_size=3)
    return str(path)


@pytest.mark.parametrize(("value", "count"), [("piece", 3), ("wait", 2), ("stop", 2), ("start", 0)])
def test_the_rows_with_a_text_are_counted(file: str, value: str, count: int) -> None:
    """A value that no row has, or not every row group, is no error."""
    assert count_of(file, "event", value) == count


def test_numbers_are_added_up_without_the_missing_ones(file: str) -> None:
    """Nulls count nothing."""
    assert total_of(file, "lines") == 42


def test_a_file_without_rows_counts_nothing(tmp_path: Path) -> None:
    """An empty file has no row groups at all."""
    path = tmp_path / "empty.parquet"
    pq.write_table(pa.table({"event": pa.array([], pa.string()), "lines": pa.array([], pa.int32())}), path)
    assert (count_of(str(path), "event", "piece"), total_of(str(path), "lines")) == (0, 0)
