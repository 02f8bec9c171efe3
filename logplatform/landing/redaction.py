"""Redaction: what must not leave a parser readable (in previews, metadata, dead letters and log lines).

What belongs here: one policy and its application to fields and to raw text. What does not: the settings it is read
from, and the landed bytes and stored records themselves, which stay as they came.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Action = Literal["hash", "mask", "drop"]

MASK = "********"


@dataclass(frozen=True, slots=True)
class Redactor:
    """`fields` names fields and what happens to their values; `patterns` are masked wherever they occur in text.

    Names are compared without regard to case, at any depth of a record. hash: the first 16 hex digits of
    sha256(salt + value), so that equal values stay equal; mask: eight stars; drop: the field is left out.
    """

    fields: Mapping[str, Action] = field(default_factory=dict)
    patterns: tuple[re.Pattern[str], ...] = ()
    salt: str = ""

    def text(self, value: str) -> str:
        """`value` with every match of a pattern masked."""
        for pattern in self.patterns:
            value = pattern.sub(MASK, value)
        return value

    def raw(self, value: bytes) -> bytes:
        """Bytes of unknown encoding, redacted as text; each byte that is no match stays as it is."""
        if not self.patterns:
            return value
        return self.text(value.decode("utf-8", "surrogateescape")).encode("utf-8", "surrogateescape")

    def record(self, values: Mapping[str, object]) -> dict[str, object]:
        """A record with its fields redacted by name, and its texts by pattern; it must not be nested without end."""
        actions = {name.casefold(): action for name, action in self.fields.items()}
        return self._record(values, actions)

    def _record(self, values: Mapping[str, object], actions: Mapping[str, Action]) -> dict[str, object]:
        kept: dict[str, object] = {}
        for name, value in values.items():
            action = actions.get(str(name).casefold())
            if action is None or value is None:
                kept[name] = self._value(value, actions)
            elif action != "drop":
                kept[name] = self._hashed(value) if action == "hash" else MASK
        return kept

    def _value(self, value: object, actions: Mapping[str, Action]) -> object:
        match value:
            case str():
                return self.text(value)
            case Mapping():
                return self._record(value, actions)
            case list() | tuple():
                return [self._value(item, actions) for item in value]
            case _:
                return value

    def _hashed(self, value: object) -> str:
        return hashlib.sha256(f"{self.salt}{value}".encode("utf-8", "surrogatepass")).hexdigest()[:16]
