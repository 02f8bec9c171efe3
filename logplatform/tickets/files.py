"""A table's files: written from rows, or from rows and older files together, as Parquet or as JSON lines.

What belongs here: formats, and which files are written together. What does not: which files are visible
(`stores/dataset.py`), and what the rows mean.

JSON: one object a line, null columns kept, times in ISO 8601 UTC, bytes in base64 (as Spark reads and writes them).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from logplatform.stores.dataset import VisibleFile

Format = Literal["parquet", "json"]

SMALL_ROWS = 20_000
LEVEL_ROWS = (80_000, 320_000, 1_280_000)
LEVEL_FILES = 8
ROW_GROUP_ROWS = 131_072
ROW_GROUP_BYTES = 32 << 20
BATCH_ROWS = 20_000
# A refused message has up to `landing.max_line_bytes`, a ticket a few hundred.
BATCH_ROWS_REFUSED = 200
TIME_IN_JSON = "%Y-%m-%dT%H:%M:%S.%fZ"


@dataclass(frozen=True, slots=True)
class Rows:
    """What a file is made of: `older` files first, then `fresh` rows, which have the table's schema."""

    schema: pa.Schema
    older: Sequence[VisibleFile]
    fresh: pa.Table | None = None

    @property
    def count(self) -> int:
        """How many rows there are."""
        return sum(file.rows for file in self.older) + (0 if self.fresh is None else self.fresh.num_rows)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """All rows, a bounded number at once."""
        for file in self.older:
            yield from read_batches(file.uri, self.schema)
        if self.fresh is not None:
            yield from self.fresh.to_batches(max_chunksize=ROW_GROUP_ROWS)


def to_absorb(files: Sequence[VisibleFile], fresh_rows: int, format_: Format) -> list[VisibleFile]:
    """The files that are written again together with fresh rows, so that a small table is one file.

    These are the newest as long as all together stay below SMALL_ROWS, and every file of another format.
    """
    absorbed = [file for file in files if not file.key.endswith(f".{format_}")]
    rows = fresh_rows
    for file in reversed([file for file in files if file not in absorbed]):
        rows += file.rows
        if rows > SMALL_ROWS:
            break
        absorbed.append(file)
    return sorted(absorbed, key=lambda file: file.id)


def to_merge(files: Sequence[VisibleFile]) -> list[VisibleFile]:
    """Files of about one size that are too many: more than LEVEL_FILES of a level of LEVEL_ROWS; none is due: empty.

    Each row is written once a level, so merging costs a bounded share of the ingest, and the number of files grows
    with the logarithm of the rows until they reach the last level, past which they stay as they are.
    """
    for level, limit in enumerate(LEVEL_ROWS):
        least = LEVEL_ROWS[level - 1] if level else 0
        same = [file for file in files if least <= file.rows < limit]
        if len(same) > LEVEL_FILES:
            return same
    return []


def read_batches(uri: str, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
    """The rows of a file of either format, with the types of `schema`."""
    if uri.endswith(".parquet"):
        large = any(pa.types.is_binary(field.type) for field in schema)
        for batch in pq.ParquetFile(uri).iter_batches(BATCH_ROWS_REFUSED if large else BATCH_ROWS):
            yield batch.cast(schema)
        return
    columns = {field.name: _sql_type(field.type) for field in schema}
    back = ", ".join(
        f'from_base64("{field.name}") AS "{field.name}"' if pa.types.is_binary(field.type) else f'"{field.name}"'
        for field in schema
    )
    query = f"SELECT {back} FROM read_json($uri, format = 'newline_delimited', columns = $columns)"  # noqa: S608 (names are the schema's)
    with duckdb.connect(config={"threads": 1}) as engine:
        for batch in engine.sql(query, params={"uri": uri, "columns": columns}).to_arrow_reader(BATCH_ROWS):
            yield batch.cast(schema)


def write(path: Path, format_: Format, rows: Rows) -> None:
    """Write rows to `path`; a table without rows becomes a file without rows, which has the columns if it can."""
    if format_ == "parquet":
        _write_parquet(path, rows)
    elif rows.count:
        _write_json(path, rows)
    else:
        path.write_bytes(b"")


def _write_parquet(path: Path, rows: Rows) -> None:
    # A dictionary of values that never repeat is built in vain.
    words = [field.name for field in rows.schema if pa.types.is_string(field.type) and field.name not in _UNIQUE]
    with pq.ParquetWriter(path, rows.schema, compression="zstd", use_dictionary=words) as writer:
        pending: list[pa.RecordBatch] = []
        count = size = 0
        for batch in rows.batches():
            pending.append(batch)
            count, size = count + batch.num_rows, size + batch.nbytes
            if count >= ROW_GROUP_ROWS or size >= ROW_GROUP_BYTES:
                writer.write_table(pa.Table.from_batches(pending), row_group_size=ROW_GROUP_ROWS)
                pending.clear()
                count = size = 0
        if pending:
            writer.write_table(pa.Table.from_batches(pending), row_group_size=ROW_GROUP_ROWS)


_UNIQUE = {"ticket_id", "created_at_text"}


def _write_json(path: Path, rows: Rows) -> None:
    columns = ", ".join(_json_value(field) for field in rows.schema)
    reader = pa.RecordBatchReader.from_batches(rows.schema, rows.batches())
    with duckdb.connect(config={"threads": 1}) as engine:
        engine.register("rows", reader)
        engine.execute(f"COPY (SELECT {columns} FROM rows) TO '{_quoted(path)}' (FORMAT json)")  # noqa: S608 (names are the schema's, the path is quoted)


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


def _json_value(field: pa.Field) -> str:
    name = f'"{field.name}"'
    if pa.types.is_timestamp(field.type):
        return f"strftime({name} AT TIME ZONE 'UTC', '{TIME_IN_JSON}') AS {name}"
    if pa.types.is_binary(field.type):
        return f"base64({name}) AS {name}"
    return name


def _sql_type(type_: pa.DataType) -> str:
    if pa.types.is_list(type_):
        return f"{_sql_type(type_.value_type)}[]"
    if pa.types.is_timestamp(type_):
        return "TIMESTAMPTZ"
    return "BIGINT" if pa.types.is_integer(type_) else "VARCHAR"
