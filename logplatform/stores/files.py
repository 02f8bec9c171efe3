"""Files under keys that tell their content: the Protocol `Files` and its local implementation.

What belongs here: making bytes durable and visible in one step, reading and removing them. What does not: which
key a file gets, and whether it may be removed; that is the landing's and the retention's business. The implementation
on an object store is `object_files`.

Publishing follows the usual recipe for crash safety on POSIX: write to a part file in the same file system, fsync
it, rename it to its key, fsync the folder. A reader therefore sees a whole file or none.
"""

import os
import shutil
import uuid
from collections.abc import Generator, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, Protocol

from logplatform.stores.folders import fsync_folder, make_folders, sweep_folder

TEMPORARY = "tmp"


class Part(Protocol):
    """Bytes on their way to a key: nobody sees them before `publish`."""

    @property
    def path(self) -> Path:
        """A local file that holds the bytes written so far, for writers that need a path of their own."""
        ...

    def write(self, data: bytes | memoryview) -> int:
        """Append `data`; return how many bytes were taken (all of them)."""
        ...

    def publish(self, key: str) -> int:
        """Make the bytes durable and visible under `key`; return their number.

        A key stands for its content: publishing it again replaces the bytes by equal ones. ValueError for a key that
        is absolute or holds `..`: it would leave the store.
        """
        ...


class Files(Protocol):
    """A flat space of files that never change; keys are relative paths with `/`."""

    def part(self) -> AbstractContextManager[Part]:
        """Begin a new file; leaving the context without `publish` discards it."""
        ...

    def open(self, key: str) -> BinaryIO:
        """Open a published file for reading; FileNotFoundError if it is not there."""
        ...

    def local_path(self, key: str) -> AbstractContextManager[Path]:
        """A local path to the published file, valid inside the context (a download on remote stores)."""
        ...

    def uri(self, key: str) -> str:
        """The local path by which pyarrow, DuckDB and polars open a published file, soon after they asked for it.

        On remote stores it is a copy, which is not compared with the file again: ask it of keys whose bytes never
        change. FileNotFoundError there if the file is not there.
        """
        ...

    def address(self, key: str) -> str:
        """Where a published file lies, for people: an absolute path, or a URL."""
        ...

    def exists(self, key: str) -> bool:
        """Whether `key` is published."""
        ...

    def modified(self, key: str) -> datetime:
        """When a file was published, in UTC; FileNotFoundError if it is not there."""
        ...

    def size(self, key: str) -> int:
        """Bytes of a published file; FileNotFoundError if it is not there."""
        ...

    def remove(self, key: str) -> bool:
        """Remove a published file; False if it was not there."""
        ...

    def keys(self, prefix: str) -> Iterator[str]:
        """Published keys below the folder `prefix`, in no particular order, without listing them all at once."""
        ...

    def usage(self, prefix: str) -> tuple[int, int]:
        """How many files are published below the folder `prefix`, and their bytes; every one is looked at."""
        ...

    def sweep_parts(self, older_than_seconds: float) -> int:
        """Remove parts that nobody has written to for so long; return how many. Their writers died, or will fail."""
        ...

    def free_bytes(self) -> int | None:
        """Bytes still free for writing, or None where the store has no such bound."""
        ...


def published_before(files: Files, key: str, moment: datetime) -> bool:
    """Whether `key` is published and has been since before `moment`; two sweepers may be at work at once."""
    try:
        return files.modified(key) < moment
    except FileNotFoundError:
        return False


@dataclass(slots=True)
class LocalPart:
    """A part file below `<root>/tmp`; see `Part`."""

    root: Path
    path: Path
    _file: BinaryIO = field(init=False)

    def __post_init__(self) -> None:
        self._file = self.path.open("wb")

    def write(self, data: bytes | memoryview) -> int:
        """Append `data`."""
        return self._file.write(data)

    def publish(self, key: str) -> int:
        """Fsync, link under `key`, fsync the folders that changed; return the size in bytes."""
        target = _below(self.root, key)
        self._file.flush()
        # A writer that was given `path` may have written through a descriptor of its own; fsync covers the file.
        os.fsync(self._file.fileno())
        size = self.path.stat().st_size
        make_folders(target.parent, self.root)
        self.path.rename(target)
        fsync_folder(target.parent)
        return size

    def discard(self) -> None:
        """Close and remove what is left of the part; after `publish` only the open file is left."""
        self.path.unlink(missing_ok=True)
        # On a full disk closing fails as writing did, because it writes what is still buffered: bytes nobody wants.
        with suppress(OSError):
            self._file.close()


def checked_key(key: str) -> str:
    """The key itself; ValueError if it would lie outside of the store."""
    if ".." in Path(key).parts or Path(key).is_absolute():
        raise ValueError(f"key leaves the store: {key!r}")
    return key


def _below(root: Path, key: str) -> Path:
    return root / checked_key(key)


class LocalFiles:
    """Files in a folder of a local file system."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / TEMPORARY).mkdir(parents=True, exist_ok=True)

    @contextmanager
    def part(self) -> Generator[LocalPart]:
        """Begin a file in `<root>/tmp`."""
        part = LocalPart(self.root, self.root / TEMPORARY / f"{uuid.uuid4().hex}.part")
        try:
            yield part
        finally:
            part.discard()

    def open(self, key: str) -> BinaryIO:
        """Open `key` for reading."""
        return self._path(key).open("rb")

    @contextmanager
    def local_path(self, key: str) -> Generator[Path]:
        """The file itself; it must not be changed."""
        path = self._path(key)
        if not path.is_file():
            raise FileNotFoundError(key)
        yield path

    def uri(self, key: str) -> str:
        """The absolute path."""
        return str(self._path(key).absolute())

    def address(self, key: str) -> str:
        """The absolute path."""
        return self.uri(key)

    def modified(self, key: str) -> datetime:
        """The file's mtime."""
        return datetime.fromtimestamp(self._path(key).stat().st_mtime, UTC)

    def exists(self, key: str) -> bool:
        """Whether the file is there."""
        return self._path(key).is_file()

    def size(self, key: str) -> int:
        """Size in bytes."""
        return self._path(key).stat().st_size

    def remove(self, key: str) -> bool:
        """Unlink `key`; the folder is made durable by the next publish into it."""
        try:
            self._path(key).unlink()
        except FileNotFoundError:
            return False
        return True

    def keys(self, prefix: str) -> Iterator[str]:
        """Walk the folder `prefix`."""
        for folder, _, names in os.walk(self._path(prefix)):
            for name in names:
                yield str((Path(folder) / name).relative_to(self.root))

    def usage(self, prefix: str) -> tuple[int, int]:
        """Walk the folder `prefix`."""
        count = size = 0
        for key in self.keys(prefix):
            # One that is removed meanwhile does not count.
            with suppress(FileNotFoundError):
                size += self.size(key)
                count += 1
        return count, size

    def sweep_parts(self, older_than_seconds: float) -> int:
        """See `sweep_folder`."""
        return sweep_folder(self.root / TEMPORARY, older_than_seconds)

    def free_bytes(self) -> int:
        """Free bytes of the file system that holds the folder."""
        return shutil.disk_usage(self.root).free

    def _path(self, key: str) -> Path:
        return _below(self.root, key)
