"""One production day of one centre as columns: what a session is made of.

What belongs here: gathering event blocks into arrays and putting them in order. What does not: reading lines
(`parse`) and judging events (`session`, `anomalies`).

A day takes 33 bytes an event, so `max_events` bounds the memory of a session: 5,000,000 events (one every 17 ms
all day long, from a machine that counts in seconds) stay under 200 MB, `MAX_TEXTS` texts under 100 MB. A file with
more is refused: it is no machine's log.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from logplatform.failures import PermanentFailure
from logplatform.machines.parse import JOB, PIECE, STOP, EventBlock, Ints, Kinds

Rows = npt.NDArray[np.intp]

MAX_EVENTS: Final = 5_000_000
MAX_TEXTS: Final = 500_000

_POWERS_OF_TEN = 10 ** np.arange(1, 19)


@dataclass(frozen=True, slots=True)
class DayEvents:
    """The events of a day, by time, within one second in the file's own order.

    `time`: plant-local milliseconds since 1970-01-01T00:00:00; `kind`: codes of `parse.KIND_NAMES`; `value`: a
    piece's number or a wait's milliseconds, -1 where unknown; `texts`: details of job profiles and stops, and of
    pieces that have more than a number, by row; `steps_back`: for each place where the file's clock went back, the
    time before and after it (shape n x 2).
    """

    time: Ints
    kind: Kinds
    value: Ints
    texts: Mapping[int, str]
    steps_back: Ints

    def __len__(self) -> int:
        return len(self.time)

    def rows(self, *kinds: int) -> Rows:
        """The rows of events of these kinds, in order."""
        wanted = self.kind == kinds[0]
        for kind in kinds[1:]:
            wanted |= self.kind == kind
        return np.flatnonzero(wanted)


def telling(kind: Kinds, value: Ints, length: Ints) -> npt.NDArray[np.bool_]:
    """Which events' details (of `length` bytes) a session needs as text, because their value does not say it all."""
    digits = np.where(value < 0, 0, np.searchsorted(_POWERS_OF_TEN, value, side="right") + 1)
    return (length > 0) & ((kind == JOB) | (kind == STOP) | ((kind == PIECE) & (digits != length)))


class DayBuilder:
    """Gathers a day's events in the file's order, then sorts them.

    Raises `PermanentFailure` once there are more than `max_events`.
    """

    def __init__(self, max_events: int = MAX_EVENTS) -> None:
        self._limit = max_events
        self._count = 0
        self._last: tuple[np.int64, np.int64] | None = None
        self._time: list[Ints] = []
        self._kind: list[Kinds] = []
        self._value: list[Ints] = []
        self._texts: dict[int, str] = {}
        self._back: list[Ints] = []

    def append(self, block: EventBlock, rows: Rows | None = None, clock: Ints | None = None) -> None:
        """Adds a block's events, or only some rows of it; `clock` as in `extend`, for those rows."""
        kept = np.arange(len(block)) if rows is None else rows
        kind, value = block.kind[kept], block.value[kept]
        begin, end = block.begin[kept], block.end[kept]
        told = np.flatnonzero(telling(kind, value, end - begin))
        spans = zip(told.tolist(), begin[told].tolist(), end[told].tolist(), strict=True)
        texts = {row: block.source.text(start, stop) for row, start, stop in spans}
        self.extend(block.time[kept], kind, value, texts, clock)

    def extend(self, time: Ints, kind: Kinds, value: Ints, texts: Mapping[int, str], clock: Ints | None = None) -> None:
        """Adds events as columns; `texts` by row of these columns.

        `clock` is the same times in UTC where the zone is known: an hour that comes twice is then no step back.
        """
        if not len(time):
            return
        if self._count + len(time) > self._limit or len(self._texts) + len(texts) > MAX_TEXTS:
            raise PermanentFailure(
                f"more than {self._limit:,} events, or {MAX_TEXTS:,} with a text, in one day: not the log of a machine"
            )
        self._note_steps_back(time, time if clock is None else clock)
        self._texts.update((row + self._count, text) for row, text in texts.items() if text)
        self._time.append(time)
        self._kind.append(kind)
        self._value.append(value)
        self._count += len(time)

    def restart_clock(self) -> None:
        """What comes next is another version of the file: its clock is not compared with the last one's."""
        self._last = None

    def build(self) -> DayEvents:
        """The day in order; the builder is used up."""
        # One column after the other, so that only one of them is there twice.
        time = _joined(self._time, np.int64)
        kind = _joined(self._kind, np.uint8)
        value = _joined(self._value, np.int64)
        back = np.concatenate(self._back) if self._back else np.zeros((0, 2), np.int64)
        texts = self._texts
        if len(time) and (time[1:] < time[:-1]).any():
            order = np.argsort(time, kind="stable")
            time, kind, value = time[order], kind[order], value[order]
            place = np.empty(len(order), np.int64)
            place[order] = np.arange(len(order))
            texts = {int(place[row]): text for row, text in texts.items()}
        return DayEvents(time, kind, value, texts, back)

    def _note_steps_back(self, time: Ints, clock: Ints) -> None:
        local, moment = self._last or (time[0], clock[0])
        rows = np.flatnonzero(clock < np.concatenate((np.array([moment]), clock[:-1])))
        if len(rows):
            before = np.concatenate((np.array([local]), time[:-1]))
            self._back.append(np.stack((before[rows], time[rows]), axis=1))
        self._last = (time[-1], clock[-1])


def _joined(parts: list[npt.NDArray[Any]], kind: type[np.generic]) -> npt.NDArray[Any]:
    """The parts as one array; their list is emptied."""
    joined = np.concatenate(parts) if parts else np.zeros(0, kind)
    parts.clear()
    return joined
