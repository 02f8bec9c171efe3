"""Checks of valid settings against the machine they are used on.

What belongs here: what only the disk can tell (folders that are missing, that may not be read, that lie in each
other). What does not: rules that the values alone can break (`model`), and starting anything.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from logplatform.settings.api import is_loopback
from logplatform.settings.archives import ArchiveFolder
from logplatform.settings.load import DEFAULT_ORIGIN, Loaded
from logplatform.settings.machines import MachineFolder
from logplatform.settings.mistakes import Mistake
from logplatform.settings.secrecy import is_secret
from logplatform.settings.server_check import server_faults
from logplatform.settings.servers import FtpServer, SshServer


@dataclass(frozen=True, slots=True)
class _Checked:
    loaded: Loaded

    def told(self, key: str, message: str, fix: str, level: Literal["error", "warning"] = "error") -> Mistake:
        return Mistake(self.loaded.origins.get(key, str(self.loaded.file or "settings")), key, message, fix, level)


def check(loaded: Loaded) -> list[Mistake]:
    """Every mistake (level error) and everything odd (level warning) that the disk shows; writes nothing."""
    checked = _Checked(loaded)
    parts = (_writable, _sources, _centres, _servers, _secrets, _alerts, _nothing_to_do)
    return [mistake for part in parts for mistake in part(checked)]


def _writable(checked: _Checked) -> Iterator[Mistake]:
    root = checked.loaded.settings.data_root
    existing = next(folder for folder in (root, *root.absolute().parents) if folder.exists())
    if not existing.is_dir():
        yield checked.told("data_root", f"{existing} is not a folder", "name a folder")
    elif not os.access(existing, os.W_OK | os.X_OK):
        yield checked.told(
            "data_root", f"{existing} cannot be written", "give yourself the right, or name another folder"
        )


def _sources(checked: _Checked) -> Iterator[Mistake]:
    settings = checked.loaded.settings
    for domain, sources in (("archives", settings.archives.sources), ("machines", settings.machines.sources)):
        for index, source in enumerate(sources):
            if source.enabled and isinstance(source, ArchiveFolder | MachineFolder):
                key = f"{domain}.sources[{index}].path"
                yield from _folder(checked, key, source.path, writable=source.delete_source)


def _folder(checked: _Checked, key: str, path: Path, *, writable: bool) -> Iterator[Mistake]:
    root = checked.loaded.settings.data_root.resolve()
    if not path.exists():
        yield checked.told(key, f"the folder {path} does not exist", "make it, mount it, or set `enabled: false`")
    elif not path.is_dir():
        yield checked.told(key, f"{path} is not a folder", "name the folder that holds the files")
    elif not os.access(path, os.R_OK | os.X_OK):
        yield checked.told(key, f"the folder {path} cannot be read", "give yourself the right to read it")
    elif writable and not os.access(path, os.W_OK):
        yield checked.told(key, f"nothing can be removed from {path}", "set `delete_source: false`, or give the right")
    elif root.is_relative_to(path.resolve()):
        yield checked.told(
            key, f"the data root {root} lies in this source: it would collect itself", "move one of the two"
        )


def _centres(checked: _Checked) -> Iterator[Mistake]:
    for index, source in enumerate(checked.loaded.settings.machines.sources):
        if not isinstance(source, MachineFolder) or not source.enabled or not source.path.is_dir():
            continue
        for folder in source.folders:
            if not (source.path / folder).is_dir():
                key = f"machines.sources[{index}].folders.{folder}"
                yield checked.told(
                    key, f"{source.path / folder} does not exist yet", "look for a typing error", "warning"
                )


def _servers(checked: _Checked) -> Iterator[Mistake]:
    settings = checked.loaded.settings
    listed = {"archives.sources": settings.archives.sources, "machines.sources": settings.machines.sources}
    for key, sources in {**listed, "uploads.inboxes": settings.uploads.inboxes}.items():
        for index, source in enumerate(sources):
            if source.enabled and isinstance(source, SshServer | FtpServer):
                for name, message, fix, level in server_faults(source, source.name):
                    field, whole = f"{key}[{index}].{name}", f"{key}[{index}].name"
                    # What is left out has no place of its own: the source's is told.
                    origins = checked.loaded.origins
                    place = origins[field] if origins.get(field, DEFAULT_ORIGIN) != DEFAULT_ORIGIN else origins[whole]
                    yield Mistake(place, field, message, fix, level)


def _secrets(checked: _Checked) -> Iterator[Mistake]:
    loaded = checked.loaded
    path = (loaded.file.parent if loaded.file else Path()).absolute() / ".env"
    held = [v for v in loaded.variables.values() if v.place.startswith(f"{path}:") and is_secret(v.name, v.value)]
    if held and path.stat().st_mode & 0o077:
        yield Mistake(str(path), "", "holds secrets that others can read", f"`chmod 600 {path}`", "warning")


def _alerts(checked: _Checked) -> Iterator[Mistake]:
    url = checked.loaded.settings.alerts.webhook_url
    parts = urlsplit(url.get_secret_value()) if url is not None else None
    if parts is not None and parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        message = f"alerts go to {parts.hostname} unencrypted: they are signed, but others can read them"
        yield checked.told("alerts.webhook_url", message, "use an address that begins with https://", "warning")


def _nothing_to_do(checked: _Checked) -> Iterator[Mistake]:
    settings = checked.loaded.settings
    if not any(source.enabled for source in (*settings.archives.sources, *settings.machines.sources)):
        fix = "add a source to archives.sources or machines.sources (`logplatform init` shows how)"
        yield checked.told("", "no server and no machine is named: none of their logs are collected", fix, "warning")
