"""Reading the configuration files of the existing systems: `sources.conf`, `pipeline.conf` and `.env`.

What belongs here: their formats. What does not: where their names belong (`homes`). Nothing here shows a value.
"""

import json
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from logplatform.settings.environment import Variable, read_dotenv, unquoted
from logplatform.settings.mistakes import Mistake

FILE_NAMES = ("sources.conf", "pipeline.conf", ".env")
MAX_BYTES = 4 * 1024**2
MAX_FOLDERS = 10_000
MAX_DEPTH = 3


@dataclass(frozen=True, slots=True)
class Server:
    """One server of a `sources.conf`, with all its fields as they were given, and the place it was read at."""

    name: str
    fields: dict[str, object]
    place: str


@dataclass(frozen=True, slots=True)
class LegacyFiles:
    """All that was found, in the order of the files; `files` are those that were read."""

    files: tuple[Path, ...]
    servers: tuple[Server, ...]
    variables: tuple[Variable, ...]
    mistakes: tuple[Mistake, ...]


def read_legacy(folder: Path) -> LegacyFiles:
    """Read every file of the known names in `folder` and its subfolders (3 deep); never raises for their content."""
    files: list[Path] = []
    servers: list[Server] = []
    variables: list[Variable] = []
    mistakes: list[Mistake] = []
    for path in _files(folder):
        place = path.relative_to(folder).as_posix()
        text = _text(path)
        if isinstance(text, Mistake):
            mistakes.append(text)
            continue
        files.append(path)
        if path.name == "sources.conf":
            found, wrong = read_sources(text, place)
            servers.extend(found)
        else:
            read = read_pipeline if path.name == "pipeline.conf" else read_dotenv
            given, wrong = read(text, place)
            variables.extend(given)
        mistakes.extend(wrong)
    return LegacyFiles(tuple(files), tuple(servers), tuple(variables), tuple(mistakes))


def _files(folder: Path) -> Iterator[Path]:
    for visited, (root, folders, names) in enumerate(os.walk(folder)):
        depth = len(Path(root).relative_to(folder).parts)
        hidden = [name for name in folders if name.startswith(".") or name in ("node_modules", "venv")]
        folders[:] = sorted(set(folders) - set(hidden)) if depth < MAX_DEPTH and visited < MAX_FOLDERS else []
        yield from (Path(root, name) for name in FILE_NAMES if name in names)


def _text(path: Path) -> str | Mistake:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        return Mistake(str(path), "", f"cannot be read: {error.strerror}")
    if len(data) > MAX_BYTES:
        return Mistake(str(path), "", f"larger than {MAX_BYTES} bytes")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        # An old file in a national encoding: latin-1 takes every byte, so a password comes through as it was.
        return data.decode("latin-1")


def read_sources(text: str, name: str) -> tuple[list[Server], list[Mistake]]:
    """The servers of a `sources.conf`: JSON `{"servers": [{"name", …}]}`; lines that begin with `#` are left out."""
    # Comment lines become empty ones, so that JSON's line numbers stay those of the file.
    lines = ["" if line.lstrip().startswith("#") else line for line in text.split("\n")]
    try:
        content = json.loads("\n".join(lines))
    except json.JSONDecodeError as error:
        return [], [Mistake(f"{name}:{error.lineno}:{error.colno}", "", f"this is not JSON: {error.msg}")]
    except RecursionError:
        return [], [Mistake(name, "", "this is not JSON: nested too deep")]
    listed = content.get("servers") if isinstance(content, dict) else None
    if not isinstance(listed, list):
        return [], [Mistake(name, "servers", "there is no list of servers in it")]
    servers: list[Server] = []
    mistakes: list[Mistake] = []
    for number, fields in enumerate(listed):
        place = f"{name}: server {number + 1}"
        label = fields.get("name") or fields.get("host") if isinstance(fields, dict) else None
        if isinstance(label, str):
            servers.append(Server(label, fields, place))
        else:
            mistakes.append(Mistake(place, "name", "a server needs a name or a host"))
    return servers, mistakes


def read_pipeline(text: str, name: str) -> tuple[list[Variable], list[Mistake]]:
    """The values of a `pipeline.conf`: KEY=VALUE or `key: value` lines, `[sections]` allowed, `#` and `;` comments."""
    variables: list[Variable] = []
    mistakes: list[Mistake] = []
    for number, line in enumerate(text.split("\n"), start=1):
        stripped = line.strip()
        if not stripped or stripped[0] in "#;" or re.fullmatch(r"\[[^\]]*\]", stripped):
            continue
        pair = re.fullmatch(r"(?:export\s+)?([A-Za-z_][\w.-]*)\s*[=:]\s*(.*)", stripped)
        if pair:
            variables.append(Variable(pair[1], unquoted(pair[2]), f"{name}:{number}"))
        else:
            mistakes.append(Mistake(f"{name}:{number}", "", "not an assignment", "write KEY=VALUE"))
    return variables, mistakes
