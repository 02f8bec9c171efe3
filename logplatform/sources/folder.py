"""Files in a folder of this machine (a local disk or a mounted share).

What belongs here: walking, reading and removing local files. What does not: other transports.
"""

import os
import re
import stat
from collections.abc import Callable, Iterable, Iterator, MutableSequence, Sequence
from dataclasses import dataclass
from fnmatch import translate
from pathlib import Path
from typing import BinaryIO

from logplatform.failures import LogplatformError, PermanentFailure, TransientFailure, Unreachable
from logplatform.sources.base import Entry, Fetched, Landed, Sink, held_mtime
from logplatform.sources.names import name_text, text_name

CHUNK_BYTES = 1 << 20
_REFUSED_SAMPLE = 5


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
        refused: list[str] = []
        wanted = _matcher(self.patterns)
        while folders:
            relative = folders.pop()
            for found in self._scan(relative, refused):
                path = f"{relative}{found.name}"
                if found.is_dir(follow_symlinks=False):
                    folders.append(f"{path}/")
                elif wanted is None or wanted(found.name) or wanted(path):
                    entry = self._entry(found, path, refused)
                    if entry is not None:
                        yield entry
        if refused:
            raise PermanentFailure(f"source {self.name}: may not be read: {', '.join(refused[:_REFUSED_SAMPLE])}")

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
            if not _same(path.stat(follow_symlinks=self.follow_links), entry):
                return False
            path.unlink()
        except FileNotFoundError:
            return False
        except PermissionError as error:
            raise PermanentFailure(f"{self.name}: {entry.path}: may not be removed") from error
        except OSError as error:
            raise TransientFailure(f"{self.name}: {entry.path}: was not removed: {error.strerror}") from error
        return True

    def _scan(self, relative: str, refused: MutableSequence[str]) -> Iterator["os.DirEntry[str]"]:
        """The visible entries of a folder; a subfolder that may not be read is added to `refused`."""
        folder = self.root / relative
        try:
            with os.scandir(folder) as found:
                yield from (item for item in found if not item.name.startswith("."))
        except (FileNotFoundError, NotADirectoryError) as error:
            # A subfolder may go, or become a file, after its name was read.
            if not relative:
                raise Unreachable(f"source {self.name}: there is no folder {folder}") from error
        except PermissionError as error:
            if not relative:
                raise PermanentFailure(f"source {self.name}: folder {folder} may not be read") from error
            refused.append(name_text(relative))
        except OSError as error:
            raise Unreachable(f"source {self.name}: folder {folder}: {error.strerror}") from error

    def _entry(self, found: "os.DirEntry[str]", path: str, refused: MutableSequence[str]) -> Entry | None:
        text = name_text(path)
        try:
            status = found.stat(follow_symlinks=self.follow_links)
        except PermissionError:
            refused.append(text)
            return None
        except OSError:
            # Gone since its name was read, or a link that leads nowhere or in a circle: no file.
            return None
        if not stat.S_ISREG(status.st_mode):
            return None
        return Entry(text, status.st_size, held_mtime(status.st_mtime_ns))

    def _path(self, entry: Entry) -> Path:
        return self.root / text_name(entry.path)

    def _copy(self, entry: Entry, sink: Sink) -> Landed:
        with self._open(entry) as file:
            if not _same(os.fstat(file.fileno()), entry):
                raise TransientFailure(f"{self.name}: {entry.path}: changed since it was listed")
            with sink(entry) as receiver:
                for chunk in self._read(file, entry):
                    receiver.write(chunk)
                if not _same(os.fstat(file.fileno()), entry):
                    raise TransientFailure(f"{self.name}: {entry.path}: changed while it was read")
        if receiver.landed is None:
            raise TransientFailure(f"{self.name}: {entry.path}: was not received")
        return receiver.landed

    def _open(self, entry: Entry) -> BinaryIO:
        # What was a file when it was listed may be a link or a pipe by now: neither is followed nor waited for.
        flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | (0 if self.follow_links else os.O_NOFOLLOW)
        try:
            return os.fdopen(os.open(self._path(entry), flags), "rb", buffering=0)
        except FileNotFoundError as error:
            raise PermanentFailure(f"{self.name}: {entry.path}: no such file any more") from error
        except PermissionError as error:
            raise PermanentFailure(f"{self.name}: {entry.path}: may not be read") from error
        except OSError as error:
            raise TransientFailure(f"{self.name}: {entry.path}: {error.strerror}") from error

    def _read(self, file: BinaryIO, entry: Entry) -> Iterator[bytes]:
        while True:
            try:
                chunk = file.read(CHUNK_BYTES)
            except OSError as error:
                raise TransientFailure(f"{self.name}: {entry.path}: {error.strerror}") from error
            if not chunk:
                return
            yield chunk


def _matcher(patterns: Sequence[str]) -> Callable[[str], object] | None:
    """Tells whether a name matches one of the shell patterns, case and all; None where every name does."""
    if "*" in patterns:
        return None
    return re.compile("|".join(map(translate, patterns))).match if patterns else lambda _: False


def _same(status: os.stat_result, entry: Entry) -> bool:
    same = status.st_size == entry.size and held_mtime(status.st_mtime_ns) == entry.mtime_ns
    return same and stat.S_ISREG(status.st_mode)
