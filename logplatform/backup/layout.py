"""What lies where in a backup's target, and what tells that a backup is whole.

What belongs here: names, the manifest, the swap that makes a new backup the newest. What does not: what is saved
(`take`), checking (`verify`).

    <target>/files/<key>              files that never change, shared by all backups
    <target>/backups/<id>/            one backup: what changes, and the lists of all that belongs to it
        manifest.json                 of what it is; its sha256 is in manifest.sha256
        own.ndjson                    every file in this folder, with size and sha256
        files.db                      every shared file that belongs to it, with size and sha256 (SQLite)
        databases/ dagster/ folders/ objects/ servers/ settings/
    <target>/latest -> backups/<id>

A backup is made as `backups/.making-<id>` and gets its name when all of it is on the disk: whatever dies meanwhile, the
former ones are as they were.
"""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from logplatform.failures import PermanentFailure, TransientFailure
from logplatform.stores.folders import fsync_folder

FORMAT = 1
RESTORING = ".restoring"
"""The note under a data root that a restore has begun there and not ended."""
MANIFEST, SEAL, OWN, FILES = "manifest.json", "manifest.sha256", "own.ndjson", "files.db"
_MAKING, _DROPPING = ".making-", ".dropping-"

TOLD_EVERY = 100
Progress = Callable[[str, int], object]
"""Is told what is being done, and with how many files it is done."""


class Manifest(msgspec.Struct, frozen=True):
    """What a backup is. `stores` tells the kind of each store, `revisions` the schema of each database.

    `missing`: files that the stores speak of and nobody has any more. `lists` are the sha256 of the two lists.
    """

    id: str
    made_at: datetime
    version: str
    tenant: str
    stores: dict[str, str]
    revisions: dict[str, str]
    missing: list[str]
    lists: dict[str, str]
    files: int = 0
    bytes: int = 0
    dagster: str = ""
    format: int = FORMAT


class OwnFile(msgspec.Struct, frozen=True):
    """A file of one backup alone: its path in the backup's folder, bytes, sha256."""

    path: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Target:
    """The folder that backups go to."""

    root: Path

    @property
    def files(self) -> Path:
        """The files that all backups share."""
        return self.root / "files"

    @property
    def parts(self) -> Path:
        """Files on their way."""
        return self.root / ".parts"

    def backups(self) -> list[Path]:
        """The whole backups, oldest first."""
        return [folder for folder in self._folders() if (folder / SEAL).is_file()]

    def broken(self) -> list[Path]:
        """Folders of backups that have lost their seal."""
        return [folder for folder in self._folders() if not (folder / SEAL).is_file()]

    def _folders(self) -> list[Path]:
        return sorted(path for path in (self.root / "backups").glob("*") if not path.name.startswith("."))

    def newest(self) -> Path | None:
        """The newest whole backup."""
        return next(reversed(self.backups()), None)

    def backup(self, name: str | None) -> Path:
        """One backup, the newest if none is named; PermanentFailure if there is none."""
        found = self.backups()
        if not found:
            raise PermanentFailure(f"{self.root} holds no backup")
        wanted = [path for path in found if name in {None, path.name}]
        if not wanted:
            raise PermanentFailure(f"{self.root} holds no backup {name}, but {', '.join(path.name for path in found)}")
        return wanted[-1]

    @contextmanager
    def making(self, name: str) -> Generator[Path]:
        """A folder for a new backup; what is in it when the context ends well is the newest backup.

        Raises TransientFailure as `held`.
        """
        for folder in (self.files, self.parts, self.root / "backups"):
            folder.mkdir(parents=True, exist_ok=True)
        with self.held():
            work = self.root / "backups" / f"{_MAKING}{name}"
            work.mkdir()
            yield work
            self._finish(work, name)

    @contextmanager
    def held(self) -> Generator[None]:
        """Nobody else makes or drops backups here meanwhile; what dead ones left is removed first.

        Raises TransientFailure if another process is at it.
        """
        with (self.root / ".lock").open("ab") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise TransientFailure(f"another backup is being made or dropped in {self.root}") from None
            self._clear()
            yield

    def drop(self, backup: Path) -> None:
        """Remove a backup's folder: at any moment it is a whole backup or none."""
        going = backup.with_name(f"{_DROPPING}{backup.name}")
        backup.rename(going)
        fsync_folder(going.parent)
        shutil.rmtree(going)

    def _clear(self) -> None:
        for mark in (_MAKING, _DROPPING):
            for path in (self.root / "backups").glob(f"{mark}*"):
                shutil.rmtree(path)
        for path in self.parts.glob("*"):
            path.unlink()

    def _finish(self, work: Path, name: str) -> None:
        final = work.with_name(name)
        work.rename(final)
        fsync_folder(final.parent)
        self.point_to(name)

    def point_to(self, name: str) -> None:
        """Have `latest` lead to this backup."""
        pointer = self.root / ".latest"
        pointer.unlink(missing_ok=True)
        pointer.symlink_to(f"backups/{name}")
        pointer.rename(self.root / "latest")
        fsync_folder(self.root)


def new_id(now: datetime) -> str:
    """A name that sorts by time."""
    return now.astimezone(UTC).strftime("%Y-%m-%dT%H-%M-%S.%fZ")


def seal(work: Path, manifest: Manifest) -> None:
    """Write the manifest and what it is checked by; the last thing that is done to a backup."""
    data = msgspec.json.format(msgspec.json.encode(manifest))
    for name, content in ((MANIFEST, data), (SEAL, hashlib.sha256(data).hexdigest().encode() + b"\n")):
        with (work / name).open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    fsync_folder(work)


def read_manifest(backup: Path) -> Manifest:
    """The manifest of a backup; PermanentFailure if it is not what was written, or of a newer form."""
    try:
        data = (backup / MANIFEST).read_bytes()
        told = (backup / SEAL).read_text().strip()
    except OSError as error:
        raise PermanentFailure(f"{backup} is no whole backup: {error.strerror}") from error
    if hashlib.sha256(data).hexdigest() != told:
        raise PermanentFailure(f"{backup / MANIFEST} is damaged: it is not what was written")
    written = msgspec.json.decode(data)
    if written.get("format", 0) > FORMAT:
        raise PermanentFailure(f"{backup} was made by a newer logplatform ({written.get('version')}); upgrade first")
    return msgspec.convert(written, Manifest)
