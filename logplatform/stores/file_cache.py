"""Local copies of files that lie elsewhere: as many as fit, the longest unread go first.

What belongs here: keeping copies, handing them out, making room. What does not: how bytes are fetched.

Several processes share the folder without knowing each other. A copy is fetched under a name of its own and renamed
when it is whole. One that is `held` is locked (flock), and nobody removes it; one whose path was merely given away is
left alone for GRACE_SECONDS, so that who was given it can open it. The cache may therefore be larger than its bound
for a while; where the disk is full, only what is held stays.
"""

import errno
import fcntl
import hashlib
import os
import time
import uuid
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from logplatform.stores.files import TEMPORARY

GRACE_SECONDS = 900.0
"""A path that was given away stays good for so long."""
_TOUCH_SECONDS = 30.0
_SHARE = 32
"""Room is looked after whenever this share of the bound was added."""

Fetch = Callable[[Path], object]
"""Writes the file to a path that does not exist yet."""


@dataclass(frozen=True, slots=True)
class _Copy:
    path: Path
    used: float
    bytes: int


@dataclass(slots=True)
class FileCache:
    """Copies below `<root>/cache`, at most about `bound` bytes; `place` tells stores apart that share the folder."""

    root: Path
    bound: int
    place: str
    _added: int | None = field(default=None, init=False)

    def path(self, key: str, fetch: Fetch) -> Path:
        """A local copy of the file, fetched if there is none. It stays for GRACE_SECONDS from now."""
        path = self._path(key)
        if not self._touched(path):
            self._fetch(path, fetch)
        return path

    @contextmanager
    def held(self, key: str, fetch: Fetch) -> Generator[Path]:
        """A local copy that stays for as long as the context lasts."""
        while True:
            path = self.path(key, fetch)
            # It may go between being found and being locked: then it is fetched again.
            with suppress(FileNotFoundError), path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_SH)
                if os.fstat(file.fileno()).st_nlink:
                    yield path
                    return

    def forget(self, key: str) -> None:
        """Drop the copy, if there is one: the file has other bytes now, or none."""
        self._path(key).unlink(missing_ok=True)

    def make_room(self, bound: int, grace: float = GRACE_SECONDS) -> int:
        """Remove what was longest unread until `bound` bytes are left, sparing what was used in the last `grace`
        seconds; returns how many files. One process does it at a time.
        """
        (self.root / "cache").mkdir(parents=True, exist_ok=True)
        with (self.root / "cache" / ".lock").open("ab") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                return 0
            return self._evict(bound, time.time() - grace)

    def _evict(self, bound: int, before: float) -> int:
        copies = sorted(self._copies(), key=lambda copy: copy.used)
        total, removed = sum(copy.bytes for copy in copies), 0
        for copy in copies:
            if total <= bound or copy.used > before:
                break
            if _removed_unless_held(copy.path):
                total -= copy.bytes
                removed += 1
        return removed

    def _path(self, key: str) -> Path:
        digest = hashlib.sha256(f"{self.place}\0{key}".encode()).hexdigest()[:40]
        return self.root / "cache" / digest[:2] / f"{digest}{PurePosixPath(key).suffix}"

    def _touched(self, path: Path) -> bool:
        """Whether the copy is there; its time of use is told to those who make room."""
        try:
            if time.time() - path.stat().st_mtime > _TOUCH_SECONDS:
                os.utime(path)
        except FileNotFoundError:
            return False
        return True

    def _fetch(self, path: Path, fetch: Fetch) -> None:
        part = self.root / TEMPORARY / f"{uuid.uuid4().hex}.part"
        part.parent.mkdir(parents=True, exist_ok=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            try:
                fetch(part)
            except OSError as error:
                if error.errno not in {errno.ENOSPC, errno.EDQUOT}:
                    raise
                part.unlink(missing_ok=True)
                self.make_room(0, 0)
                fetch(part)
            size = part.stat().st_size
            part.rename(path)
        finally:
            part.unlink(missing_ok=True)
        self._count(size)

    def _count(self, size: int) -> None:
        """Look after the room now and then: looking means reading the whole folder."""
        added = None if self._added is None else self._added + size
        if added is None or added > self.bound // _SHARE:
            self.make_room(self.bound)
            added = 0
        self._added = added

    def _copies(self) -> Iterator[_Copy]:
        for folder, _, names in os.walk(self.root / "cache"):
            for name in names:
                with suppress(FileNotFoundError):
                    state = (path := Path(folder) / name).stat()
                    if name != ".lock":
                        yield _Copy(path, state.st_mtime, state.st_size)


def _removed_unless_held(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            path.unlink()
    except (FileNotFoundError, BlockingIOError):
        return False
    return True
