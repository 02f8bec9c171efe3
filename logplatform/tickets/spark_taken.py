"""The places of a commit's messages, as Spark's driver holds them: some 60 bytes a message, never the messages.

What belongs here: counting, finding out where a commit had better end, and ids. What does not: the messages' rows,
which stay on the workers (`spark_engine.py`).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from logplatform.stores.ticket_ids import RECORD_BYTES
from logplatform.tickets import intake
from logplatform.tickets.judge import Records
from logplatform.tickets.letters import Ranges

Longs = npt.NDArray[np.int64]
COLUMNS = ("partition", "offset", "taken", "record")


@dataclass(frozen=True, slots=True)
class Places:
    """Messages in the order of partitions and offsets; those that are `valid` have a record, in the same order."""

    partitions: Longs
    offsets: Longs
    taken: Longs
    valid: npt.NDArray[np.bool_]
    records: Records

    @classmethod
    def of(cls, table: pa.Table) -> "Places":
        """From the columns COLUMNS of judged messages, in any order."""
        table = table.combine_chunks()
        partitions, offsets, taken = (table[name].to_numpy().astype(np.int64) for name in COLUMNS[:3])
        order = np.lexsort((offsets, partitions))
        found = table["record"].take(pa.array(order)).combine_chunks()
        valid = np.asarray(found.is_valid())
        joined = b"".join(found.drop_null().to_pylist())
        records = np.frombuffer(joined, np.uint8).reshape(-1, RECORD_BYTES)
        return cls(partitions[order], offsets[order], taken[order], valid, records)

    def ends(self, wanted: Ranges) -> Ranges:
        """Where the commit ends in each partition: earlier than wanted where too many messages are refused.

        Each partition has its share of what a commit may refuse, and takes one message at least.
        """
        found: dict[int, tuple[int, int]] = {}
        limits = (intake.MOST_REFUSED, intake.MOST_REFUSED_BYTES)
        most, most_bytes = (max(1, limit // max(1, len(wanted))) for limit in limits)
        for partition, (first, end) in wanted.items():
            here = (self.partitions == partition) & ~self.valid
            offsets = self.offsets[here]
            over = np.flatnonzero(
                (np.arange(1, len(offsets) + 1) >= most) | (np.cumsum(self.taken[here]) >= most_bytes)
            )
            found[partition] = (first, int(offsets[over[0]]) + 1 if len(over) else end)
        return found

    def within(self, ranges: Ranges) -> "Places":
        """The messages before the ends of their partitions."""
        kept = np.zeros(len(self.offsets), np.bool_)
        for partition, (_, end) in ranges.items():
            kept |= (self.partitions == partition) & (self.offsets < end)
        if kept.all():
            return self
        records = self.records[kept[self.valid]]
        return Places(self.partitions[kept], self.offsets[kept], self.taken[kept], self.valid[kept], records)

    def table(self, chosen: npt.NDArray[np.bool_] | Longs) -> pa.Table:
        """Partition and offset of those of the valid messages that are chosen."""
        partitions, offsets = self.partitions[self.valid][chosen], self.offsets[self.valid][chosen]
        return pa.table({"partition": pa.array(partitions, pa.int32()), "offset": offsets})
