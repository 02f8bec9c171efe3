"""Files in a folder of this machine (a local disk or a mounted share).

What belongs here: walking, reading and removing local files. What does not: other transports.
"""

import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from logplatform.failures import LogplatformError, PermanentFailure, TransientFailure, Unreachable
from logplatform.sources.base import Entry, Fetched, Landed, Sink

CHUNK_BYTES = 1 << 20

# A name that is not UTF-8 has surrogates in Python, which no database takes: they are moved to private characters
# and back (the byte 0x80 + n becomes U+F780 + n).
_TO_TEXT = {0xDC80 + n: 0xF780 + n for n in range(128)}
_TO_NAME = {text: name for name, text in _TO_TEXT.items()}


@dataclass(frozen=True, slots=True)
class FolderSource:
    """Regular files below `root` whose relative path, or name, matches one of `patterns`.

    Symbolic links are left alone unless `follow_links`: the platform's own views are made of them. Hidden files
    (a leading dot, as copying tools name what is unfinished) are never listed.
    """

    name: str
    root: Path
    patterns: tuple[str, ...] = ("*",)
    follow_links: bool = False

    def list(self) -> Iterator[Entry]:
        """Walk the folder, one directory in memory at a time."""
        folders = [""]
        while folders:
            relative = folders.pop()
            for found in self._scan(relative):
                path = f"{relative}{found.name}"
                if found.is_dir(follow_symlinks=False):
                    folders.append(f"{path}/")
                elif self._wanted(path, found.name) and (entry := self._entry(found, path)) is not None:
                    yield entry

    def fetch(self, entries: Iterable[Entry], sink: Sink) -> Iterator[Fetched]:
        """Copy each file, checked for change before and after."""
        for entry in entries:
            try:
                yield Fetched(entry, landed=self._copy(entry, sink))
            except LogplatformError as failure:
                yield Fetched(entry, failure=failure)

    def remove(self, entry: Entry) -> bool:
        """Unlink the file if it is unchanged."""
        path = self._path(entry)
        try:
            if not _same(path.stat(), entry):
                return False
            path.unlink()
        except FileNotFoundError:
            return False
        except PermissionError as error:
            raise PermanentFailure(f"{self.name}: {entry.path}: may not be removed") from error
        return True

    def _scan(self, relative: str) -> Iterator["os.DirEntry[str]"]:
        folder = self.root / relative
        try:
            with os.scandir(folder) as found:
                yield from (item for item in found if not item.name.startswith("."))
        except FileNotFoundError as error:
            if not relative:
                raise Unreachable(f"source {self.name}: folder {folder} does not exist") from error
        except NotADirectoryError as error:
            raise PermanentFailure(f"source {self.name}: {folder} is not a folder") from error
        except PermissionError as error:
            raise PermanentFailure(f"source {self.name}: folder {folder} may not be read") from error
        except OSError as error:
            raise Unreachable(f"source {self.name}: folder {folder}: {error.strerror}") from error

    def _wanted(self, path: str, name: str) -> bool:
        return any(fnmatchcase(name, pattern) or fnmatchcase(path, pattern) for pattern in self.patterns)

    def _entry(self, found: "os.DirEntry[str]", path: str) -> Entry | None:
        try:
            status = found.stat(follow_symlinks=self.follow_links)
        except FileNotFoundError:
            return None
        if not stat.S_ISREG(status.st_mode):
            return None
        return Entry(path.translate(_TO_TEXT), status.st_size, status.st_mtime_ns)

    def _path(self, entry: Entry) -> Path:
        return self.root / entry.path.translate(_TO_NAME)

    def _copy(self, entry: Entry, sink: Sink) -> Landed:
        try:
            with self._path(entry).open("rb") as file:
                if not _same(os.fstat(file.fileno()), entry):
                    raise TransientFailure(f"{self.name}: {entry.path}: changed since it was listed")
                with sink(entry) as receiver:
                    while chunk := file.read(CHUNK_BYTES):
                        receiver.write(chunk)
                    if not _same(os.fstat(file.fileno()), entry):
                        raise TransientFailure(f"{self.name}: {entry.path}: changed while it was read")
        except FileNotFoundError as error:
            raise PermanentFailure(f"{self.name}: {entry.path}: no such file any more") from error
        except PermissionError as error:
            raise PermanentFailure(f"{self.name}: {entry.path}: may not be read") from error
        except OSError as error:
            raise TransientFailure(f"{self.name}: {entry.path}: {error.strerror}") from error
        if receiver.landed is None:
            raise TransientFailure(f"{self.name}: {entry.path}: was not received")
        return receiver.landed


def _same(status: os.stat_result, entry: Entry) -> bool:
    return status.st_size == entry.size and status.st_mtime_ns == entry.mtime_ns
