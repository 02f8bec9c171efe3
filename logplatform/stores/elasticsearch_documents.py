"""Documents of Elasticsearch: from Arrow batches to the lines of a bulk request, and from an answer back to rows.

What belongs here: the form of a document there. What does not: sending (`elasticsearch_bulk`), and which field holds
what (`elasticsearch_template`).

The lines are made by DuckDB, by column and outside of Python's lock: 180,000 documents a second on one core, where
rows as dictionaries and msgspec make 73,000.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import duckdb
import msgspec
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from logplatform.stores.elasticsearch_template import LONGEST, LOWER, OVERLAP, WHEN
from logplatform.stores.log_query import TEXT_BOOSTS
from logplatform.stores.log_schema import DOCUMENTS, GEO_FLOATS, GEO_TEXTS

# Code points of a piece: each is at most two of the units that Elasticsearch counts.
_PIECE = LONGEST // 2
_GEO = {"country_name", "country_code", "city_name", "geo_accuracy", "latitude", "longitude"}
_MOMENT = "strftime({}, '%Y-%m-%dT%H:%M:%S.%fZ')"


@dataclass(frozen=True, slots=True)
class Lines:
    """Bulk lines of some documents, two a document, one after the other; `begins[i]` is where the i-th begins, with the
    end of the last one behind. `ids` are the documents' own, and `data` stays valid as long as `held`."""

    data: memoryview
    begins: npt.NDArray[np.int64]
    ids: list[str]
    held: object

    def part(self, first: int, last: int) -> bytes:
        """The lines of the documents from `first` to `last`, which is not among them."""
        return bytes(self.data[int(self.begins[first]) : int(self.begins[last])])


class LineMaker:
    """Makes the lines of a writer; not for several threads."""

    def __init__(self) -> None:
        self._engine = duckdb.connect(config={"threads": 1})

    def close(self) -> None:
        """Give its memory back."""
        self._engine.close()

    def lines(self, batch: pa.RecordBatch, index: str, origin: str, generation: int, suffix: str) -> Lines:
        """The lines that put a batch into an index; each document's `_id` is its id and `suffix`.

        Documents that are there already are refused by the server where there is no suffix, else replaced.
        """
        # One concat of all: a chain of || would copy a line once more with each of its parts.
        body = ", ".join(_fragments(batch, generation))
        action = "index" if suffix else "create"
        begin = f'{{"{action}":{{"_index":"{index}","_id":"'
        table = pa.Table.from_batches([_with_pieces(batch)])
        self._engine.register("batch", table)
        query = (
            f"SELECT concat($begin, id, $suffix, '\"}}}}' || chr(10) || '{{', {body}, '}}' || chr(10)) AS line "  # noqa: S608 (names of the schema)
            "FROM batch"
        )
        values = {"begin": begin, "suffix": suffix, "origin": msgspec.json.encode(origin).decode()}
        found = self._engine.sql(query, params=values).to_arrow_table()
        self._engine.unregister("batch")
        # Offsets of 64 bits: a batch may hold more than two gigabytes.
        column = found["line"].cast(pa.large_string()).combine_chunks()
        line = column.chunk(0) if isinstance(column, pa.ChunkedArray) else column
        buffers = line.buffers()
        begins = np.frombuffer(buffers[1], np.int64)[line.offset : line.offset + len(line) + 1]
        return Lines(memoryview(buffers[2]), begins, batch["id"].to_pylist(), line)


def _fragments(batch: pa.RecordBatch, generation: int) -> Iterator[str]:
    """SQL of each part of a document, null where it is left out; all but the first begin with a comma."""
    yield f"""'"@timestamp":"' || {_MOMENT.format("timestamp")} || '","{WHEN}":' || epoch_us(timestamp)::VARCHAR"""
    yield f"""',"origin":' || $origin || ',"generation":{generation}'"""
    given = {name for name in batch.schema.names if batch.column(name).null_count < batch.num_rows}
    for name in batch.schema.names:
        if name in given and name not in {"timestamp", "origin", *_GEO}:
            yield f"""',"{name}":' || {_value(name, batch.schema.field(name).type)}"""
    if given & {"country_code", "latitude"}:
        yield f"CASE WHEN country_code IS NOT NULL OR latitude IS NOT NULL THEN {_geoip()} END"
    if long := _long(batch):
        pieces = (f"""coalesce('"{name}":' || to_json("{_pieces(name)}")::VARCHAR || ',', '')""" for name in long)
        # The last comma has to be followed by something.
        yield f"""',"{LOWER}":{{' || {" || ".join(pieces)} || '"level":null}}'"""
    # What a reader will have to hold, so that he may ask for fewer.
    texts = [name for name in given if pa.types.is_string(batch.schema.field(name).type)]
    sizes = " + ".join(f'coalesce(strlen("{name}"), 0)' for name in texts)
    yield f"""',"bytes":' || ({sizes})::VARCHAR"""


def _value(name: str, kind: pa.DataType) -> str:
    if pa.types.is_timestamp(kind):
        return f"""'"' || {_MOMENT.format(f'"{name}"')} || '"'"""
    if pa.types.is_string(kind) or pa.types.is_list(kind):
        return f'to_json("{name}")::VARCHAR'
    return f'"{name}"::VARCHAR'


def _geoip() -> str:
    texts = (
        f"""'"{name.removeprefix("geo_")}":' || coalesce(to_json("{name}")::VARCHAR, 'null') || ','"""
        for name in GEO_TEXTS
    )
    point = (
        """'"latitude":' || latitude::VARCHAR || ',"longitude":' || longitude::VARCHAR || """
        """',"location":{"lat":' || latitude::VARCHAR || ',"lon":' || longitude::VARCHAR || '}'"""
    )
    point = f"""CASE WHEN latitude IS NULL THEN '"location":null' ELSE {point} END"""
    return f"""concat(',"geoip":{{', {", ".join(texts)}, {point}, '}}')"""


def _long(batch: pa.RecordBatch) -> list[str]:
    """The fields that hold texts which are too long for one term, in this batch."""
    found = []
    for name in TEXT_BOOSTS:
        column = batch.column(name)
        # The bytes of all are a bound of those of each, and nearly always enough to know.
        if column.nbytes > LONGEST and _sizes(column).max() > LONGEST:
            found.append(name)
    return found


def _sizes(column: pa.Array) -> npt.NDArray[np.int32]:
    offsets = np.frombuffer(column.buffers()[1], np.int32)[column.offset : column.offset + len(column) + 1]
    return np.diff(offsets)


def _pieces(name: str) -> str:
    return f"{name} in pieces"


def _with_pieces(batch: pa.RecordBatch) -> pa.RecordBatch:
    for name in _long(batch):
        texts = batch.column(name).to_pylist()
        cut = [_cut(text) if text is not None and len(text.encode()) > LONGEST else None for text in texts]
        batch = batch.append_column(_pieces(name), pa.array(cut, pa.list_(pa.string())))
    return batch


def _cut(text: str) -> list[str]:
    step = _PIECE - OVERLAP
    return [text[begin : begin + _PIECE] for begin in range(0, max(1, len(text) - OVERLAP), step)]


def row_of(found: Mapping[str, Any]) -> dict[str, Any]:
    """A document as the server keeps it, as a row of DOCUMENTS."""
    place = found.get("geoip") or {}
    row = {name: found.get(name) for name in DOCUMENTS.names}
    row |= {name: place.get(name.removeprefix("geo_")) for name in (*GEO_TEXTS, *GEO_FLOATS)}
    row["timestamp"] = datetime.fromisoformat(found["@timestamp"])
    if row["processed_at"] is not None:
        row["processed_at"] = datetime.fromisoformat(row["processed_at"])
    return row
