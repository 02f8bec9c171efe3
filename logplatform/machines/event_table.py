"""`machine_events` as a table: parsed blocks to rows, and rows back to a day.

What belongs here: the dataset's columns and both ways. What does not: which rows a day has (`events`).
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from logplatform.machines.day import DayBuilder, DayEvents, telling
from logplatform.machines.parse import KIND_NAMES, OTHER, PIECE, UNKNOWN, WAIT, EventBlock, Ints

DATASET: Final = "machine_events"

SCHEMA: Final = pa.schema(
    [
        pa.field("origin", pa.string()),
        pa.field("tenant", pa.string()),
        pa.field("centre", pa.string()),
        pa.field("production_day", pa.date32()),
        pa.field("timestamp", pa.timestamp("ms", tz="UTC")),
        pa.field("local_time", pa.timestamp("ms")),
        pa.field("fold", pa.bool_()),
        pa.field("event", pa.string()),
        pa.field("numero_piece", pa.int64()),
        pa.field("wait_ms", pa.int64()),
        pa.field("details", pa.string()),
        pa.field("version", pa.int32()),
        pa.field("line", pa.int64()),
    ]
)
"""`timestamp` is UTC, `local_time` what the machine wrote; `fold` marks the second of two equal local times.
`version` and `line` (from 1) tell where a row stands: in which of the files that make up the day, and where there."""

ORDER: Final = ("origin", "version", "line")
"""The order of rows in a file, which a merge of files must keep."""

_NAMES = pa.array(KIND_NAMES[1:], pa.string())
_READ = ("local_time", "timestamp", "event", "numero_piece", "wait_ms", "details", "version", "line")


@dataclass(frozen=True, slots=True)
class RowOrigin:
    """What all rows of one version of a day have in common."""

    tenant: str
    centre: str
    day: dt.date
    version: int


def to_batch(
    block: EventBlock, rows: npt.NDArray[np.intp], utc: Ints, fold: npt.NDArray[np.bool_], origin: RowOrigin
) -> pa.RecordBatch:
    """Some rows of a block as a batch with the columns of `SCHEMA` less `origin`; `utc` and `fold` are theirs."""
    count = len(rows)
    kind, value = block.kind[rows], block.value[rows]
    columns: dict[str, pa.Array[Any]] = {
        "tenant": _constant(origin.tenant, pa.string(), count),
        "centre": _constant(origin.centre, pa.string(), count),
        "production_day": _constant(origin.day, pa.date32(), count),
        "timestamp": pa.array(utc).cast(pa.timestamp("ms", tz="UTC")),
        "local_time": pa.array(block.time[rows]).cast(pa.timestamp("ms")),
        "fold": pa.array(fold),
        "event": _event_names(block, rows, kind),
        "numero_piece": pa.array(value, mask=(kind != PIECE) | (value == UNKNOWN)),
        "wait_ms": pa.array(value, mask=(kind != WAIT) | (value == UNKNOWN)),
        "details": _details(block, rows),
        "version": _constant(origin.version, pa.int32(), count),
        "line": pa.array(block.line[rows]),
    }
    return pa.RecordBatch.from_pydict(columns)


def _constant(value: object, kind: pa.DataType, count: int) -> "pa.Array[Any]":
    return pa.repeat(pa.scalar(value, kind), count)


def _event_names(block: EventBlock, rows: npt.NDArray[np.intp], kind: npt.NDArray[np.uint8]) -> "pa.Array[Any]":
    names = pa.DictionaryArray.from_arrays(
        pa.array(np.where(kind == OTHER, 0, kind - 1).astype(np.int32), mask=kind == OTHER), _NAMES
    ).cast(pa.string())
    others = np.flatnonzero(kind == OTHER)
    if not len(others):
        return names
    told = pa.array([block.names[int(rows[place])] for place in others.tolist()], pa.string())
    return pc.call_function("replace_with_mask", [names, pa.array(kind == OTHER), told])


def _details(block: EventBlock, rows: npt.NDArray[np.intp]) -> "pa.Array[Any]":
    """The details as text, null where there are none; gathered byte by byte by numpy, decoded where not ASCII."""
    begin, end = block.begin[rows], block.end[rows]
    data = np.frombuffer(block.source.data, np.uint8)
    lengths = end - begin
    offsets = np.concatenate((np.zeros(1, np.int64), np.cumsum(lengths)))
    index = np.arange(offsets[-1]) + np.repeat(begin - offsets[:-1], lengths)
    gathered = data[index]
    high = np.concatenate((np.zeros(1, np.int64), np.cumsum(gathered >= 0x80)))
    foreign = high[offsets[1:]] > high[offsets[:-1]]
    empty = pa.array(lengths == 0)
    safe = np.where(gathered >= 0x80, ord("?"), gathered).astype(np.uint8)
    buffers = [None, pa.py_buffer(offsets.tobytes()), pa.py_buffer(safe.tobytes())]
    texts = pa.Array.from_buffers(pa.large_string(), len(rows), buffers).cast(pa.string())
    if foreign.any():
        told = pa.array([block.details(int(row)) for row in rows[foreign].tolist()], pa.string())
        texts = pc.call_function("replace_with_mask", [texts, pa.array(foreign), told])
    return pc.call_function("if_else", [empty, pa.scalar(None, pa.string()), texts])


def read_columns() -> list[str]:
    """The columns that `to_day` needs."""
    return list(_READ)


def to_day(batches: Iterable[pa.RecordBatch]) -> DayEvents:
    """The day that the rows of one origin make, in the order of `ORDER`.

    Raises `PermanentFailure` past the limit of `DayBuilder`.
    """
    builder = DayBuilder()
    current: int | None = None
    for batch in batches:
        versions = batch["version"].to_numpy()
        borders = [0, *(np.flatnonzero(versions[1:] != versions[:-1]) + 1).tolist(), batch.num_rows]
        for first, last in pairwise(borders):
            if first == last:
                continue
            if current != int(versions[first]):
                builder.restart_clock()
                current = int(versions[first])
            _extend(builder, batch.slice(first, last - first))
    return builder.build()


def _extend(builder: DayBuilder, batch: pa.RecordBatch) -> None:
    place = pc.call_function("index_in", [batch["event"]], pc.SetLookupOptions(_NAMES)).fill_null(-1).to_numpy()
    kind = (place + 1).astype(np.uint8)
    value = pc.call_function("coalesce", [batch["numero_piece"], batch["wait_ms"]]).fill_null(UNKNOWN).to_numpy()
    length = pc.call_function("binary_length", [batch["details"]]).fill_null(0).to_numpy().astype(np.int64)
    told = np.flatnonzero(telling(kind, value, length))
    # A text that comes again, as those of jobs and stops do, is one text in memory.
    coded = batch["details"].take(pa.array(told)).dictionary_encode()
    words = coded.dictionary.to_pylist()
    texts = [words[code] for code in coded.indices.to_pylist()]
    local, clock = (batch[name].cast(pa.int64()).to_numpy() for name in ("local_time", "timestamp"))
    builder.extend(local, kind, value, dict(zip(told.tolist(), texts, strict=True)), clock)


def release_memory() -> None:
    """Give back what Arrow has freed but keeps for itself, which may be twice what it ever used at once."""
    pa.default_memory_pool().release_unused()
