"""Rows of commits that are derived again: what the tables hold of them, and putting others in their place.

What belongs here: finding and replacing rows by the commit that brought them. What does not: what the new rows are
(`again.py`), and formats (`files.py`). Memory is bounded by the rows of the commits that are replaced at once.
"""

from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import sqlalchemy as sa

from logplatform.stores.dataset import VisibleFile
from logplatform.tickets.files import Rows, read_batches
from logplatform.tickets.tables import SCHEMAS, Growing, Tables
from logplatform.tickets.ticket import uuid_key

_COMMIT = "commit_id"


@dataclass(frozen=True, slots=True)
class Held:
    """What `tickets_with_assignment` holds of some commits: ids (16 bytes each), counts, and their clients."""

    ids: bytes
    counts: Counter[tuple[str, str]]
    clients: frozenset[str]


@dataclass(frozen=True, slots=True)
class Remaining(Rows):
    """Older files without the rows of the commits `without`, `removed` in number; then the fresh rows."""

    without: frozenset[int] = field(default_factory=frozenset)
    removed: int = 0

    @property
    def count(self) -> int:
        """How many rows are left, and come."""
        return sum(file.rows for file in self.older) - self.removed + (0 if self.fresh is None else self.fresh.num_rows)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """All rows, a bounded number at once."""
        for file in self.older:
            for batch in read_batches(file.uri, self.schema):
                yield batch.filter(~_brought_by(self.without))
        if self.fresh is not None:
            yield from self.fresh.to_batches()


def held(tables: Tables, commits: Collection[int]) -> Held:
    """Read what the tickets of commits are counted by."""
    ids: list[bytes] = []
    counts: Counter[tuple[str, str]] = Counter()
    clients: set[str] = set()
    for batch in rows_of(tables, "tickets_with_assignment", commits):
        ids += [key for text in batch["ticket_id"].to_pylist() if (key := uuid_key(text)) is not None]
        counts.update(zip(batch["request_type"].to_pylist(), batch["priority"].to_pylist(), strict=True))
        clients.update(batch["client_id"].to_pylist())
    return Held(b"".join(sorted(ids)), counts, frozenset(clients))


def rows_of(tables: Tables, table: Growing, commits: Collection[int]) -> Iterator[pa.RecordBatch]:
    """The rows of a table that some commits brought."""
    for file in tables.dataset(table).visible():
        if _may_hold(file, commits):
            for batch in read_batches(file.uri, SCHEMAS[table]):
                found = batch.filter(_brought_by(commits))
                if found.num_rows:
                    yield found


def replace_rows(
    connection: sa.Connection, tables: Tables, table: Growing, commits: Collection[int], fresh: pa.Table
) -> int:
    """Put `fresh` in the place of what commits brought to a table, in their transaction; return how many rows went."""
    dataset = tables.dataset(table)
    counted = {file: _count(file, table, commits) for file in dataset.visible() if _may_hold(file, commits)}
    touched = [file for file, count in counted.items() if count]
    removed = sum(counted.values())
    if removed or fresh.num_rows:
        rows = Remaining(SCHEMAS[table], touched, fresh, frozenset(commits), removed)
        dataset.swap(connection, touched, [tables.publish(dataset, rows)] if rows.count else [])
    return removed


def clients_elsewhere(tables: Tables, clients: Collection[str], commits: Collection[int]) -> set[str]:
    """Which of `clients` have tickets that other commits brought."""
    found: set[str] = set()
    others = pc.field("client_id").isin(sorted(clients)) & ~_brought_by(commits)
    for batch in all_rows(tables, "tickets_with_assignment"):
        found.update(batch.filter(others)["client_id"].to_pylist())
    return found


def all_rows(tables: Tables, table: Growing) -> Iterator[pa.RecordBatch]:
    """All rows of a table, a bounded number at once."""
    for file in tables.dataset(table).visible():
        yield from read_batches(file.uri, SCHEMAS[table])


def _count(file: VisibleFile, table: Growing, commits: Collection[int]) -> int:
    batches = read_batches(file.uri, SCHEMAS[table])
    return sum(batch.filter(_brought_by(commits)).num_rows for batch in batches)


def _brought_by(commits: Collection[int]) -> pc.Expression:
    return pc.field(_COMMIT).isin(sorted(commits))


def _may_hold(file: VisibleFile, commits: Collection[int]) -> bool:
    """Whether a file may hold rows of commits, by the least and the highest commit of each row group."""
    if not commits or not file.uri.endswith(".parquet"):
        return bool(commits)
    first, last = min(commits), max(commits)
    metadata = pq.read_metadata(file.uri)
    at = metadata.schema.names.index(_COMMIT)
    for group in range(metadata.num_row_groups):
        column = metadata.row_group(group).column(at).statistics
        if column is None or not column.has_min_max or (column.min <= last and column.max >= first):
            return True
    return False
