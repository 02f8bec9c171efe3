"""Filling the settings in from existing systems: every value goes to its key, to `.env`, or into a kept comment.

What belongs here: deciding what becomes of each value; nothing is dropped in silence, and no secret is shown. What
does not: reading the files (`legacy`), the table of names (`homes`), writing (`template`, the command line).
"""

from dataclasses import dataclass, field
from typing import Literal

from logplatform.settings.credentials import password_name
from logplatform.settings.environment import PREFIX, Variable
from logplatform.settings.homes import Home, home_of
from logplatform.settings.import_addresses import Part, part_of, settings_of, split_url
from logplatform.settings.import_addresses import Server as Kind
from logplatform.settings.import_servers import source_name, source_of, why_not
from logplatform.settings.import_values import Candidate, merge, valid_values
from logplatform.settings.legacy import LegacyFiles, Server
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
    """The outcome: `values` for the settings, `servers` that cannot be sources as they are, `secrets` for `.env`, and
    the list of all.
    """

    values: dict[str, object] = field(default_factory=dict)
    servers: list[dict[str, object]] = field(default_factory=list)
    secrets: dict[str, str] = field(default_factory=dict, repr=False)
    taken: list[Taken] = field(default_factory=list)


def import_legacy(found: LegacyFiles) -> Imported:
    """Decide on every value of `found`. A name that is given twice with different values keeps the first."""
    imported = Imported()
    candidates: dict[str, Candidate] = {}
    parts: dict[Kind, dict[Part, Variable]] = {}
    for server in found.servers:
        _take_server(imported, server)
    for variable in found.variables:
        home = home_of(variable.name, variable.value)
        if home.kind == "setting":
            _candidate(imported, candidates, Candidate(variable, home, _spelled(home, variable.value)))
        elif home.kind == "part":
            _take_part(imported, parts, variable)
        elif home.kind == "secret":
            _take_secret(imported, _secret_key(variable, home), variable, home)
        else:
            taken = Taken(variable.place, variable.name, variable.value, "kept", home.target, home.why)
            imported.taken.append(taken)
    for kind, given in parts.items():
        _take_address(imported, candidates, kind, given)
    values, accepted, refused = valid_values(list(candidates.values()))
    merge(imported.values, values)
    for fate, decided in (("set", accepted), ("refused", refused)):
        imported.taken += [
            Taken(one.variable.place, one.variable.name, one.variable.value, fate, one.home.target, reason)
            for one, reason in decided
        ]
    return imported


def _take_server(imported: Imported, server: Server) -> None:
    archives = imported.values.setdefault("archives", {})
    sources = archives.setdefault("sources", []) if isinstance(archives, dict) else []
    entry, rest = source_of(
        source_name(server.name, [str(one["name"]) for one in (*sources, *imported.servers)]), server
    )
    key = password_name(str(entry["name"]))
    for fields in (entry, rest):
        for name, value in list(fields.items()):
            if name != "name" and isinstance(value, str) and value and is_secret(name, value):
                variable = Variable(f"{server.name}.{name}", value, server.place)
                own = key if name.lower() == "password" else f"{key}_{name.upper()}"
                _take_secret(imported, own, variable, Home("secret", "archives.sources"))
                del fields[name]
    reason = why_not(entry)
    for name, value in rest.items():
        taken = Taken(server.place, f"{server.name}.{name}", str(value), "kept", "archives.sources", "no such field")
        imported.taken.append(taken)
    (imported.servers if reason else sources).append(entry)
    fate: Fate = "kept" if reason else "set"
    imported.taken.append(Taken(server.place, server.name, "", fate, "archives.sources", reason))
    if not sources:
        imported.values.pop("archives", None)


def _take_part(imported: Imported, parts: dict[Kind, dict[Part, Variable]], variable: Variable) -> None:
    """Keep a part of an address until all are read; an address with a password in it is taken apart."""
    found = part_of(variable.name.upper().replace("-", "_").replace(".", "_"))
    if found is None:
        return
    kind, part = found
    given = parts.setdefault(kind, {})
    pieces = split_url(kind, variable.value) if part in {"url", "host"} and "://" in variable.value else None
    if pieces is None and is_secret(variable.name, variable.value):
        _take_secret(imported, variable.name.upper(), variable, Home("secret", kind.section))
        return
    password = (pieces or {}).pop("password", "")
    if password:
        secret = Variable(f"{variable.name} (its password)", password, variable.place)
        _take_secret(imported, _env_name(f"{kind.section}.password"), secret, Home("secret", kind.section))
    for name, text in (pieces or {part: variable.value}).items():
        first = given.setdefault(name, Variable(variable.name, text, variable.place))
        if first.value != text:
            note = f"{first.place} gives another value, which is set"
            imported.taken.append(Taken(variable.place, variable.name, text, "repeated", kind.section, note))


def _take_address(
    imported: Imported, candidates: dict[str, Candidate], kind: Kind, given: dict[Part, Variable]
) -> None:
    """Make one address of its parts; parts that make none are kept."""
    fields = settings_of(kind, {part: variable.value for part, variable in given.items()})
    whole = next((given[part] for part in ("host", "url") if part in given), None)
    section = kind.section.partition(".")[0] if "sources" in fields else kind.section
    if whole is not None:
        for name, value in fields.items():
            target = f"{section}.{name}"
            candidates.setdefault(target, Candidate(whole, Home("setting", target), value))
    for variable in {one.name: one for one in given.values() if one is not whole}.values():
        if whole is not None and variable.name == whole.name:
            continue
        fate: Fate = "set" if fields else "kept"
        note = "part of that address" if fields else "no host is told with it"
        imported.taken.append(Taken(variable.place, variable.name, variable.value, fate, kind.section, note))
    if whole is not None and not fields:
        taken = Taken(whole.place, whole.name, whole.value, "kept", kind.section, "no address can be made of it")
        imported.taken.append(taken)


def _secret_key(variable: Variable, home: Home) -> str:
    """The variable that a secret is read from here: a setting's, else the name it had."""
    return (
        _env_name(home.target)
        if home.target.startswith("stores.") and "." in home.target[7:]
        else variable.name.upper()
    )


def _env_name(target: str) -> str:
    return f"{PREFIX}{target.upper().replace('.', '__')}"


def _take_secret(imported: Imported, key: str, variable: Variable, home: Home) -> None:
    known = imported.secrets.setdefault(key, variable.value)
    if known == variable.value:
        taken = Taken(variable.place, variable.name, HIDDEN, "secret", f".env: {key}", home.why)
    else:
        # A variable that begins as a setting's and is none would be a mistake in the settings.
        own = variable.name.upper().replace(" ", "_") if key.startswith(PREFIX) else key
        own = "".join(sign if sign.isalnum() else "_" for sign in own)
        spare = next(f"{own}_{n}" for n in range(2, len(imported.secrets) + 3) if f"{own}_{n}" not in imported.secrets)
        imported.secrets[spare] = variable.value
        taken = Taken(variable.place, variable.name, HIDDEN, "repeated", f".env: {spare}", f"{key} has another value")
    imported.taken.append(taken)


def _candidate(imported: Imported, candidates: dict[str, Candidate], new: Candidate) -> None:
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
    return value.lower() if home.target in ("logs.format", "tickets.output_format", "stores.spark.memory") else value
