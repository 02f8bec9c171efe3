"""Which imported values the settings accept, and the sections that they make.

What belongs here: trying values together, leaving out those that are refused, with the reason. What does not: where a
value came from and belongs (`importer`, `homes`).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from logplatform.settings.environment import Variable
from logplatform.settings.homes import Home
from logplatform.settings.mistakes import KeyPath, from_validation, key_text
from logplatform.settings.model import Settings


@dataclass(frozen=True, slots=True)
class Candidate:
    """A value that may become a setting."""

    variable: Variable
    home: Home
    value: object


Decided = list[tuple[Candidate, str]]
"""Candidates, each with the reason why it is refused (empty if it is not)."""


def valid_values(candidates: Sequence[Candidate]) -> tuple[dict[str, object], Decided, Decided]:
    """The sections of those candidates that the settings accept together; these; and those that are refused."""
    left, refused_all = list(candidates), Decided()
    while True:
        values = nested(left)
        try:
            valid = Settings.model_validate(values)
            break
        except ValidationError as error:
            reasons = {path: message for path, message, _ in from_validation(error, values, Settings)}
        refused = _refused(left, reasons)
        refused_all += [(one, refused[one.home.target]) for one in left if one.home.target in refused]
        left = [one for one in left if one.home.target not in refused]
    sections: dict[str, object] = {}
    for one in left:
        # A number is written as a number; a list of sources as it was put together.
        _put(sections, one.home.path, one.value if isinstance(one.value, list) else _typed(valid, one.home.path))
    return sections, [(one, "") for one in left], refused_all


def merge(sections: dict[str, object], more: dict[str, object]) -> None:
    """Put `more` into `sections`, section by section."""
    for key, value in more.items():
        known = sections.get(key)
        if isinstance(known, dict) and isinstance(value, dict):
            merge(known, value)
        else:
            sections[key] = value


def _refused(candidates: Sequence[Candidate], reasons: dict[KeyPath, str]) -> dict[str, str]:
    """Target -> reason of those to leave out: found wrong themselves, else in the section of what was found wrong.

    The second happens where a value is right by itself but not beside another section's default.
    """
    paths = [candidate.home.path for candidate in candidates]
    direct = {key_text(path): reasons[path] for path in paths if path in reasons}
    if direct:
        return direct
    beside = {
        key_text(path): f"{key_text(other)} would be {message}"
        for path in paths
        for other, message in reasons.items()
        if other[:-1] == path[:-1]
    }
    return beside or {key_text(path): next(iter(reasons.values())) for path in paths}


def nested(candidates: Iterable[Candidate]) -> dict[str, object]:
    """The candidates' values as the sections they stand in."""
    values: dict[str, object] = {}
    for candidate in candidates:
        _put(values, candidate.home.path, candidate.value)
    return values


def _put(values: dict[str, object], path: Sequence[str | int], value: object) -> None:
    section = values
    for key in path[:-1]:
        below = section.setdefault(str(key), {})
        if not isinstance(below, dict):
            return
        section = below
    section[str(path[-1])] = value


def _typed(settings: Settings, path: KeyPath) -> object:
    """The validated value: a number is written as a number."""
    value: object = settings
    for key in path:
        value = getattr(value, str(key))
    return value
