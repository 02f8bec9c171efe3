"""Where the values of a long JSON text end, found without parsing it.

What belongs here: brackets, commas and strings as positions in bytes. What does not: parsing a value (`json_text`)
and deciding what is a record (`json_values`).

The text is looked at as a whole by numpy (about 3 ns a byte), as simdjson does it (Langdale and Lemire, "Parsing
Gigabytes of JSON per Second", 2019, section 3.1): a character is structural if an even number of unescaped quotes
stands before it. A string cannot hold a line end, so that count begins anew on each line: a string that is never
closed harms its own line only.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Positions = npt.NDArray[np.int64]

_OPEN, _CLOSE, _COMMA, _QUOTE, _NEWLINE = 1, 2, 3, 4, 5
_KIND = np.zeros(256, np.uint8)
_KIND[list(b"{[")] = _OPEN
_KIND[list(b"}]")] = _CLOSE
_KIND[list(b",")] = _COMMA
_KIND[list(b'"')] = _QUOTE
_KIND[list(b"\n")] = _NEWLINE


@dataclass(frozen=True, slots=True)
class ScanState:
    """Where a scan stands: how many brackets are open, whether inside a string, whether after a backslash."""

    depth: int = 0
    in_string: bool = False
    escaped: bool = False


@dataclass(frozen=True, slots=True)
class Scan:
    """The structural characters of a text: their positions, and the depth after each; `newlines` outside or not."""

    positions: Positions
    kinds: npt.NDArray[np.uint8]
    depths: Positions
    newlines: Positions
    end: ScanState

    def commas(self, depth: int) -> Positions:
        """Commas that stand at this depth, and closing brackets that end it."""
        ends = (self.kinds == _COMMA) & (self.depths == depth) | (self.kinds == _CLOSE) & (self.depths == depth - 1)
        return self.positions[ends]

    def closers(self, depth: int) -> Positions:
        """Closing brackets after which this depth is reached."""
        return self.positions[(self.kinds == _CLOSE) & (self.depths == depth)]


def scan(data: bytes, state: ScanState = ScanState()) -> Scan:
    """Find the structural characters of `data`, which follows a text that ended in `state`."""
    kinds = _KIND[np.frombuffer(data, np.uint8)]
    marks = np.flatnonzero(kinds)
    kinds = kinds[marks]
    escaped = _escaped(data, state)
    if len(escaped):
        kept = ~np.isin(marks, escaped, assume_unique=True) | (kinds == _NEWLINE)
        marks, kinds = marks[kept], kinds[kept]
    quoted = _inside_strings(kinds, state.in_string)
    structural = ~quoted & (kinds <= _COMMA)
    found = kinds[structural]
    depths = state.depth + np.cumsum((found == _OPEN).astype(np.int64) - (found == _CLOSE))
    end = ScanState(
        depth=int(depths[-1]) if len(depths) else state.depth,
        in_string=_ends_in_string(kinds, state.in_string),
        escaped=bool(len(escaped)) and int(escaped[-1]) == len(data),
    )
    return Scan(marks[structural], found, depths, marks[kinds == _NEWLINE], end)


def _escaped(data: bytes, state: ScanState) -> Positions:
    """Positions after an odd run of backslashes; one of them may be the position after the last."""
    if b"\\" not in data and not state.escaped:
        return np.empty(0, np.int64)
    slashes = np.flatnonzero(np.frombuffer(data, np.uint8) == ord("\\"))
    first = np.array([0] if state.escaped else [], np.int64)
    if state.escaped:
        # The first character is escaped itself, so it escapes nothing.
        slashes = slashes[slashes > 0]
    if not len(slashes):
        return first
    begins = np.flatnonzero(np.diff(slashes, prepend=-2) != 1)
    lengths = np.diff(begins, append=len(slashes))
    odd = lengths % 2 == 1
    return np.concatenate((first, slashes[begins[odd]] + lengths[odd]))


def _inside_strings(kinds: npt.NDArray[np.uint8], in_string: bool) -> npt.NDArray[np.bool_]:
    """For each mark, whether an odd number of quotes stands before it on its line."""
    quotes = np.cumsum(kinds == _QUOTE) + in_string
    newlines = np.flatnonzero(kinds == _NEWLINE)
    if len(newlines):
        before = np.concatenate(([0], quotes[newlines]))
        if np.any(np.diff(before, append=0)[:-1] % 2):
            quotes = quotes - np.repeat(before, np.diff(newlines, prepend=-1, append=len(kinds) - 1))
    # A quote itself is counted with what it begins; it is never structural.
    return quotes % 2 == 1


def _ends_in_string(kinds: npt.NDArray[np.uint8], in_string: bool) -> bool:
    newlines = np.flatnonzero(kinds == _NEWLINE)
    if len(newlines):
        return int(np.count_nonzero(kinds[newlines[-1] :] == _QUOTE)) % 2 == 1
    return (int(np.count_nonzero(kinds == _QUOTE)) + in_string) % 2 == 1
