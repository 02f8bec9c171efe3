"""Settings out of the environment: LOGPLATFORM_… variables, and a `.env` file beside the settings file.

What belongs here: names of variables, and the format of `.env`. What does not: what the values mean (`model`), and
the variables of other systems (`importer`).

A variable's name is the key path in capitals with `__` between keys (LOGPLATFORM_MACHINES__GAP_MINUTES=5;
LOGPLATFORM_ARCHIVES__SOURCES__0__PATH=/logs). Lists and sections are written in YAML's flow style (`[a, b]`). An
empty variable counts as not set. A secret may stand in a file, which a variable with `_FILE` at its end names
(LOGPLATFORM_STORES__SQL__PASSWORD_FILE=/run/secrets/postgres). LOGPLATFORM_CONFIG names the settings file.
"""

import difflib
import re
import typing
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from logplatform.failures import PermanentFailure
from logplatform.settings.base import Section
from logplatform.settings.document import read_document
from logplatform.settings.mistakes import KeyPath, Mistake, annotation_at, did_you_mean, key_text, known_keys

PREFIX = "LOGPLATFORM_"
CONFIG_VARIABLE = "LOGPLATFORM_CONFIG"
MAX_DOTENV_BYTES = 1024**2
_ASSIGNMENT = re.compile(r"(?:export\s+)?([A-Za-z_][A-Za-z0-9_.-]*)\s*=\s*(.*)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Variable:
    """One variable with the place it was set at: its own name for the environment, FILE:LINE for a `.env`."""

    name: str
    value: str
    place: str


@dataclass(frozen=True, slots=True)
class Override:
    """A value that replaces what the file says at `path`."""

    path: KeyPath
    value: object
    place: str


def read_dotenv(text: str, name: str) -> tuple[list[Variable], list[Mistake]]:
    """The assignments of a `.env` text: `KEY=VALUE`, `export` before it, quotes around the value, `#` comments.

    A line that is none of this is a mistake with its line number (its text is not shown: it may be a secret).
    """
    variables: list[Variable] = []
    mistakes: list[Mistake] = []
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), start=1):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            continue
        assignment = _ASSIGNMENT.fullmatch(stripped)
        if assignment:
            variables.append(Variable(assignment[1], unquoted(assignment[2]), f"{name}:{number}"))
        else:
            mistakes.append(Mistake(f"{name}:{number}", "", "not an assignment", "write KEY=VALUE"))
    return variables, mistakes


def unquoted(value: str) -> str:
    """A value of a `.env` line: what stands in the quotes, or what stands before ` #`."""
    quoted = re.match(r"""(["'])(.*?)\1\s*(?:#.*)?$""", value)
    return quoted[2] if quoted else re.split(r"(?:^|\s)#", value, maxsplit=1)[0].strip()


def dotenv_line(name: str, value: str) -> str:
    """The line of a `.env` that is read back as exactly `value`. Raises PermanentFailure where no line is."""
    for written in (value, f'"{value}"', f"'{value}'"):
        line = f"{name}={written}"
        read, _ = read_dotenv(line.encode("utf-8", errors="replace").decode(), "")
        if [variable.value for variable in read] == [value]:
            return line
    message = f"the value of {name} cannot be written in one line of a .env file: set it in the environment"
    raise PermanentFailure(message)


def dotenv_file(path: Path) -> tuple[list[Variable], list[Mistake]]:
    """The variables of the `.env` file at `path`; none if there is no such file."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_DOTENV_BYTES + 1)
    except FileNotFoundError:
        return [], []
    except OSError as error:
        return [], [Mistake(str(path), "", f"cannot be read: {error.strerror}")]
    if len(data) > MAX_DOTENV_BYTES:
        return [], [Mistake(str(path), "", f"larger than {MAX_DOTENV_BYTES} bytes")]
    return read_dotenv(data.decode("utf-8", errors="replace"), str(path))


def variables_of(env: Mapping[str, str], dotenv: Iterable[Variable]) -> dict[str, Variable]:
    """Both sets of variables by name; the environment wins over `.env`, in `.env` the last line wins."""
    merged = {variable.name: variable for variable in dotenv}
    return merged | {name: Variable(name, value, name) for name, value in env.items()}


def overrides(variables: Iterable[Variable], root: type[Section]) -> Iterator[Override | Mistake]:
    """What the LOGPLATFORM_… variables among `variables` set, those with fewer keys first.

    A variable that names no setting is a mistake if it was surely meant as one: it holds `__`, or is nearly a key.
    """
    ours = [v for v in variables if v.name.startswith(PREFIX) and v.name != CONFIG_VARIABLE and v.value != ""]
    for variable in sorted(ours, key=lambda v: (v.name.count("__"), v.name)):
        found = _override(variable, root)
        if found:
            yield found


def _override(variable: Variable, root: type[Section]) -> Override | Mistake | None:
    words = variable.name.removeprefix(PREFIX).lower().split("__")
    path: KeyPath = tuple(int(word) if re.fullmatch(r"\d{1,6}", word) else word for word in words)
    known = annotation_at(path, root)
    if known is None and (secret := _secret_path(path, root)):
        return _from_file(variable, secret)
    if known is None:
        near = len(path) > 1 or difflib.get_close_matches(words[0], root.model_fields, n=1, cutoff=0.8)
        return _unknown(variable, path, root) if near else None
    if not _is_collection(known):
        return Override(path, variable.value, variable.place)
    document = read_document(variable.value.encode("utf-8", errors="surrogateescape"), variable.place)
    if document.mistakes:
        return document.mistakes[0]
    return Override(path, document.value, variable.place)


def _secret_path(path: KeyPath, root: type[Section]) -> KeyPath | None:
    """The path of the secret that a path ending in `_file` stands for; None if it does for none."""
    last = str(path[-1])
    secret = (*path[:-1], last.removesuffix("_file"))
    return secret if last.endswith("_file") and annotation_at(secret, root) is SecretStr else None


def _from_file(variable: Variable, path: KeyPath) -> Override | Mistake:
    """A secret in a file of its own, as Docker and Kubernetes hand them over; its last line end is not of it."""
    try:
        with Path(variable.value).open("rb") as file:
            data = file.read(MAX_DOTENV_BYTES)
    except OSError as error:
        return Mistake(variable.place, key_text(path), f"{variable.value} cannot be read: {error.strerror}")
    return Override(path, data.decode("utf-8", errors="surrogateescape").rstrip("\r\n"), variable.place)


def _unknown(variable: Variable, path: KeyPath, root: type[Section]) -> Mistake:
    upto = next(n for n in range(len(path)) if annotation_at(path[: n + 1], root) is None)
    known = known_keys(annotation_at(path[:upto], root))
    fix = did_you_mean(str(path[upto]), known) if known else ""
    return Mistake(variable.place, key_text(path), f"{variable.name} names no setting", fix)


def _is_collection(annotation: object) -> bool:
    if typing.get_origin(annotation) in (tuple, dict):
        return True
    return bool(known_keys(annotation))
