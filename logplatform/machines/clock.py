"""Plant-local times of one file as UTC, the hour that comes twice told apart.

What belongs here: the state that this takes along a file. What does not: zones and their offsets (`timestamps`).
"""

import numpy as np
import numpy.typing as npt

from logplatform.machines.timestamps import Ints, ambiguous, to_utc

Flags = npt.NDArray[np.bool_]


class PlantClock:
    """Reads a file's local times in its own order.

    When summer time ends an hour comes twice, and the log does not say which is meant. Times are taken for the first
    of the two until the clock steps back inside that hour, and for the second from there on.
    """

    def __init__(self, zone: str) -> None:
        self._zone = zone
        self._last: int | None = None
        self._second = False

    def read(self, local: Ints) -> tuple[Ints, Flags]:
        """UTC milliseconds of the next events, and which of them lie in the second of two equal hours (`fold`)."""
        fold = np.zeros(len(local), np.bool_)
        twice = ambiguous(local, self._zone)
        if not twice.any():
            self._last, self._second = None, False
            return to_utc(local, fold, self._zone), fold
        for row, (time, double) in enumerate(zip(local.tolist(), twice.tolist(), strict=True)):
            if not double:
                self._last, self._second = None, False
                continue
            self._second = self._second or (self._last is not None and time < self._last)
            self._last = time
            fold[row] = self._second
        return to_utc(local, fold, self._zone), fold
