"""What a mistake in the settings is, and how it is told: the place, the key, what is wrong, the fix.

What belongs here: `Mistake`, `SettingsError`, and turning pydantic's findings into words. What does not: finding
the places (`document`, `environment`) and the checks of the machine the settings are used on (`check`).
"""

import difflib
import re
import types
import typing
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from logplatform.failures import PermanentFailure
from logplatform.settings.base import Conflict, Section

KeyPath = tuple[str | int, ...]
"""Keys and list positions from the root of the settings down, such as ("archives", "sources", 0, "name")."""

_OTHER_TYPES = {
    **dict.fromkeys(("ssh", "scp", "rsync"), "write `type: sftp`"),
    "ftps": "write `type: ftp` and `tls: true`",
    **dict.fromkeys(
        ("s3", "http", "https", "smb", "nfs"), "have the files mounted or copied here and use `type: folder`"
    ),
}
"""Words for kinds of sources that people may write, and what to write instead."""
_TYPE_FIXES = {
    "string_type": "put the value in quotes",
    "bool_type": "write true or false",
    "bool_parsing": "write true or false",
    "int_parsing": "write a whole number",
    "int_from_float": "write a whole number",
    "float_parsing": "write a number",
    "tuple_type": "write a list: one `- ` line for each item, `[]` for none",
    "model_type": "write `key: value` lines under it",
    "dict_type": "write `key: value` lines under it",
    "date_from_datetime_parsing": "write a date as YYYY-MM-DD",
}


@dataclass(frozen=True, slots=True)
class Mistake:
    """One mistake. `place` is FILE:LINE:COLUMN or the name of a variable; `fix` may be empty."""

    place: str
    key: str
    message: str
    fix: str = ""
    level: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        """All of it in one line."""
        key = f" {self.key}:" if self.key else ""
        return f"{self.place}:{key} {self.message}{f'; {self.fix}' if self.fix else ''}"


class SettingsError(PermanentFailure):
    """The settings cannot be used; `mistakes` holds every mistake that was found, in the order of their places."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        noun = "mistake" if len(self.mistakes) == 1 else "mistakes"
        super().__init__("\n".join([f"{len(self.mistakes)} {noun} in the settings", *map(str, self.mistakes)]))


def in_order(mistakes: Iterable[Mistake]) -> list[Mistake]:
    """Sorted by their places: lines of a file as numbers, not as text."""
    return sorted(mistakes, key=lambda mistake: [part.zfill(8) for part in mistake.place.split(":")])


def key_text(path: KeyPath) -> str:
    """A key path as people write it: `archives.sources[0].name`."""
    text = ""
    for key in path:
        text += f"[{key}]" if isinstance(key, int) else f"{'.' if text else ''}{key}"
    return text


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """The fix for an unknown word: the nearest known one, else all of them."""
    names = sorted(known)
    near = difflib.get_close_matches(word.lower().replace("-", "_"), names, n=1, cutoff=0.6)
    return f"did you mean {near[0]!r}?" if near else f"known: {', '.join(names)}"


def annotation_at(path: Sequence[str | int], root: object) -> object | None:
    """The type of the value at `path` under the type `root`; None where the settings know no such key."""
    found: object | None = root
    for key in path:
        found = _step(_plain(found), key)
        if found is None:
            return None
    return _plain(found)


def _without_tags(path: KeyPath, root: object) -> tuple[KeyPath, object | None]:
    """A path without the tags that pydantic puts in where sections are told apart by their `type`, and the type of the
    section that its last key stands in.
    """
    found, holder, kept = root, None, list[str | int]()
    for key in path:
        tagged = [part for part in _sections(found) if _tag(part) == key]
        if tagged:
            found = tagged[0]
        else:
            holder = _plain(found)
            found = None if found is None else _step(holder, key)
            kept.append(key)
    return tuple(kept), holder


def _sections(annotation: object) -> list[type[Section]]:
    """The sections that a union holds; none for any other type."""
    plain = _plain(annotation)
    if typing.get_origin(plain) not in (typing.Union, types.UnionType):
        return []
    parts = [_plain(part) for part in typing.get_args(plain)]
    return [part for part in parts if isinstance(part, type) and issubclass(part, Section)]


def _tag(section: type[Section]) -> object:
    field = section.model_fields.get("type")
    return field.default if field else None


def known_keys(annotation: object) -> set[str]:
    """The keys of a section, or of every section of a union; none for any other type."""
    parts = _sections(annotation) or ([annotation] if isinstance(annotation, type) else [])
    return {name for part in parts if issubclass(part, Section) for name in part.model_fields}


def _plain(annotation: object) -> object:
    """A type without `| None` and without Annotated."""
    origin = typing.get_origin(annotation)
    if origin is typing.Annotated:
        return _plain(typing.get_args(annotation)[0])
    if origin in (typing.Union, types.UnionType):
        kept = [part for part in typing.get_args(annotation) if part is not type(None)]
        return _plain(kept[0]) if len(kept) == 1 else annotation
    return annotation


def _step(annotation: object, key: str | int) -> object | None:
    if isinstance(annotation, type) and issubclass(annotation, Section):
        field = annotation.model_fields.get(str(key))
        return field.annotation if field else None
    if union := _sections(annotation):
        return next((found for part in union if (found := _step(part, key)) is not None), None)
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is tuple and isinstance(key, int):
        return arguments[0]
    if origin is dict:
        return arguments[1]
    return None


def value_at(path: KeyPath, root: object) -> object:
    """The raw value at `path`; None where there is none."""
    for key in path:
        if isinstance(root, Mapping):
            root = root.get(key)
        elif isinstance(root, list) and isinstance(key, int) and key < len(root):
            root = root[key]
        else:
            return None
    return root


def from_validation(error: ValidationError, raw: object, root: type[Section]) -> Iterator[tuple[KeyPath, str, str]]:
    """Each finding of pydantic as (key path, message, fix). `raw` is what was validated against `root`.

    A value is shown only where it must be one of a few words: anything else may be a secret.
    """
    for detail in error.errors(include_url=False, include_input=False):
        path, holder = _without_tags(detail["loc"], root)
        context = detail.get("ctx", {})
        conflicts = context.get("conflicts")
        if isinstance(conflicts, tuple):
            yield from ((path + c.path, c.message, "") for c in conflicts if isinstance(c, Conflict))
        else:
            yield path, *_told(detail, path, value_at(path, raw), root, holder)


def _told(detail: ErrorDetails, path: KeyPath, value: object, root: type[Section], holder: object) -> tuple[str, str]:
    kind, last, context = detail["type"], str(path[-1]) if path else "", detail.get("ctx", {})
    message = detail["msg"].removeprefix("Value error, ")
    if kind == "extra_forbidden":
        return f"unknown key {last!r}", _other_key(last, holder, annotation_at(path[:-1], root))
    if kind == "union_tag_invalid":
        return _unknown_type(str(context["tag"]), str(context["expected_tags"]))
    if kind == "missing":
        return "is missing", f"add `{last}:`"
    if kind == "literal_error":
        # The message lists the words already: only a near one is worth saying again.
        fix = did_you_mean(str(value), _words(path, root))
        return message.replace("Input should be", "must be"), fix if fix.startswith("did") else ""
    if kind == "string_pattern_mismatch" and last == "name":
        return "a name begins with a letter or digit and holds only letters, digits, `.`, `_`, `-` (64 at most)", ""
    return message.replace("Input should be", "must be"), _TYPE_FIXES.get(kind, "")


def _other_key(key: str, holder: object, section: object) -> str:
    """The fix for a key that `holder` does not know, which may be one of several types of `section`."""
    others = sorted(f"`type: {_tag(part)}`" for part in _sections(section) if key in part.model_fields)
    return f"it belongs to {' or '.join(others)}" if others else did_you_mean(key, known_keys(holder))


def _unknown_type(tag: str, expected: str) -> tuple[str, str]:
    known = re.findall(r"'([^']*)'", expected)
    other = _OTHER_TYPES.get(tag.lower(), "") if "folder" in known else ""
    return f"type {tag!r} is not known here", other or did_you_mean(tag, known)


def _words(path: KeyPath, root: type[Section]) -> list[str]:
    return [str(word) for word in typing.get_args(annotation_at(path, root))]
