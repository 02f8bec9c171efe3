"""Reading the settings: defaults, then one YAML file, then `.env` beside it, then the environment; the last wins.

What belongs here: putting the three together, and knowing where each value came from. What does not: the formats
(`document`, `environment`), the fields (`model`), and checks that need the disk (`check`).
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from logplatform.settings.base import Section
from logplatform.settings.conflicts import conflicts_in
from logplatform.settings.credentials import logins
from logplatform.settings.document import MAX_BYTES, Document, read_document
from logplatform.settings.environment import (
    CONFIG_VARIABLE,
    Override,
    Variable,
    dotenv_file,
    overrides,
    variables_of,
)
from logplatform.settings.mistakes import KeyPath, Mistake, SettingsError, from_validation, in_order, key_text
from logplatform.settings.model import Settings

DEFAULT_FILE = "logplatform.yaml"
DEFAULT_ORIGIN = "default"


@dataclass(frozen=True, slots=True)
class Loaded:
    """Settings with their origin.

    `file` is the YAML file that was read (None: there is none); `origins` maps the key text of every effective value
    (`archives.sources[0].name`) to `default`, FILE:LINE:COLUMN or a variable's name; `variables` are the environment
    and `.env` together, where secrets that are no settings are looked up (never printed).
    """

    settings: Settings
    origins: Mapping[str, str]
    file: Path | None
    variables: Mapping[str, Variable] = field(repr=False)


@dataclass(slots=True)
class _Merged:
    """The file's values with the overrides put over them, and the place of each."""

    raw: dict[str, object]
    places: dict[KeyPath, str]
    scalars: set[KeyPath]

    def put(self, override: Override) -> Mistake | None:
        """Set one value; a list position beyond the list's end is a mistake."""
        holder: object = self.raw
        for depth, key in enumerate(override.path[:-1]):
            holder = _child(holder, key, wants_list=isinstance(override.path[depth + 1], int))
        last = override.path[-1]
        if not _set(holder, last, override.value):
            return Mistake(override.place, key_text(override.path), "there is no such item in the list to change")
        for path in [path for path in self.places if path[: len(override.path)] == override.path]:
            del self.places[path]
            self.scalars.discard(path)
        for path, scalar in _parts(override.value, override.path):
            self.places[path] = override.place
            if scalar:
                self.scalars.add(path)
        return None

    def place(self, path: KeyPath, otherwise: str) -> str:
        """Where `path`, or what it stands in, was written."""
        for end in range(len(path), 0, -1):
            if path[:end] in self.places:
                return self.places[path[:end]]
        return otherwise

    def origin(self, path: KeyPath) -> str:
        """Where an effective value came from: written there itself, or as part of a value written in short."""
        if path in self.places:
            return self.places[path]
        short = (path[:end] for end in range(len(path), 0, -1) if path[:end] in self.scalars)
        return next((self.places[above] for above in short), DEFAULT_ORIGIN)


def _parts(value: object, path: KeyPath) -> Iterator[tuple[KeyPath, bool]]:
    """The paths of a raw value and of all in it; True for a single value."""
    items: Iterable[tuple[str | int, object]] = ()
    if isinstance(value, dict):
        items = ((str(key), item) for key, item in value.items())
    elif isinstance(value, list):
        items = enumerate(value)
    yield path, not isinstance(value, dict | list)
    for key, item in items:
        yield from _parts(item, (*path, key))


def _child(holder: object, key: str | int, *, wants_list: bool) -> object:
    empty: object = [] if wants_list else {}
    if isinstance(holder, dict):
        if not isinstance(holder.get(key), dict | list):
            holder[key] = empty
        return holder[key]
    if isinstance(holder, list) and isinstance(key, int):
        if key == len(holder):
            holder.append(empty)
        return holder[key] if key < len(holder) else None
    return None


def _set(holder: object, key: str | int, value: object) -> bool:
    if isinstance(holder, dict):
        holder[key] = value
    elif isinstance(holder, list) and isinstance(key, int) and key <= len(holder):
        holder[key : key + 1] = [value]
    else:
        return False
    return True


def settings_file(path: Path | None, env: Mapping[str, str]) -> Path | None:
    """The file to read: `path`, else LOGPLATFORM_CONFIG, else `logplatform.yaml` here if there is one, else none."""
    named = path or (Path(env[CONFIG_VARIABLE]) if env.get(CONFIG_VARIABLE) else None)
    if named is not None:
        return named
    return Path(DEFAULT_FILE) if Path(DEFAULT_FILE).exists() else None


def load(path: Path | None = None, env: Mapping[str, str] = os.environ) -> Loaded:
    """Read the settings. Raises `SettingsError` with every mistake and its place; values are never shown.

    Relative paths stand under the folder of the settings file, without a file under the working directory.
    """
    file = settings_file(path, env)
    base = file.parent.absolute() if file else Path.cwd()
    document = _read(file)
    dotenv, mistakes = dotenv_file(base / ".env")
    variables = variables_of(env, dotenv)
    mistakes = [*document.mistakes, *mistakes]
    merged = _Merged({}, dict(document.places), set(document.scalars))
    if isinstance(document.value, dict):
        merged.raw = document.value
    elif document.value is not None:
        mistakes.append(Mistake(f"{file}:1:1", "", "the file must hold `key: value` lines"))
    for found in overrides(variables.values(), Settings):
        mistake = merged.put(found) if isinstance(found, Override) else found
        mistakes.extend([mistake] if mistake else [])
    for login in list(logins(merged.raw, variables)):
        merged.put(login)
    settings, invalid = _validated(merged, base, str(file or "settings"))
    told = {mistake.key for mistake in mistakes if mistake.key}
    mistakes.extend(mistake for mistake in invalid if mistake.key not in told)
    if settings is None or mistakes:
        raise SettingsError(in_order(mistakes))
    origins = {key_text(leaf): merged.origin(leaf) for leaf, _ in values(settings)}
    return Loaded(settings, origins, file, variables)


def _read(file: Path | None) -> Document:
    if file is None:
        return Document({}, {}, frozenset(), ())
    try:
        with file.open("rb") as stream:
            return read_document(stream.read(MAX_BYTES + 1), str(file))
    except OSError as error:
        told = f"cannot be read: {error.strerror}"
        mistake = Mistake(str(file), "", told, "`logplatform init` writes a settings file")
        return Document({}, {}, frozenset(), (mistake,))


def _validated(merged: _Merged, base: Path, name: str) -> tuple[Settings | None, list[Mistake]]:
    try:
        return Settings.model_validate(merged.raw, context={"base": base}), []
    except ValidationError as error:
        found = {(path, message): fix for path, message, fix in from_validation(error, merged.raw, Settings)}
        found |= dict.fromkeys(conflicts_in(merged.raw), "")
        told = [Mistake(merged.place(path, name), key_text(path), text, fix) for (path, text), fix in found.items()]
        return None, told


def values(section: Section, above: KeyPath = ()) -> Iterator[tuple[KeyPath, object]]:
    """Every effective value with its key path. A list of single values is one value, as is an empty list."""
    for name in type(section).model_fields:
        yield from _values_of(getattr(section, name), (*above, name))


def _values_of(value: object, path: KeyPath) -> Iterator[tuple[KeyPath, object]]:
    if isinstance(value, Section):
        yield from values(value, path)
    elif isinstance(value, Mapping) and value:
        for key, item in value.items():
            yield from _values_of(item, (*path, str(key)))
    elif isinstance(value, Sequence) and value and isinstance(value[0], Section):
        for index, item in enumerate(value):
            yield from _values_of(item, (*path, index))
    else:
        yield path, value
