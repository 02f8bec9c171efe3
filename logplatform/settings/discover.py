"""Sources found by looking: one archive source a server's folder, one machine source with a centre a folder.

What belongs here: turning a folder's subfolders into entries for the settings file. What does not: reading logs.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

from logplatform.failures import PermanentFailure
from logplatform.settings.machines import centres_of

MAX_FOLDERS = 1000


def archive_sources(folder: Path, base: Path) -> list[dict[str, object]]:
    """An entry for each subfolder of `folder`, a server's logs; paths are written relative to `base` if they may be.

    Raises PermanentFailure when `folder` cannot be read, holds no folder, or more than 1000.
    """
    taken: set[str] = set()
    return [
        {"name": _name(server, taken), "type": "folder", "path": _written(folder / server, base)}
        for server in _subfolders(folder)
    ]


def machine_sources(folder: Path, base: Path) -> list[dict[str, object]]:
    """One entry for `folder`, each subfolder being a machining centre: `DEM12 (PVC)` is nom DEM12, type_cu PVC.

    Raises PermanentFailure as `archive_sources` does.
    """
    centres = centres_of(dict.fromkeys(_subfolders(folder)))
    name = _name(folder.resolve().name, set())
    return [{"name": name, "type": "folder", "path": _written(folder, base), "folders": centres}]


def _subfolders(folder: Path) -> list[str]:
    try:
        found = sorted(_visible(folder))
    except OSError as error:
        raise PermanentFailure(f"{folder}: {error.strerror}") from error
    if not found:
        raise PermanentFailure(f"{folder} holds no folders: it must hold one a server, or one a machining centre")
    if len(found) > MAX_FOLDERS:
        raise PermanentFailure(f"{folder} holds more than {MAX_FOLDERS} folders: write the sources by hand")
    return found


def _visible(folder: Path) -> Iterator[str]:
    count = 0
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir() and not entry.name.startswith(".") and count <= MAX_FOLDERS:
                count += 1
                yield entry.name


def _name(text: str, taken: set[str]) -> str:
    """A source's name made of a folder's: other characters become `-`, a number tells equal names apart."""
    plain = re.sub(r"[^A-Za-z0-9._-]+", "-", text).strip(".-_")[:56] or "source"
    name = next(n for n in (plain, *(f"{plain}-{i}" for i in range(2, len(taken) + 3))) if n.lower() not in taken)
    taken.add(name.lower())
    return name


def _written(path: Path, base: Path) -> str:
    """Absolute paths stay so; others are written as seen from the settings file's folder."""
    return str(path) if path.is_absolute() else os.path.relpath(path.absolute(), base.absolute())
