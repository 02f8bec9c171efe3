"""The messages of a block judged together: rows of valid tickets, and the reasons against the others.

What belongs here: which way a message is judged. Most are plain, and a column of them is looked at at once
(`columns.py`); whatever is odd there is judged alone (`validate.py`), which has the last word. What does not:
duplicates, and what is kept of a refused message (`intake.py`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import blake2b

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from logplatform.stores.ticket_ids import ID_BYTES, RECORD_BYTES
from logplatform.stores.ticket_log import Block
from logplatform.tickets.columns import are_clients, instants, uuid_keys
from logplatform.tickets.ticket import Ticket, too_long
from logplatform.tickets.validate import UNDECODABLE, Reasons, Wire, decode, is_utf8, parse_ticket

UTC_TIME = pa.timestamp("us", "UTC")
ROWS = pa.schema(
    [
        pa.field("ticket_id", pa.string(), nullable=False),
        pa.field("client_id", pa.string(), nullable=False),
        pa.field("created_at", UTC_TIME, nullable=False),
        pa.field("created_at_text", pa.string(), nullable=False),
        pa.field("request", pa.string(), nullable=False),
        pa.field("request_type", pa.string(), nullable=False),
        pa.field("priority", pa.string(), nullable=False),
        pa.field("partition", pa.int32(), nullable=False),
        pa.field("offset", pa.int64(), nullable=False),
    ]
)
"""Columns of valid tickets; `ticket_id` is in lower case, `created_at_text` as it came."""

Records = npt.NDArray[np.uint8]
"""Shape (n, RECORD_BYTES): ids with the digests of their tickets' contents."""


@dataclass(frozen=True, slots=True)
class Judged:
    """`rows` (columns `ROWS`) with their `records`, in the order of the messages; `refused` by place in the block."""

    rows: pa.RecordBatch
    records: Records
    refused: dict[int, Reasons]


def judge(block: Block, max_line_bytes: int) -> Judged:
    """Judge every message of a block."""
    wires, places, odd = _decoded(block.values)
    columns = _Columns.of(wires)
    holds = columns.holds
    # The decoder skips fields it does not know without looking at their bytes.
    if not all(map(bytes.isascii, block.values)):
        right = (block.values[at].isascii() or is_utf8(block.values[at]) for at in places.tolist())
        holds &= np.fromiter(right, np.bool_, len(places))
    if block.long:
        holds &= ~np.isin(np.asarray(block.offsets)[places], list(block.long))
    refused: dict[int, Reasons] = {}
    rows = {int(places[row]): row for row in np.flatnonzero(~holds)}
    for at in sorted([*odd, *rows]):
        parsed = _alone(block, at, max_line_bytes)
        if not isinstance(parsed, Ticket):
            refused[at] = parsed
        else:
            columns.set(rows[at], parsed)
            holds[rows[at]] = True
    offsets = np.asarray(block.offsets, np.int64)[places]
    batch, records = columns.rows(block.partition, offsets)
    if holds.all():
        return Judged(batch, records, refused)
    return Judged(batch.filter(pa.array(holds)), records[holds], refused)


def _decoded(values: Sequence[bytes]) -> tuple[list[Wire], npt.NDArray[np.int64], list[int]]:
    """Messages that have the form of a ticket, their places, and the places of the others."""
    wires: list[Wire] = []
    odd: list[int] = []
    for place, raw in enumerate(values):
        try:
            wires.append(decode(raw))
        except UNDECODABLE:
            odd.append(place)
    return wires, np.delete(np.arange(len(values)), odd), odd


def _alone(block: Block, at: int, max_line_bytes: int) -> Ticket | Reasons:
    if block.offsets[at] in block.long:
        return (too_long(max_line_bytes),)
    return parse_ticket(block.values[at])


@dataclass(slots=True)
class _Columns:
    """Decoded messages as columns, and which of them `holds` as they stand."""

    wires: Sequence[Wire]
    ids: pa.StringArray
    clients: pa.StringArray
    times: pa.StringArray
    keys: npt.NDArray[np.uint8]
    created: npt.NDArray[np.int64]
    holds: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, wires: Sequence[Wire]) -> "_Columns":
        ids = pa.array([wire.ticket_id for wire in wires], pa.string())
        clients = pa.array([wire.client_id for wire in wires], pa.string())
        times = pa.array([wire.created_at for wire in wires], pa.string())
        keys, are_ids = uuid_keys(ids)
        created, are_times = instants(times)
        return cls(wires, ids, clients, times, keys, created, are_ids & are_clients(clients) & are_times)

    def set(self, row: int, ticket: Ticket) -> None:
        """Take what was found by judging a row alone."""
        self.keys[row] = np.frombuffer(ticket.key, np.uint8)
        self.created[row] = ticket.created_us

    def rows(self, partition: int, offsets: npt.NDArray[np.int64]) -> tuple[pa.RecordBatch, Records]:
        """All rows, those that do not hold among them, and their records."""
        wires = self.wires
        columns = [
            pc.call_function("ascii_lower", [self.ids]),
            self.clients,
            pa.array(self.created).view(UTC_TIME),
            self.times,
            pa.array([wire.request for wire in wires], pa.string()),
            pa.array([wire.request_type for wire in wires], pa.string()),
            pa.array([wire.priority for wire in wires], pa.string()),
            pa.repeat(pa.scalar(partition, pa.int32()), len(wires)),
            pa.array(offsets),
        ]
        digests = np.frombuffer(self._digests(), np.uint8).reshape(-1, RECORD_BYTES - ID_BYTES)
        return pa.RecordBatch.from_arrays(columns, schema=ROWS), np.hstack([self.keys, digests])

    def _digests(self) -> bytes:
        """8 bytes for each row that are equal for tickets of equal content: the same instant in another zone is equal.

        BLAKE2b (RFC 7693) of the fields with a blank between them; only the last may have blanks itself.
        """
        created = self.created.tolist()
        texts = [
            f"{wire.client_id} {instant} {wire.request_type} {wire.priority} {wire.request}"
            for wire, instant in zip(self.wires, created, strict=True)
        ]
        return b"".join([blake2b(text.encode(), digest_size=8).digest() for text in texts])
