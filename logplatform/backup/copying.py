"""Bytes from one place to another: linked where that is enough, copied and made durable where it is not.

What belongs here: one file or one folder. What does not: which of them (`take`, `restore`).
"""

import errno
import hashlib
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from logplatform.stores.files import Files
from logplatform.stores.folders import fsync_folder, make_folders

_READ = 1 << 20
_NO_LINKS = {errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP, errno.EOPNOTSUPP}
_REMOTE = "://"


def sha256_of(path: Path) -> str:
    """The digest of a file, in bounded memory."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def take_file(files: Files, key: str, target: Path, parts: Path) -> None:
    """Put the published file `key` at `target`, which is seen whole or not at all.

    A link where both are on one file system: such a file never changes. FileNotFoundError if it is not there.
    """
    part = parts / uuid.uuid4().hex
    try:
        if _REMOTE in files.address(key) or not _linked(Path(files.address(key)), part):
            with files.open(key) as reader, part.open("wb") as writer:
                _copy(reader, writer)
        make_folders(target.parent, parts.parent)
        part.rename(target)
        fsync_folder(target.parent)
    finally:
        part.unlink(missing_ok=True)


def give_file(source: Path, target: Path, parts: Path) -> None:
    """Copy a file of a backup to `target`, with its time; seen whole or not at all."""
    part = parts / f"{uuid.uuid4().hex}.part"
    try:
        with source.open("rb") as reader, part.open("wb") as writer:
            _copy(reader, writer)
        _same_time(source, part)
        target.parent.mkdir(parents=True, exist_ok=True)
        part.rename(target)
        fsync_folder(target.parent)
    finally:
        part.unlink(missing_ok=True)


def copy_own(source: Path, target: Path, former: Path | None) -> None:
    """Copy a file that may change into a backup, with its time; a link to the former backup's if it has not.

    One that is gone meanwhile is left out.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileNotFoundError):
        state = source.stat()
        if former is not None and _is_same(former, state) and _linked(former, target):
            return
        with source.open("rb") as reader, target.open("wb") as writer:
            _copy(reader, writer)
        os.utime(target, ns=(state.st_atime_ns, state.st_mtime_ns))


def real_files(folder: Path) -> Iterator[Path]:
    """The regular files below a folder; links are not followed, and are none."""
    for place, _, names in os.walk(folder):
        for name in names:
            path = Path(place) / name
            if not path.is_symlink() and path.is_file():
                yield path


def _linked(source: Path, target: Path) -> bool:
    try:
        target.hardlink_to(source)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        return False
    return True


def _is_same(former: Path, state: os.stat_result) -> bool:
    try:
        was = former.stat()
    except FileNotFoundError:
        return False
    return (was.st_size, was.st_mtime_ns) == (state.st_size, state.st_mtime_ns)


def _copy(reader: BinaryIO, writer: BinaryIO) -> None:
    shutil.copyfileobj(reader, writer, _READ)
    writer.flush()
    os.fsync(writer.fileno())


def _same_time(source: Path, target: Path) -> None:
    state = source.stat()
    os.utime(target, ns=(state.st_atime_ns, state.st_mtime_ns))
