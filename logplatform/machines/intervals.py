"""Arithmetic on intervals of whole milliseconds.

What belongs here: clipping, merging and measuring arrays of intervals. What does not: what an interval is (a wait,
a stop). An interval is half open, `[start, end)`; arrays are `int64`, one entry an interval, in any order.
"""

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]


def clip(starts: Ints, ends: Ints, low: int, high: int) -> tuple[Ints, Ints]:
    """The parts that lie in `[low, high)`; empty ones are left out."""
    starts, ends = np.maximum(starts, low), np.minimum(ends, high)
    kept = ends > starts
    return starts[kept], ends[kept]


def merge(starts: Ints, ends: Ints) -> tuple[Ints, Ints]:
    """The same moments as disjoint intervals in order; those that touch become one."""
    if not len(starts):
        return starts, ends
    order = np.argsort(starts, kind="stable")
    starts, reach = starts[order], np.maximum.accumulate(ends[order])
    fresh = np.concatenate((np.ones(1, np.bool_), starts[1:] > reach[:-1]))
    last = np.concatenate((np.flatnonzero(fresh)[1:] - 1, np.array([len(starts) - 1])))
    return starts[fresh], reach[last]


def length(starts: Ints, ends: Ints) -> int:
    """How many milliseconds lie in at least one of the intervals."""
    merged_starts, merged_ends = merge(starts, ends)
    return int((merged_ends - merged_starts).sum())


def covered(starts: Ints, ends: Ints, lows: Ints, highs: Ints) -> Ints:
    """For each `[low, high)` the milliseconds of it that lie in the intervals, which are disjoint and in order."""
    return _covered_before(starts, ends, highs) - _covered_before(starts, ends, lows)


def _covered_before(starts: Ints, ends: Ints, moments: Ints) -> Ints:
    if not len(starts):
        return np.zeros(len(moments), np.int64)
    whole = np.concatenate((np.zeros(1, np.int64), np.cumsum(ends - starts)))
    begun = np.searchsorted(starts, moments, side="right")
    last = np.maximum(begun - 1, 0)
    beyond = np.where(begun > 0, np.maximum(ends[last] - moments, 0), 0)
    return whole[begun] - beyond
