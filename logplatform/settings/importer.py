"""Filling the settings in from existing systems: every value goes to its key, to `.env`, or into a kept comment.

What belongs here: deciding what becomes of each value; nothing is dropped in silence, and no secret is shown. What
does not: reading the files (`legacy`), the table of names (`homes`), writing (`template`, the command line).
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

from pydantic import ValidationError

from logplatform.settings.environment import Variable
from logplatform.settings.homes import Home, home_of
from logplatform.settings.legacy import LegacyFiles, Server
from logplatform.settings.mistakes import KeyPath, from_validation, key_text
from logplatform.settings.model import Settings
from logplatform.settings.secrecy import is_secret

Fate = Literal["set", "secret", "kept", "refused", "repeated"]
"""set: a value of the settings now; secret: in `.env`; kept: a comment at its later place; refused: its value cannot
be used, kept as a comment; repeated: given again with another value, kept as a comment."""
HIDDEN = "(secret)"


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of one value: `shown` is the value, or that it is a secret; `note` says why it is not set."""

    place: str
    name: str
    shown: str
    fate: Fate
    target: str
    note: str = ""


@dataclass(slots=True)
class Imported:
    """The outcome: `values` for the settings, `servers` as they will be sources, `secrets` for `.env`, and the list."""

    values: dict[str, object] = field(default_factory=dict)
    servers: list[dict[str, object]] = field(default_factory=list)
    secrets: dict[str, str] = field(default_factory=dict, repr=False)
    taken: list[Taken] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Candidate:
    variable: Variable
    home: Home
    value: str


def import_legacy(found: LegacyFiles) -> Imported:
    """Decide on every value of `found`. A name that is given twice with different values keeps the first."""
    imported = Imported()
    candidates: dict[str, _Candidate] = {}
    for server in found.servers:
        _take_server(imported, server)
    for variable in found.variables:
        home = home_of(variable.name, variable.value)
        if home.kind == "setting":
            _candidate(imported, candidates, _Candidate(variable, home, _spelled(home, variable.value)))
        elif home.kind == "secret":
            _take_secret(imported, variable.name.upper(), variable, home)
        else:
            taken = Taken(variable.place, variable.name, variable.value, "kept", home.target, home.why)
            imported.taken.append(taken)
    _set_valid(imported, list(candidates.values()))
    return imported


def password_name(server: str) -> str:
    """The variable of a server's password: SSH_PASSWORD_<NAME>, with `_` for what no variable's name may hold."""
    return f"SSH_PASSWORD_{re.sub(r'[^A-Z0-9]', '_', server.upper())}"


def _take_server(imported: Imported, server: Server) -> None:
    entry: dict[str, object] = {"name": server.name, "type": "sftp"}
    for name, value in server.fields.items():
        if name == "name" or value is None:
            continue
        if isinstance(value, str) and value and is_secret(name, value):
            variable = Variable(f"{server.name}.{name}", value, server.place)
            key = password_name(server.name) + ("" if name.lower() == "password" else f"_{name.upper()}")
            _take_secret(imported, key, variable, Home("secret", "archives.sources"))
        else:
            entry[name] = value
    imported.servers.append(entry)
    note = "SSH comes with the server deployment"
    imported.taken.append(Taken(server.place, server.name, "", "kept", "archives.sources", note))


def _take_secret(imported: Imported, key: str, variable: Variable, home: Home) -> None:
    known = imported.secrets.setdefault(key, variable.value)
    if known == variable.value:
        taken = Taken(variable.place, variable.name, HIDDEN, "secret", f".env: {key}", home.why)
    else:
        spare = next(f"{key}_{n}" for n in range(2, len(imported.secrets) + 3) if f"{key}_{n}" not in imported.secrets)
        imported.secrets[spare] = variable.value
        taken = Taken(variable.place, variable.name, HIDDEN, "repeated", f".env: {spare}", f"{key} has another value")
    imported.taken.append(taken)


def _candidate(imported: Imported, candidates: dict[str, _Candidate], new: _Candidate) -> None:
    first = candidates.setdefault(new.home.target, new)
    if first.value != new.value:
        note = f"{first.variable.place} gives another value, which is set"
        variable = new.variable
        imported.taken.append(Taken(variable.place, variable.name, variable.value, "repeated", new.home.target, note))


def _spelled(home: Home, value: str) -> str:
    """The value as this platform spells it: its words for log levels and formats."""
    if home.target == "logs.level":
        level = value.upper()
        return {"WARN": "WARNING", "CRITICAL": "ERROR", "FATAL": "ERROR"}.get(level, level)
    return value.lower() if home.target in ("logs.format", "tickets.output_format") else value


def _set_valid(imported: Imported, candidates: list[_Candidate]) -> None:
    """Set every candidate that the settings accept together with the others; the others are kept with the reason."""
    while True:
        values = nested(candidates)
        try:
            valid = Settings.model_validate(values)
            break
        except ValidationError as error:
            reasons = {path: message for path, message, _ in from_validation(error, values, Settings)}
        refused = _refused(candidates, reasons)
        for candidate in candidates:
            if reason := refused.get(candidate.home.target):
                variable = candidate.variable
                told = Taken(variable.place, variable.name, variable.value, "refused", candidate.home.target, reason)
                imported.taken.append(told)
        candidates = [c for c in candidates if c.home.target not in refused]
    for candidate in candidates:
        variable = candidate.variable
        _put(imported.values, candidate.home.path, _typed(valid, candidate.home.path))
        imported.taken.append(Taken(variable.place, variable.name, variable.value, "set", candidate.home.target))


def _refused(candidates: Sequence[_Candidate], reasons: dict[KeyPath, str]) -> dict[str, str]:
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


def nested(candidates: Iterable[_Candidate]) -> dict[str, object]:
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
