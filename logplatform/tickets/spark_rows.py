"""What Spark's workers do with messages: judge them by the rules of every engine, and write the tables' files.

What belongs here: functions over Arrow batches that run on workers, and the columns they give. What does not: the plan
of a commit (`spark_engine.py`), and reading Kafka (`spark_messages.py`). Nothing here imports Spark: a worker needs
logplatform and its dependencies.
"""

import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from logplatform.landing.redaction import Redactor
from logplatform.stores.files import Files
from logplatform.stores.lines import KEPT_BYTES
from logplatform.stores.ticket_log import Block, TicketLog
from logplatform.tickets.files import Format, Rows, write
from logplatform.tickets.judge import ROWS, Judged, judge
from logplatform.tickets.transform import TICKETS

Batches = Iterable[pa.RecordBatch]
Piece = tuple[int, int, int]
"""A partition, the first offset, the offset after the last."""

MESSAGES = pa.schema(
    [
        pa.field("partition", pa.int32()),
        pa.field("offset", pa.int64()),
        pa.field("value", pa.binary()),
        pa.field("size", pa.int64()),
    ]
)
"""Columns of messages that Spark has read; `value` is cut where `size`, its true size, is over the limit."""

_PLACE = [pa.field("taken", pa.int64()), pa.field("size", pa.int64()), pa.field("record", pa.binary())]
_REFUSED = [pa.field("raw", pa.binary()), pa.field("reasons", pa.list_(pa.string()))]
JUDGED = pa.schema([*_PLACE, *(field.with_nullable(True) for field in ROWS), *_REFUSED])
"""One row a message: `taken` bytes, its true `size`; then a ticket's record and fields, or `raw` and `reasons`."""
JUDGED_DDL = (
    "taken bigint, size bigint, record binary, ticket_id string, client_id string, created_at timestamp, "
    "created_at_text string, request string, request_type string, priority string, partition int, offset bigint, "
    "raw binary, reasons array<string>"
)
WRITTEN_DDL = "key string, rows bigint, bytes bigint"


@dataclass(frozen=True, slots=True)
class Judging:
    """How messages are judged: a longer one than `max_line_bytes` is refused, and what is kept is redacted."""

    max_line_bytes: int
    redactor: Redactor

    def pieces(self, log: TicketLog, pieces: Sequence[Piece], batches: Batches) -> Iterator[pa.RecordBatch]:
        """Read and judge pieces of a log; `batches` (column `id`) tell which."""
        for batch in batches:
            for number in batch["id"].to_pylist():
                for block in log.read(*pieces[number], self.max_line_bytes):
                    yield from self.block(block)

    def messages(self, batches: Batches) -> Iterator[pa.RecordBatch]:
        """Judge messages (columns MESSAGES)."""
        for batch in batches:
            partitions = batch["partition"].to_numpy()
            for partition in np.unique(partitions):
                yield from self.block(self._block(int(partition), batch.filter(pa.array(partitions == partition))))

    def _block(self, partition: int, batch: pa.RecordBatch) -> Block:
        offsets, values = batch["offset"].to_pylist(), batch["value"].to_pylist()
        sizes = zip(offsets, batch["size"].to_pylist(), strict=True)
        long = {offset: size for offset, size in sizes if size > self.max_line_bytes}
        return Block(partition, offsets, values, offsets[-1] + 1, long)

    def block(self, block: Block) -> Iterator[pa.RecordBatch]:
        """The rows (columns JUDGED) of a block: those of tickets, then those of refused messages."""
        if not block.values:
            return
        judged = judge(block, self.max_line_bytes)
        if judged.rows.num_rows:
            yield _accepted(block, judged)
        if judged.refused:
            yield self._refused(block, judged)

    def _refused(self, block: Block, judged: Judged) -> pa.RecordBatch:
        places = list(judged.refused)
        raw, offsets = [block.values[at] for at in places], [block.offsets[at] for at in places]
        sizes = [block.long.get(offset, len(value)) for offset, value in zip(offsets, raw, strict=True)]
        columns = {
            "taken": [len(value) for value in raw],
            "size": sizes,
            "partition": [block.partition] * len(places),
            "offset": offsets,
            "raw": [self.redactor.raw(value) for value in raw],
            "reasons": [list(reasons) for reasons in judged.refused.values()],
        }
        return pa.RecordBatch.from_arrays(
            [pa.array(columns.get(field.name, [None] * len(places)), field.type) for field in JUDGED], schema=JUDGED
        )


def _accepted(block: Block, judged: Judged) -> pa.RecordBatch:
    rows = judged.rows
    sizes = np.fromiter(map(len, block.values), np.int64, len(block.values))
    if rows.num_rows < len(sizes):
        sizes = sizes[np.searchsorted(np.asarray(block.offsets), rows["offset"].to_numpy())]
    width = judged.records.shape[1]
    starts = np.arange(0, (rows.num_rows + 1) * width, width, dtype=np.int32)
    buffers = [None, pa.py_buffer(starts), pa.py_buffer(np.ascontiguousarray(judged.records))]
    records = pa.Array.from_buffers(pa.binary(), rows.num_rows, buffers)
    empty = [pa.nulls(rows.num_rows, field.type) for field in _REFUSED]
    return pa.RecordBatch.from_arrays([pa.array(sizes), pa.array(sizes), records, *rows.columns, *empty], schema=JUDGED)


def cut_value(limit: int) -> str:
    """SQL that gives a message's value as `Block` has it: cut where it is over the limit, empty for none."""
    return f"coalesce(if(length(value) > {limit}, substring(value, 1, {KEPT_BYTES}), value), X'')"


@dataclass(frozen=True, slots=True)
class _Arriving(Rows):
    """Rows that come one batch after the other; `counted` grows as they do. There is one at least."""

    arriving: Batches = ()
    counted: "list[int] | None" = None

    @property
    def count(self) -> int:
        return 1

    def batches(self) -> Iterator[pa.RecordBatch]:
        for batch in self.arriving:
            if self.counted is not None:
                self.counted.append(batch.num_rows)
            yield batch.cast(TICKETS)


def write_rows(opened: Callable[[], Files], folder: str, format_: Format, batches: Batches) -> Iterator[pa.RecordBatch]:
    """Write rows (columns TICKETS) to one file below `folder`, if there are any; tells its key, rows and bytes.

    The file's name is new, so that a task that is tried again, or twice at once, writes another; nobody sees a file
    before a commit names it.
    """
    arriving = iter(batches)
    first = next((batch for batch in arriving if batch.num_rows), None)
    if first is None:
        return
    key, counted = f"{folder}/{uuid.uuid4().hex}.{format_}", list[int]()

    def all_batches() -> Iterator[pa.RecordBatch]:
        yield first
        yield from arriving

    with opened().part() as part:
        write(part.path, format_, _Arriving(TICKETS, [], None, all_batches(), counted))
        size = part.publish(key)
    yield pa.RecordBatch.from_pydict({"key": [key], "rows": [sum(counted)], "bytes": [size]})
