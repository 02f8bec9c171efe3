"""Plant-local moments as text, very many at once.

What belongs here: milliseconds to `YYYY-MM-DD HH:MM:SS`. What does not: reading such text (`timestamps`).
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from logplatform.machines.parse import Ints

_WIDTH: Final = len("YYYY-MM-DD HH:MM:SS")
_DAY: Final = 86_400
_ZERO = np.int64(ord("0"))


def moment_texts(milliseconds: Ints, separator: str) -> list[str]:
    """Moments of the years 1 to 9999 as `YYYY-MM-DD<separator>HH:MM:SS`, with `.fff` where there are milliseconds.

    `milliseconds` (shape n) count from 1970-01-01T00:00:00; `separator` is one ASCII character. Equal neighbours
    share one text: on a busy machine many rows in a row are of the same second.
    """
    first = np.flatnonzero(np.diff(milliseconds, prepend=milliseconds[:1] - 1))
    distinct = milliseconds[first]
    texts = _seconds(distinct // 1000, separator)
    fractions = distinct % 1000
    for place in np.flatnonzero(fractions).tolist():
        texts[place] += f".{fractions[place]:03d}"
    if len(first) == len(milliseconds):
        return texts
    return np.repeat(np.array(texts, np.object_), np.diff(first, append=len(milliseconds))).tolist()


def _seconds(seconds: Ints, separator: str) -> list[str]:
    day = seconds // _DAY
    second = seconds - day * _DAY
    characters = np.empty((len(seconds), _WIDTH), np.uint8)
    characters[:, :10] = _dates(day)
    characters[:, 10] = ord(separator)
    characters[:, [13, 16]] = ord(":")
    for column, value in ((11, second // 3600), (14, second // 60 % 60), (17, second % 60)):
        characters[:, column] = _ZERO + value // 10
        characters[:, column + 1] = _ZERO + value % 10
    text = characters.tobytes().decode("ascii")
    return [text[begin : begin + _WIDTH] for begin in range(0, len(text), _WIDTH)]


def _dates(day: Ints) -> npt.NDArray[np.uint8]:
    """The ten characters of each day; the days of a log are few."""
    days, place = np.unique(day, return_inverse=True)
    told = np.datetime_as_string(days.astype("datetime64[D]")).tolist()
    return np.frombuffer("".join(told).encode("ascii"), np.uint8).reshape(-1, 10)[place]
