"""Writing a dataset's files: one Parquet file a partition, several origins in it, bounded memory.

What belongs here: batching rows into files. What does not: which of them are visible (`dataset.py`).
"""

import uuid
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.parquet as pq

from logplatform.stores.files import Files, Part

ROW_GROUP_ROWS = 65_536
PENDING_BYTES = 16 << 20
OPEN_FILES = 64
COMPRESSION = "zstd"


@dataclass(frozen=True, slots=True)
class NewFile:
    """A published file that no reader sees yet; `origins` tells the rows of each origin in it."""

    partition: str
    key: str
    rows: int
    bytes: int
    origins: Mapping[str, int]


@dataclass(slots=True)
class _Open:
    partition: str
    part: Part
    writer: pq.ParquetWriter
    context: ExitStack
    pending: list[pa.RecordBatch] = field(default_factory=list)
    pending_rows: int = 0
    pending_bytes: int = 0
    rows: int = 0
    origins: Counter[str] = field(default_factory=Counter)


class DatasetWriter:
    """Takes record batches of any size; rows of a partition are gathered into row groups of ROW_GROUP_ROWS.

    At most PENDING_BYTES wait in memory, over all partitions: beyond, the partition that holds most of them gets its
    row group early. At most OPEN_FILES files are open: beyond, the one that was opened first is finished, and its
    partition gets a second file if more rows come.
    """

    def __init__(self, files: Files, prefix: str, schema: pa.Schema) -> None:
        self._files = files
        self._prefix = prefix
        self._schema = schema
        self._open: dict[str, _Open] = {}
        self._finished: list[NewFile] = []

    def write(self, partition: str, origin: str, batch: pa.RecordBatch) -> None:
        """Add rows of `origin` to `partition`; the batch has the dataset's columns, `origin` left out or not."""
        if not batch.num_rows:
            return
        file = self._open.get(partition) or self._begin(partition)
        if "origin" not in batch.schema.names:
            column = pa.repeat(pa.scalar(origin, self._schema.field("origin").type), batch.num_rows)
            batch = batch.append_column("origin", column)
        batch = _alone(batch.select(self._schema.names).cast(self._schema))
        file.pending.append(batch)
        file.pending_rows += batch.num_rows
        file.pending_bytes += batch.nbytes
        file.origins[origin] += batch.num_rows
        if file.pending_rows >= ROW_GROUP_ROWS:
            _flush(file)
        self._bound()

    def finish(self) -> list[NewFile]:
        """Publish every file and return them; the writer is empty then."""
        for partition in list(self._open):
            self._finish(partition)
        finished, self._finished = self._finished, []
        return finished

    def discard(self) -> None:
        """Drop what was not finished."""
        while self._open:
            _, file = self._open.popitem()
            _drop(file)

    def _begin(self, partition: str) -> _Open:
        if len(self._open) >= OPEN_FILES:
            self._finish(next(iter(self._open)))
        with ExitStack() as context:
            part = context.enter_context(self._files.part())
            writer = pq.ParquetWriter(part.path, self._schema, compression=COMPRESSION)
            file = self._open[partition] = _Open(partition, part, writer, context.pop_all())
        return file

    def _bound(self) -> None:
        while sum(file.pending_bytes for file in self._open.values()) > PENDING_BYTES:
            _flush(max(self._open.values(), key=lambda file: file.pending_bytes))

    def _finish(self, partition: str) -> None:
        file = self._open[partition]
        _flush(file)
        file.writer.close()
        key = f"{self._prefix}/{partition}/{uuid.uuid4().hex}.parquet"
        size = file.part.publish(key)
        self._finished.append(NewFile(partition, key, file.rows, size, dict(file.origins)))
        del self._open[partition]
        file.context.close()


def _alone(batch: pa.RecordBatch) -> pa.RecordBatch:
    """A batch that keeps no more bytes alive than its own: a slice keeps all that it was cut from."""
    if batch.get_total_buffer_size() <= 2 * batch.nbytes:
        return batch
    # A fifth of what it costs to take the rows one by one.
    return pa.concat_batches([batch])


def _flush(file: _Open) -> None:
    if not file.pending:
        return
    table = pa.Table.from_batches(file.pending)
    file.writer.write_table(table, row_group_size=ROW_GROUP_ROWS)
    file.rows += table.num_rows
    file.pending, file.pending_rows, file.pending_bytes = [], 0, 0


def _drop(file: _Open) -> None:
    # Closing writes a footer, which fails where writing did (a full disk); the file goes anyway.
    with suppress(OSError):
        file.writer.close()
    file.context.close()
