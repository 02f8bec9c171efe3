"""Valid tickets parted into new ones and duplicates: of one ticket_id the first message wins.

What belongs here: comparing rows by their ids and contents. What does not: which messages are valid (`judge.py`), and
remembering ids (`stores/ticket_ids.py`).
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from logplatform.stores.ticket_ids import ID_BYTES, RECORD_BYTES
from logplatform.tickets.judge import ROWS, Judged, Records

_Numbers = npt.NDArray[np.int64]
_ROWS_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True)
class Settled:
    """What a commit brings, in the order it came (columns `judge.ROWS`): new `tickets`, and how many duplicates.

    `conflicts` are those of the duplicates whose content is not that of the first ticket of their id.
    """

    tickets: pa.Table
    duplicates: int
    conflicts: pa.Table

    def conflicting(self) -> Iterator[dict[str, Any]]:
        """The rows of `conflicts`, one at a time: all messages of a commit may be conflicts."""
        for batch in self.conflicts.to_batches(max_chunksize=_ROWS_AT_ONCE):
            yield from batch.to_pylist()


@dataclass(frozen=True, slots=True)
class Parted:
    """Which rows are `new` (a mask), how many are duplicates, and the places of those that contradict, ascending."""

    new: npt.NDArray[np.bool_]
    duplicates: int
    conflicting: _Numbers


@dataclass(frozen=True, slots=True)
class Groups:
    """Records by id: the `first` of each id, the ids in ascending order, and for each `later` record the id's place.

    `later` and `owner` go together.
    """

    records: Records
    first: _Numbers
    later: _Numbers
    owner: _Numbers

    @classmethod
    def of(cls, records: Records) -> "Groups":
        """Records that follow one another in the order of their messages."""
        # Two numbers are compared faster than 16 bytes; in big-endian order they sort like the bytes.
        halves = np.ascontiguousarray(records[:, :ID_BYTES]).view(">u8").astype(np.uint64)
        order = np.lexsort((halves[:, 1], halves[:, 0]))
        ordered = halves[order]
        begins = np.ones(len(order), np.bool_)
        begins[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
        owner = np.cumsum(begins) - 1
        # The sort is stable, so the first of a group came first.
        return cls(records, order[begins], order[~begins], owner[~begins])

    @property
    def ids(self) -> bytes:
        """The records of the first of each id, one after the other, in ascending order."""
        return self.records[self.first].tobytes()

    def part(self, known: Mapping[int, bytes]) -> Parted:
        """Part the records; `known` are the digests that earlier commits hold, by the place of the id."""
        places = np.fromiter(known, np.int64, len(known))
        before = self.records[self.first, ID_BYTES:]
        before[places] = np.frombuffer(b"".join(known.values()), np.uint8).reshape(-1, RECORD_BYTES - ID_BYTES)
        duplicates = np.concatenate([self.later, self.first[places]])
        owner = np.concatenate([self.owner, places])
        differ = (self.records[duplicates, ID_BYTES:] != before[owner]).any(axis=1)
        new = np.ones(len(self.records), np.bool_)
        new[duplicates] = False
        return Parted(new, len(duplicates), np.sort(duplicates[differ]))


@dataclass(frozen=True, slots=True)
class Grouped:
    """Rows (columns `judge.ROWS`) with their records by id."""

    rows: pa.Table
    groups: Groups

    @property
    def ids(self) -> bytes:
        """The records of the first rows, one after the other, in ascending order."""
        return self.groups.ids

    def settle(self, known: Mapping[int, bytes]) -> Settled:
        """Part the rows; `known` are the digests that earlier commits hold, by the place of the id."""
        parted = self.groups.part(known)
        tickets = self.rows if parted.new.all() else self.rows.filter(pa.array(parted.new))
        return Settled(tickets, parted.duplicates, self.rows.take(pa.array(parted.conflicting)))


def grouped(judged: Iterable[Judged]) -> Grouped:
    """The rows of blocks, which follow one another, by id."""
    parts = list(judged)
    rows = pa.Table.from_batches([part.rows for part in parts], schema=ROWS)
    records = np.concatenate([np.empty((0, RECORD_BYTES), np.uint8), *(part.records for part in parts)])
    return Grouped(rows, Groups.of(records))
