"""The tables that users read: their names and columns, and what a commit changes in them.

What belongs here: turning a commit's rows into a change of three datasets. What does not: the folders that users
read (`views.py`), and file formats (`files.py`).
"""

import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

import pyarrow as pa
import sqlalchemy as sa

from logplatform.landing.leases import Lease
from logplatform.stores.dataset import Dataset, VisibleFile
from logplatform.stores.dataset_writer import NewFile
from logplatform.stores.ticket_state import TicketState
from logplatform.tenancy import Tenancy
from logplatform.tickets.files import Format, Rows, to_absorb, to_merge, write
from logplatform.tickets.intake import Reject
from logplatform.tickets.transform import TICKETS, Fresh, Transformed

Growing = Literal["tickets_with_assignment", "high_priority_tickets", "rejected_tickets"]
Aggregate = Literal["metrics", "tickets_by_type", "tickets_by_priority"]
Table = Growing | Aggregate

GROWING: tuple[Growing, ...] = ("tickets_with_assignment", "high_priority_tickets", "rejected_tickets")
AGGREGATES: tuple[Aggregate, ...] = ("metrics", "tickets_by_type", "tickets_by_priority")
TABLES: tuple[Table, ...] = ("tickets_with_assignment", *AGGREGATES, "high_priority_tickets", "rejected_tickets")

REJECTS = pa.schema(
    [
        pa.field("topic", pa.string(), nullable=False),
        pa.field("partition", pa.int32(), nullable=False),
        pa.field("offset", pa.int64(), nullable=False),
        pa.field("raw", pa.binary(), nullable=False),
        pa.field("raw_text", pa.string()),
        pa.field("size", pa.int64(), nullable=False),
        pa.field("reasons", pa.list_(pa.string()), nullable=False),
        pa.field("commit_id", pa.int64(), nullable=False),
    ]
)
"""`raw_text` is null where the bytes are not UTF-8; `size` is the true size in bytes of a message that was cut."""

SCHEMAS: Mapping[Growing, pa.Schema] = {
    "tickets_with_assignment": TICKETS,
    "high_priority_tickets": TICKETS,
    "rejected_tickets": REJECTS,
}
# A commit takes seconds; the folders of old versions hold their files by links of their own.
SWEEP_AFTER = timedelta(hours=1)
# Rows are never derived again by parts of a table, so all of its files belong together.
_PARTITION = "all"


def reject_rows(topic: str, rejects: Iterable[Reject], commit_id: int) -> pa.Table:
    """Refused messages as rows of `rejected_tickets`."""
    rows = [
        {
            "topic": topic,
            "partition": reject.partition,
            "offset": reject.offset,
            "raw": reject.raw,
            "raw_text": text_of(reject.raw),
            "size": reject.size,
            "reasons": list(reject.reasons),
            "commit_id": commit_id,
        }
        for reject in rejects
    ]
    return pa.Table.from_pylist(rows, schema=REJECTS)


def text_of(raw: bytes) -> str | None:
    """The text in `raw`, None where it is not UTF-8."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return None


@dataclass(frozen=True, slots=True)
class Tables:
    """The growing tables of one tenant, each a dataset."""

    tenancy: Tenancy
    format: Format

    def dataset(self, table: Growing) -> Dataset:
        """The dataset behind a table."""
        return self.tenancy.dataset(table, SCHEMAS[table])

    def add(self, connection: sa.Connection, made: Transformed, rejects: pa.Table) -> None:
        """Publish a commit's rows and make them visible in its transaction."""
        fresh: Mapping[Growing, Fresh] = {
            "tickets_with_assignment": made.tickets,
            "high_priority_tickets": made.high_priority,
            "rejected_tickets": rejects,
        }
        for table, rows in fresh.items():
            dataset = self.dataset(table)
            files = dataset.visible()
            absorbed = to_absorb(files, rows.num_rows, self.format)
            if rows.num_rows or any(not file.key.endswith(f".{self.format}") for file in absorbed):
                dataset.swap(connection, absorbed, self._files(dataset, SCHEMAS[table], absorbed, rows))

    def _files(
        self, dataset: Dataset, schema: pa.Schema, absorbed: Sequence[VisibleFile], rows: Fresh
    ) -> list[NewFile]:
        if isinstance(rows, pa.Table):
            return [self.publish(dataset, Rows(schema, absorbed, rows))]
        older = [self.publish(dataset, Rows(schema, absorbed))] if absorbed else []
        written = rows.publish(f"{dataset.prefix}/{_PARTITION}", self.format)
        return [*older, *(NewFile(_PARTITION, it.key, it.rows, it.bytes, {_PARTITION: it.rows}) for it in written)]

    def tidy(self, lease: Lease, state: TicketState) -> bool:
        """Merge files that are too many, and write files of another format again; tells whether anything was done.

        Each table is swapped in a transaction of its own, refused if `lease` was lost: no row comes or goes.
        """
        done = False
        for table in GROWING:
            dataset = self.dataset(table)
            files = dataset.visible()
            foreign = [file for file in files if not file.key.endswith(f".{self.format}")]
            if old := foreign or to_merge(files):
                merged = self.publish(dataset, Rows(SCHEMAS[table], old))
                with self.tenancy.ledger.transaction(lease) as connection:
                    dataset.swap(connection, old, [merged])
                    state.bump_version(connection)
                done = True
        return done

    def sweep(self) -> int:
        """Remove files that were written again, or never made visible, long enough ago; return how many."""
        return sum(self.dataset(table).sweep(SWEEP_AFTER) for table in GROWING)

    def publish(self, dataset: Dataset, rows: Rows) -> NewFile:
        """Write rows to a new file of a table; nobody sees it before it is swapped in."""
        key = f"{dataset.prefix}/{_PARTITION}/{uuid.uuid4().hex}.{self.format}"
        with self.tenancy.files.part() as part:
            write(part.path, self.format, rows)
            return NewFile(_PARTITION, key, rows.count, part.publish(key), {_PARTITION: rows.count})
