"""The numbers in an event's details: a piece's number and a wait's length.

What belongs here: reading one field. What does not: where the field stands in a line (`parse`).
"""

import re
from decimal import ROUND_HALF_UP, Decimal
from functools import lru_cache
from typing import Final

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]

_UNKNOWN: Final = -1
_MAX_DIGITS: Final = 9
_NUMBER = rb"([0-9]{1,9}(?:[.,][0-9]{1,9})?)"
_BEFORE_SEC = re.compile(rb"(?<![0-9.,+-])" + _NUMBER + rb"\s*sec", re.IGNORECASE)
_LEADING = re.compile(r"([0-9]{1,18})(?=\s|$)")
_ALONE = re.compile(_NUMBER)
_LONGEST_FIELD: Final = 256


def piece_numbers(array: npt.NDArray[np.uint8], begin: Ints, end: Ints) -> Ints:
    """The whole number of 1 to 9 digits that each span of `array` is; -1 where it is anything else.

    `array` must go on for at least 9 bytes after each begin.
    """
    length = end - begin
    good = (length >= 1) & (length <= _MAX_DIGITS)
    value = np.zeros(len(begin), np.int64)
    longest = int(length[good].max(initial=0))
    for column in range(longest):
        digit = array[begin + column] - np.uint8(48)
        inside = column < length
        good &= ~inside | (digit <= 9)
        value = np.where(inside, value * 10 + digit, value)
    return np.where(good, value, _UNKNOWN)


def piece_number(details: str) -> int:
    """The number that a piece's details begin with where more follows it ("12 rework"); -1 where there is none."""
    found = _LEADING.match(details)
    return _UNKNOWN if found is None else int(found[1])


def wait_milliseconds(data: bytes, begin: Ints, end: Ints) -> Ints:
    """The length that each span of `data` tells, in whole milliseconds; -1 where it cannot be read."""
    bounded = np.minimum(end, begin + _LONGEST_FIELD)
    spans = zip(begin.tolist(), bounded.tolist(), strict=True)
    return np.array([_wait_length(data[start:stop]) for start, stop in spans], np.int64)


@lru_cache(maxsize=16_384)
def _wait_length(details: bytes) -> int:
    """The number before `sec` ("12.5 sec", "3 seconds"), else a lone number; a comma is a decimal point too."""
    found = _BEFORE_SEC.search(details) or _ALONE.fullmatch(details)
    if found is None:
        return _UNKNOWN
    seconds = Decimal(found[1].replace(b",", b".").decode())
    return int((seconds * 1000).quantize(Decimal(1), ROUND_HALF_UP))
