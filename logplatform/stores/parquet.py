"""Parquet files as streams: copying without some rows, merging sorted, in bounded memory.

What belongs here: file to file. What does not: which files exist and who sees them (`dataset.py`).
"""

from collections.abc import Collection, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as pads
import pyarrow.parquet as pq

COMPACTED_ROW_GROUP = 20_000
MEMORY_LIMIT = "256MB"


def rewrite(source: str, target: Path, without_origins: Collection[str]) -> None:
    """Copy the Parquet file `source` to `target`, leaving out rows of these origins."""
    dataset = pads.dataset(source, format="parquet")
    keep = ~pc.field("origin").isin(pa.array(without_origins, dataset.schema.field("origin").type))
    with pq.ParquetWriter(target, dataset.schema, compression="zstd") as writer:
        for batch in dataset.scanner(filter=keep, batch_size=COMPACTED_ROW_GROUP).to_batches():
            writer.write_batch(batch)


def merge(sources: Sequence[str], target: Path, order_by: Sequence[str], scratch: Path) -> None:
    """Write all rows of `sources` to `target`, sorted; what does not fit into MEMORY_LIMIT is spilled to `scratch`."""
    columns = ", ".join(f'"{name}"' for name in order_by)
    with duckdb.connect(config={"memory_limit": MEMORY_LIMIT, "temp_directory": str(scratch), "threads": 1}) as engine:
        engine.execute(
            f"COPY (SELECT * FROM read_parquet($sources) ORDER BY {columns}) TO '{_quoted(target)}' "  # noqa: S608 (names are ours)
            f"(FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {COMPACTED_ROW_GROUP})",
            {"sources": list(sources)},
        )


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
