"""Many JSON objects at once, decoded as structures of the keys that the file's objects have had so far.

What belongs here: the quick way to the objects of a block. What does not: one object, and what is wrong with it
(`json_text`).

Most files repeat a few keys in every object. A structure takes half the time of a dictionary and is nothing that the
garbage collector looks at. Every value is decoded as it would be in a dictionary; an object that has another key, or
is none, sends its block the slow way, from which the next block knows the key.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import msgspec

from logplatform.uploads.json_text import FAULTS, decode_all, too_deep
from logplatform.uploads.records import JsonRecords, Records

# Keys that are data (an id, a date) would be more with every block.
MOST_KEYS = 256
_LONGEST_KEY = 64

_Rows = Callable[[Sequence[bytes]], list[msgspec.Struct]]


@dataclass(slots=True)
class ShapedRecords:
    """Structures with the texts they were parsed from; see `Records`. `keys`: those that the structures know."""

    keys: tuple[str, ...]
    rows: list[msgspec.Struct]
    texts: Sequence[bytes]
    _columns: dict[str, Sequence[Any]] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def names(self) -> Collection[str]:
        """The keys of this file's objects so far."""
        return self.keys

    def column(self, name: str) -> Sequence[Any]:
        """One key's values; the first call makes all columns."""
        if not self._columns and self.rows:
            columns = zip(*map(msgspec.structs.astuple, self.rows), strict=True)
            self._columns = dict(zip(self.keys, columns, strict=True))
        found = self._columns.get(name)
        return [None] * len(self.rows) if found is None else found

    def record(self, index: int) -> dict[str, Any]:
        """One object, read again: it may lack keys of the others, and its own order counts."""
        found: dict[str, Any] = msgspec.json.decode(self.texts[index])
        return found

    def sources(self) -> Sequence[bytes]:
        """The objects' texts."""
        return self.texts


@dataclass(slots=True)
class BlockDecoder:
    """Decodes a file's blocks in turn. `keys`: those of its objects so far; None where structures are of no use."""

    keys: frozenset[str] | None = frozenset()

    def records(self, texts: Sequence[bytes]) -> Records | None:
        """Every text's object; None if even one is no usable object (`json_text.decode_one` tells which and why)."""
        if too_deep(texts):
            return None
        if self.keys:
            keys = tuple(sorted(self.keys))
            try:
                return ShapedRecords(keys, _rows_of(keys)(texts), texts)
            except msgspec.ValidationError:
                pass  # A key that is new, or no object: below it is told which.
            except FAULTS:
                return None
        rows = decode_all(texts)
        if rows is None:
            return None
        if self.keys is not None:
            self.keys = _learned(self.keys.union(*rows))
        return JsonRecords(rows, texts)


def _learned(keys: frozenset[str]) -> frozenset[str] | None:
    usable = len(keys) <= MOST_KEYS and all(len(key) <= _LONGEST_KEY and _plain(key) for key in keys)
    return keys if usable else None


def _plain(key: str) -> bool:
    return key.isprintable() and '"' not in key and "\\" not in key


@lru_cache(64)
def _rows_of(keys: tuple[str, ...]) -> _Rows:
    fields = [(f"field_{number}", Any, msgspec.field(default=None, name=key)) for number, key in enumerate(keys)]
    # The collector need not know structures: they hold what JSON holds, which has no cycles.
    shape = msgspec.defstruct("Shape", fields, forbid_unknown_fields=True, gc=False)
    decode = msgspec.json.Decoder(shape).decode
    return lambda texts: [decode(text) for text in texts]
