"""Lines of a machine log to events, a block at a time, in columns.

What belongs here: the form `YYYYMMDD HH:MM:SS|@Event: details` (details optional, the colon may be missing), the
kinds of event, and why a line is refused. What does not: what the events mean together (`session`), and the text
of a job profile (`jobs`).

The everyday line is read by numpy, all lines of a block at once; only lines of an event that is not one of the
five known ones are read one by one.
"""

import re
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from logplatform.machines.decode import LineBlock
from logplatform.machines.fields import piece_number, piece_numbers, wait_milliseconds
from logplatform.machines.timestamps import Words, read_timestamps, words_of

Ints = npt.NDArray[np.int64]
Kinds = npt.NDArray[np.uint8]
Flags = npt.NDArray[np.bool_]

KIND_NAMES: Final = ("", "StukUitgevoerd", "MachineWait", "MachineStop", "MachineStart", "JobProfiel")
OTHER, PIECE, WAIT, STOP, START, JOB = range(6)
UNKNOWN: Final = -1
"""Stands in `EventBlock.value` for a piece without a number and a wait without a readable length."""

# Bytes before the event's name: `YYYYMMDD HH:MM:SS|@`.
_HEAD = 19
_SIGNED = re.compile(rb"[^\s:]+")
_BLANKS = (9, 32)
_SIGN = np.uint64(int.from_bytes(b"|@", "little"))

Reason = Literal[
    "empty line",
    "no timestamp `YYYYMMDD HH:MM:SS` at the beginning",
    "no such date or time",
    "no `|@` after the timestamp",
    "no event name after `@`",
    "line over the limit of bytes",
]


@dataclass(frozen=True, slots=True)
class DeadLine:
    """A line that is no event: its number in the file (from 1), its first bytes, and why."""

    line: int
    raw: bytes
    reason: Reason


@dataclass(frozen=True, slots=True)
class EventBlock:
    """The events of one block, one row each, in the file's order.

    `line` counts from 1; `time` is plant-local milliseconds since 1970-01-01T00:00:00; `kind` indexes
    `KIND_NAMES`; `value` is a piece's number or a wait's milliseconds (`UNKNOWN` where there is none);
    `begin`/`end` span the details in `source.data` (equal where there are none); `names` has the type of each row
    of kind `OTHER`.
    """

    source: LineBlock
    line: Ints
    time: Ints
    kind: Kinds
    value: Ints
    begin: Ints
    end: Ints
    names: dict[int, str]

    def __len__(self) -> int:
        return len(self.line)

    def details(self, row: int) -> str:
        """The text after the event's name, stripped; empty where there is none."""
        return self.source.text(int(self.begin[row]), int(self.end[row]))


def parse_block(block: LineBlock, *, max_line_bytes: int, raw_bytes: int) -> tuple[EventBlock, list[DeadLine]]:
    """The events and the refused lines of a block; every line is exactly one of the two. Never raises.

    `raw_bytes` (and `max_line_bytes`) bounds what a refused line keeps of its bytes.
    """
    array = np.frombuffer(block.data, np.uint8)
    starts, ends = block.starts, block.ends
    length = ends - starts
    words = words_of(block.data)
    shaped, real, time = read_timestamps(words, starts)
    shaped &= length >= _HEAD - 2
    signed = ((words[starts + 11] >> np.uint64(48)) == _SIGN) & (length >= _HEAD)
    usable = shaped & real & signed & (length <= max_line_bytes) & (not block.overlong)
    rows = np.flatnonzero(usable)
    head = starts[rows] + _HEAD
    kind, name_end = _known_kinds(array, words, head, ends[rows])
    kind, name_end, names = _other_kinds(block, kind, head, name_end, ends[rows])
    nameless = name_end == head
    if nameless.any():
        usable[rows[nameless]] = False
        keep = ~nameless
        renumber = np.cumsum(keep) - 1
        names = {int(renumber[row]): name for row, name in names.items() if keep[row]}
        rows, kind, name_end = rows[keep], kind[keep], name_end[keep]
    begin, end = _details(array, name_end, ends[rows])
    value = np.full(len(rows), UNKNOWN, np.int64)
    pieces = np.flatnonzero(kind == PIECE)
    value[pieces] = piece_numbers(array, begin[pieces], end[pieces])
    for row in pieces[(value[pieces] == UNKNOWN) & (end[pieces] > begin[pieces])].tolist():
        value[row] = piece_number(block.text(int(begin[row]), int(end[row])))
    waits = np.flatnonzero(kind == WAIT)
    value[waits] = wait_milliseconds(block.data, begin[waits], end[waits])
    events = EventBlock(block, rows + block.first_line, time[rows], kind, value, begin, end, names)
    refused = np.flatnonzero(~usable)
    return events, [_dead(block, int(row), shaped, real, signed, max_line_bytes, raw_bytes) for row in refused]


def _known_kinds(array: npt.NDArray[np.uint8], words: Words, head: Ints, ends: Ints) -> tuple[Kinds, Ints]:
    """The kind of each event whose name is one of the five, and where the name ends; OTHER and 0 elsewhere."""
    first = words[head]
    kind = np.zeros(len(head), np.uint8)
    name_end = np.zeros(len(head), np.int64)
    for code, name in enumerate(KIND_NAMES):
        if code == OTHER:
            continue
        rows = np.flatnonzero(first == np.uint64(int.from_bytes(name[:8].encode(), "little")))
        # The last 8 bytes of the name overlap its first 8; together they are all of it.
        stop = head[rows] + len(name)
        tail = words[stop - 8] == np.uint64(int.from_bytes(name[-8:].encode(), "little"))
        after = array[stop]
        ended = (stop == ends[rows]) | (after == ord(":")) | (after == _BLANKS[0]) | (after == _BLANKS[1])
        found = tail & (stop <= ends[rows]) & ended
        kind[rows[found]] = code
        name_end[rows[found]] = stop[found]
    return kind, name_end


def _other_kinds(
    block: LineBlock, kind: Kinds, head: Ints, name_end: Ints, ends: Ints
) -> tuple[Kinds, Ints, dict[int, str]]:
    names: dict[int, str] = {}
    for row in np.flatnonzero(kind == OTHER).tolist():
        begin = int(head[row])
        found = _SIGNED.match(block.data, begin, int(ends[row]))
        name_end[row] = begin if found is None else found.end()
        if found is not None:
            names[row] = block.text(begin, found.end())
    return kind, name_end, names


def _details(array: npt.NDArray[np.uint8], begin: Ints, ends: Ints) -> tuple[Ints, Ints]:
    """The span of the details: after the name, blanks, at most one colon and blanks; before trailing blanks."""
    begin = _skip_blanks(array, begin, ends)
    begin = _skip_blanks(array, begin + ((array[begin] == ord(":")) & (begin < ends)), ends)
    end = ends.copy()
    while (blank := (end > begin) & _is_blank(array[end - 1])).any():
        end -= blank
    return begin, end


def _skip_blanks(array: npt.NDArray[np.uint8], begin: Ints, ends: Ints) -> Ints:
    while (blank := (begin < ends) & _is_blank(array[begin])).any():
        begin = begin + blank
    return begin


def _is_blank(values: npt.NDArray[np.uint8]) -> Flags:
    return (values == _BLANKS[0]) | (values == _BLANKS[1])


def _dead(
    block: LineBlock, row: int, shaped: Flags, real: Flags, signed: Flags, max_line_bytes: int, raw_bytes: int
) -> DeadLine:
    length = int(block.ends[row] - block.starts[row])
    reason: Reason = "no event name after `@`"
    if block.overlong or length > max_line_bytes:
        reason = "line over the limit of bytes"
    elif length == 0:
        reason = "empty line"
    elif not shaped[row]:
        reason = "no timestamp `YYYYMMDD HH:MM:SS` at the beginning"
    elif not real[row]:
        reason = "no such date or time"
    elif not signed[row]:
        reason = "no `|@` after the timestamp"
    return DeadLine(block.first_line + row, block.line(row, min(raw_bytes, max_line_bytes)), reason)
