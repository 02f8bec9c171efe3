"""The rules of a ticket's fields on whole columns: what takes most of the time, a thousand messages at once.

What belongs here: rules of `ticket.py` that are cheap for a column. What does not: the reasons for breaking one, and
odd but valid texts: who is told False looks again, one text at a time (`validate.py`). So a rule here may be stricter
than that of `ticket.py`, and never laxer, and where it says True its value is the same.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

Bytes = npt.NDArray[np.uint8]
Mask = npt.NDArray[np.bool_]
Longs = npt.NDArray[np.int64]

_UUID_CHARACTERS = 36
_HYPHENS = [8, 13, 18, 23]
_HEX = [at for at in range(_UUID_CHARACTERS) if at not in _HYPHENS]
_NO_DIGIT = 255
_NIBBLES = np.full(256, _NO_DIGIT, np.uint8)
_NIBBLES[list(b"0123456789abcdef")] = _NIBBLES[list(b"0123456789ABCDEF")] = range(16)

_CLIENT = np.frombuffer(b"CLIENT_", np.uint8)
_CLIENT_CHARACTERS = 11

_SECOND_US = 1_000_000
_DAY_US = 86_400 * _SECOND_US


class _Form(NamedTuple):
    """What follows the seconds in a time's text: so many digits behind a dot, then `zone` (`+`: an offset)."""

    fraction: int
    zone: str


# YYYY-MM-DDTHH:MM:SS has 19 characters; each of these forms has a length of its own.
_FORMS = {
    19 + (fraction and fraction + 1) + characters: _Form(fraction, zone)
    for fraction in (0, 3, 6)
    for zone, characters in (("", 0), ("Z", 1), ("+", 6))
}
_DATE_DIGITS = [0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18]
_MARKS = [4, 7, 10, 13, 16]
_MARKS_ARE = np.frombuffer(b"--T::", np.uint8)
# In the first and the last year a zone may lead outside what is a time.
_LEAST = np.array([2, 1, 1, 0, 0, 0])
_MOST = np.array([9998, 12, 31, 23, 59, 59])


def uuid_keys(texts: pa.StringArray) -> tuple[Bytes, Mask]:
    """The 16 bytes of each UUID, shape (n, 16), and which texts are one (`ticket.uuid_key`)."""
    rows, holds = _of_length(texts, _UUID_CHARACTERS)
    nibbles = _NIBBLES[rows[:, _HEX]]
    holds &= (nibbles != _NO_DIGIT).all(axis=1) & (rows[:, _HYPHENS] == ord("-")).all(axis=1)
    return nibbles[:, 0::2] * np.uint8(16) + nibbles[:, 1::2], holds


def are_clients(texts: pa.StringArray) -> Mask:
    """Which texts are CLIENT_ and 4 digits (`ticket.CLIENTS`)."""
    rows, holds = _of_length(texts, _CLIENT_CHARACTERS)
    # What lies below "0" becomes a high number.
    digits = rows[:, len(_CLIENT) :] - np.uint8(ord("0"))
    return holds & (rows[:, : len(_CLIENT)] == _CLIENT).all(axis=1) & (digits <= 9).all(axis=1)


def instants(texts: pa.StringArray) -> tuple[Longs, Mask]:
    """Microseconds since 1970 UTC, shape (n,), and which are told (`ticket.instant_us`).

    Told are times as programs write them: YYYY-MM-DDTHH:MM:SS, nothing, 3 or 6 digits of a fraction, and no zone, Z
    or +HH:MM.
    """
    found, told = np.zeros(len(texts), np.int64), np.zeros(len(texts), np.bool_)
    lengths = _lengths(texts)
    for length in np.unique(lengths):
        if (form := _FORMS.get(int(length))) is not None:
            rows, chosen = _of_length(texts, int(length))
            instant, holds = _instants(rows[chosen], form)
            found[chosen], told[chosen] = instant, holds
    return found, told


def _instants(rows: Bytes, form: _Form) -> tuple[Longs, Mask]:
    digits = rows[:, _DATE_DIGITS] - np.uint8(ord("0"))
    holds = (digits <= 9).all(axis=1) & (rows[:, _MARKS] == _MARKS_ARE).all(axis=1)
    pairs = digits[:, 0::2].astype(np.int64) * 10 + digits[:, 1::2]
    # Century and year are one number; the others are pairs as they stand.
    fields = np.column_stack([pairs[:, 0] * 100 + pairs[:, 1], pairs[:, 2:]])
    holds &= ((fields >= _LEAST) & (fields <= _MOST)).all(axis=1)
    days, right = _days(fields)
    seconds = fields[:, 3] * 3_600 + fields[:, 4] * 60 + fields[:, 5]
    micros, fine = _fraction(rows[:, 19:], form.fraction)
    offset, known = _offset_minutes(rows[:, 19 + (form.fraction and form.fraction + 1) :], form.zone)
    instant = days * _DAY_US + (seconds - offset * 60) * _SECOND_US + micros
    return instant, holds & right & fine & known


def _days(fields: Longs) -> tuple[Longs, Mask]:
    """Days since 1970 of (year, month, day, …), and whether the month has that day."""
    months = ((fields[:, 0] - 1970) * 12 + fields[:, 1] - 1).astype("datetime64[M]")
    first, after = (month.astype("datetime64[D]").astype(np.int64) for month in (months, months + 1))
    return first + fields[:, 2] - 1, fields[:, 2] <= after - first


def _fraction(tail: Bytes, digits: int) -> tuple[Longs, Mask]:
    """Microseconds of a dot and `digits` digits."""
    if not digits:
        return np.zeros(len(tail), np.int64), np.ones(len(tail), np.bool_)
    numbers = tail[:, 1 : digits + 1] - np.uint8(ord("0"))
    weights = 10 ** np.arange(5, 5 - digits, -1)
    return numbers @ weights, (tail[:, 0] == ord(".")) & (numbers <= 9).all(axis=1)


def _offset_minutes(tail: Bytes, zone: str) -> tuple[Longs, Mask]:
    """Minutes east of UTC, of no text, Z or +HH:MM."""
    zero = np.zeros(len(tail), np.int64)
    if zone != "+":
        return zero, (tail[:, :1] == ord("Z")).all(axis=1)
    digits = tail[:, [1, 2, 4, 5]] - np.uint8(ord("0"))
    hours, minutes = (
        digits[:, 0].astype(np.int64) * 10 + digits[:, 1],
        digits[:, 2].astype(np.int64) * 10 + digits[:, 3],
    )
    plus, minus = tail[:, 0] == ord("+"), tail[:, 0] == ord("-")
    holds = (digits <= 9).all(axis=1) & (hours < 24) & (minutes < 60) & (tail[:, 3] == ord(":")) & (plus | minus)
    return np.where(minus, -1, 1) * (hours * 60 + minutes), holds


def _offsets(texts: pa.StringArray) -> npt.NDArray[np.int32]:
    buffer = texts.buffers()[1]
    return np.frombuffer(buffer, np.int32)[texts.offset : texts.offset + len(texts) + 1]


def _lengths(texts: pa.StringArray) -> npt.NDArray[np.int32]:
    """The bytes of each text."""
    return np.diff(_offsets(texts))


def _of_length(texts: pa.StringArray, length: int) -> tuple[Bytes, Mask]:
    """The texts' bytes in UTF-8, shape (n, length), and which texts have that many; the others are zeros."""
    offsets = _offsets(texts)
    holds = np.diff(offsets) == length
    data = np.frombuffer(texts.buffers()[2] or b"", np.uint8)
    if holds.all():
        return data[offsets[0] : offsets[-1]].reshape(len(texts), length), holds
    rows = np.zeros((len(texts), length), np.uint8)
    rows[holds] = data[offsets[:-1][holds, None] + np.arange(length)]
    return rows, holds
