"""Parquet files as streams: copying without some rows, merging sorted, in bounded memory.

What belongs here: file to file. What does not: which files exist and who sees them (`dataset.py`).
"""

from collections.abc import Collection, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

COMPACTED_ROW_GROUP = 20_000
# The process may hold three times as much while it sorts (DuckDB's own buffers and Arrow's copies are not in it).
MEMORY_LIMIT = "64MB"


def rewrite(source: str, target: Path, without_origins: Collection[str]) -> None:
    """Copy the Parquet file `source` to `target`, leaving out rows of these origins."""
    left_out = pa.array(without_origins, pa.string())
    with (
        pq.ParquetFile(source) as reader,
        pq.ParquetWriter(target, reader.schema_arrow, compression="zstd") as writer,
    ):
        for batch in reader.iter_batches(COMPACTED_ROW_GROUP):
            # Compared as text: Arrow looks for a text, but not for a dictionary's entry, in a set of values.
            origins = batch["origin"].cast(pa.string())
            known = pc.call_function("is_in", [origins], pc.SetLookupOptions(left_out))
            writer.write_batch(batch.filter(pc.call_function("invert", [known])))


def merge(sources: Sequence[str], target: Path, schema: pa.Schema, order_by: Sequence[str], scratch: Path) -> int:
    """Write all rows of `sources` to `target` in the columns and types of `schema`, sorted; return how many.

    What does not fit into MEMORY_LIMIT is spilled to the folder `scratch`, which is made and removed again.
    """
    import duckdb  # noqa: PLC0415 (30 MB in every process that writes, for the few that merge)

    columns = ", ".join(f'"{name}"' for name in schema.names)
    order = ", ".join(f'"{name}"' for name in order_by)
    query = f"SELECT {columns} FROM read_parquet($sources) ORDER BY {order}"  # noqa: S608 (names are the schema's)
    rows = 0
    with (
        duckdb.connect(config={"memory_limit": MEMORY_LIMIT, "temp_directory": str(scratch), "threads": 1}) as engine,
        pq.ParquetWriter(target, schema, compression="zstd") as writer,
    ):
        for batch in engine.sql(query, params={"sources": list(sources)}).to_arrow_reader(COMPACTED_ROW_GROUP):
            # DuckDB knows neither dictionaries nor our names of zones: the dataset's own types are put back.
            writer.write_batch(batch.cast(schema), row_group_size=COMPACTED_ROW_GROUP)
            rows += batch.num_rows
    return rows
