"""Which files are written together: few files, each row rewritten a bounded number of times."""

from pathlib import Path
from unittest.mock import Mock

import pyarrow as pa
import pyarrow.parquet as pq
from hypothesis import given, settings
from hypothesis import strategies as st

from logplatform.stores.dataset import VisibleFile
from logplatform.stores.files import Files
from logplatform.tickets.files import LEVEL_FILES, LEVEL_ROWS, SMALL_ROWS, Rows, to_absorb, to_merge, write
from logplatform.tickets.intake import Reject
from logplatform.tickets.tables import REJECTS, reject_rows


def _file(number: int, rows: int, suffix: str = "parquet") -> VisibleFile:
    return VisibleFile(number, "all", f"{number}.{suffix}", rows, rows * 50, Mock(Files))


@given(st.lists(st.integers(1, 300_000), min_size=1, max_size=400))
@settings(max_examples=60)
def test_any_stream_of_commits_makes_few_files_and_rewrites_each_row_seldom(commits: list[int]) -> None:
    files: list[VisibleFile] = []
    written = 0
    for number, fresh in enumerate(commits):
        absorbed = to_absorb(files, fresh, "parquet")
        rows = fresh + sum(file.rows for file in absorbed)
        assert not absorbed or rows <= SMALL_ROWS
        files = [file for file in files if file not in absorbed] + [_file(2 * number, rows)]
        if merged := to_merge(files):
            total = sum(file.rows for file in merged)
            files = [file for file in files if file not in merged] + [_file(2 * number + 1, total)]
            written += total
    total = sum(commits)
    assert sum(file.rows for file in files) == total
    assert len([file for file in files if file.rows < LEVEL_ROWS[-1]]) <= (LEVEL_FILES + 1) * len(LEVEL_ROWS)
    assert written <= total * (len(LEVEL_ROWS) + 1)


def test_files_of_another_format_are_always_written_again() -> None:
    files = [_file(1, 5_000_000, "json"), _file(2, 100)]
    assert [file.id for file in to_absorb(files, 1, "parquet")] == [1, 2]
    assert [file.id for file in to_absorb(files, 1, "json")] == [2]


def test_large_rows_are_written_in_groups_of_bounded_size(tmp_path: Path) -> None:
    """Rows of refused messages may have a megabyte each; a group of a fixed number of rows would have gigabytes."""
    rows = [Reject(0, n, b"%07d" % n + b"x" * 500_000, 500_007, ("reason",)) for n in range(80)]
    table = pa.Table.from_batches(
        [batch for n in range(0, 80, 10) for batch in reject_rows("t", rows[n : n + 10], 1).to_batches()]
    )
    write(tmp_path / "large.parquet", "parquet", Rows(REJECTS, [], table))
    found = pq.ParquetFile(tmp_path / "large.parquet")
    assert found.metadata.num_row_groups == 2
    assert found.read().column("offset").to_pylist() == list(range(80))
