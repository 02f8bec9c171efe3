"""Texts that should be JSON objects, to objects or to the reason why not.

What belongs here: one record's text, and many at once. What does not: finding where a record begins and ends
(`json_lines`, `json_values`).
"""

import re
from collections.abc import Sequence
from typing import Any

import msgspec

MAX_DEPTH = 100

_decode = msgspec.json.Decoder().decode
_NOT_JSON = re.compile(rb"[:\[,\s](?:NaN|-?Infinity)\b|^(?:NaN|-?Infinity)\b")
# A string that is never closed is matched to the end: looking for its end from each quote would take for ever.
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*+"?', re.DOTALL)
_KINDS = {list: "an array", str: "a text", int: "a number", float: "a number", bool: "a boolean", type(None): "null"}
FAULTS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""All that decoding raises."""


def decode_all(texts: Sequence[bytes]) -> list[dict[str, Any]] | None:
    """Every text's object; None if even one is no object, or none that can be used but for its depth."""
    try:
        rows = [_decode(text) for text in texts]
    except FAULTS:
        return None
    return rows if set(map(type, rows)) <= {dict} else None


def too_deep(texts: Sequence[bytes]) -> bool:
    """Whether one of these texts is nested deeper than MAX_DEPTH."""
    # Each object opens at least one bracket, so one that is too deep makes the sum exceed this.
    whole = b"".join(texts)
    opened = whole.count(b"{") + whole.count(b"[")
    return opened >= len(texts) + MAX_DEPTH and any(_depth(text) > MAX_DEPTH for text in texts)


def decode_one(text: bytes) -> dict[str, Any] | str:
    """A text's object, or the reason why it is none; no bytes raise."""
    if b"\0" in text:
        return "NUL byte"
    if _depth(text) > MAX_DEPTH:
        return f"nested deeper than {MAX_DEPTH} levels"
    try:
        value = _decode(text)
    except UnicodeDecodeError:
        return "not valid UTF-8"
    except msgspec.DecodeError as error:
        if _NOT_JSON.search(_STRING.sub(b'""', text)):
            return "NaN and Infinity are not JSON"
        return str(error).removeprefix("JSON is malformed: ").partition(" - at ")[0]
    return value if isinstance(value, dict) else f"a record must be an object, not {_KINDS[type(value)]}"


def _depth(text: bytes) -> int:
    """How deep brackets are nested; exact for JSON, and enough of a bound for what is none."""
    if text.count(b"{") + text.count(b"[") <= MAX_DEPTH:
        return 0
    depth = deepest = 0
    for char in re.sub(rb"[^][{}]", b"", _STRING.sub(b"", text)):
        if char in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        else:
            depth -= 1
    return deepest
