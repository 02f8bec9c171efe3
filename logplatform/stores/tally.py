"""Counting in one column of Parquet files, without an engine.

What belongs here: figures of one column of one file, in bounded memory. What does not: which files are visible
(`dataset.py`), and queries over several columns (DuckDB answers those).

A check counts after every step of every run: DuckDB would bring 50 MB into each of these processes for it.
"""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

_ROWS_AT_ONCE = 65_536


def count_of(uri: str, column: str, value: str) -> int:
    """The rows of the Parquet file `uri` whose text `column` is `value`.

    Raises OSError if the file is not there.
    """
    count = 0
    for part in _parts(uri, column, texts=True):
        place = pc.call_function("index", [part.dictionary], pc.IndexOptions(pa.scalar(value))).as_py()
        if place >= 0:
            count += int(pc.call_function("equal", [part.indices, pa.scalar(place, pa.int32())]).true_count)
    return count


def total_of(uri: str, column: str) -> int:
    """The sum of the whole numbers in `column` of the Parquet file `uri`; a missing one counts nothing.

    Raises OSError if the file is not there.
    """
    return sum(int(pc.call_function("sum", [part]).as_py() or 0) for part in _parts(uri, column, texts=False))


def _parts(uri: str, column: str, *, texts: bool) -> "Iterator[Any]":
    """The column in bounded parts; texts as dictionary arrays, since a few of them are told very often."""
    # Threads and read-ahead cost more memory than they save time in one column.
    with pq.ParquetFile(uri, read_dictionary=[column] if texts else None, pre_buffer=False) as reader:
        for batch in reader.iter_batches(_ROWS_AT_ONCE, columns=[column], use_threads=False):
            yield batch.column(0)
