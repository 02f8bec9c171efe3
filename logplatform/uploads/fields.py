"""Values of fields as typed columns; a value that does not fit is told with its record.

What belongs here: one column at a time, as it came to its type. What does not: which columns there are (`enrich`).

A column whose values all have the right type already is converted as a whole; only the others are looked at one by
one.
"""

import math
import re
import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from logplatform.uploads.records import Tag

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
_FLAGS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
_INT64 = 1 << 63
_EXACT = 1 << 53
_SHOWN_CHARS = 60

_encode = msgspec.json.Encoder().encode


@dataclass(slots=True)
class Faults:
    """What is wrong with which records of a block, by index: reasons with the tags they belong to."""

    found: defaultdict[int, list[tuple[str, Tag]]] = field(default_factory=lambda: defaultdict(list))

    def add(self, index: int, reason: str, tag: Tag = "_validation_failed") -> None:
        """A fault of record `index`."""
        self.found[index].append((reason, tag))

    def reason(self, index: int) -> str:
        """All reasons of a record, as one text."""
        return "; ".join(reason for reason, _ in self.found[index])

    def tags(self, index: int) -> tuple[Tag, ...]:
        """The tags of a record, each once."""
        return tuple(dict.fromkeys(tag for _, tag in self.found[index]))


def text_column(values: Sequence[Any]) -> pa.Array:
    """Texts; a number or a boolean is the text JSON writes for it, so an id stays what it was (007 is not 7)."""
    try:
        return pa.array(values, pa.string())
    except pa.ArrowTypeError:
        return pa.array([_text(value) for value in values], pa.string())


def float_column(name: str, values: Sequence[Any], faults: Faults) -> pa.Array:
    """Finite numbers, from numbers or texts; an empty text is none."""
    whole = _whole_floats(values)
    return whole if whole is not None else _converted(name, values, _float, pa.float64(), "a number", faults)


def int_column(name: str, values: Sequence[Any], faults: Faults) -> pa.Array:
    """Whole numbers of 64 bits; 85.0 is one, 85.5 is not."""
    whole = _whole_ints(values)
    return whole if whole is not None else _converted(name, values, _int, pa.int64(), "a whole number", faults)


def flag_column(name: str, values: Sequence[Any], faults: Faults) -> pa.Array:
    """true or false, or a text or number that says so."""
    return _converted(name, values, _flag, pa.bool_(), "true or false", faults)


def shown(value: object) -> str:
    """A value as a reason tells it, cut where it is long."""
    text = value if isinstance(value, str) else _encode(value).decode()
    return repr(text if len(text) <= _SHOWN_CHARS else text[:_SHOWN_CHARS] + "…")


def _whole_floats(values: Sequence[Any]) -> pa.Array | None:
    kinds = set(map(type, values)) - {type(None)}
    try:
        if kinds <= {str}:
            column = pc.cast(pa.array(values, pa.string()), pa.float64())
        elif kinds <= {int, float}:
            column = pa.array(values, pa.float64())
        else:
            return None
    except (pa.ArrowInvalid, OverflowError):
        return None
    return column if np.isfinite(column.fill_null(0).to_numpy()).all() else None


def _whole_ints(values: Sequence[Any]) -> pa.Array | None:
    kinds = set(map(type, values)) - {type(None)}
    try:
        if kinds <= {int}:
            return pa.array(values, pa.int64())
        if kinds <= {str} and (numbers := _whole_floats(values)) is not None:
            known = numbers.drop_null().to_numpy()
            # Beyond, two whole numbers may be the same float.
            if np.all(np.abs(known) < _EXACT) and np.all(known == np.trunc(known)):
                return pc.cast(numbers, pa.int64())
    except (pa.ArrowInvalid, OverflowError):
        pass  # One of them has more than 64 bits: it is told one by one which.
    return None


def _converted(
    name: str, values: Sequence[Any], convert: Callable[[Any], Any], kind: pa.DataType, wanted: str, faults: Faults
) -> pa.Array:
    column: list[Any] = []
    for index, value in enumerate(values):
        empty = value is None or value == ""
        found = None if empty else convert(value)
        if found is None and not empty:
            faults.add(index, f"{name}: {shown(value)} is not {wanted}")
        column.append(found)
    return pa.array(column, kind)


def _text(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return _encode(value).decode()


def _float(value: object) -> float | None:
    if isinstance(value, str):
        found = float(value) if _NUMBER.fullmatch(value.strip()) else math.nan
    elif isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max:
        found = float(value)
    else:
        return None
    return found if math.isfinite(found) else None


def _int(value: object) -> int | None:
    if isinstance(value, int) and not isinstance(value, bool):
        return value if -_INT64 <= value < _INT64 else None
    found = _float(value)
    return int(found) if found is not None and found == int(found) and -_INT64 <= found < _INT64 else None


def _flag(value: object) -> bool | None:
    if isinstance(value, bool):
        return value
    return _FLAGS.get(str(value).strip().lower()) if isinstance(value, str | int) else None
