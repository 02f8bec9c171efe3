"""Folders of a POSIX file system: changes in them made durable, leavings in them removed.

What belongs here: what holds for any folder. What does not: what the files in it are (`files`).
"""

import os
import shutil
import time
from contextlib import suppress
from pathlib import Path


def fsync_folder(folder: Path) -> None:
    """Make renames and unlinks in `folder` durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folders(folder: Path, root: Path) -> None:
    """Create `folder` below `root`, durable at every level that is new."""
    if folder.is_dir():
        return
    if folder != root:
        make_folders(folder.parent, root)
    folder.mkdir(parents=folder == root, exist_ok=True)
    fsync_folder(folder.parent)


def sweep_folder(folder: Path, older_than_seconds: float) -> int:
    """Remove parts, and folders that sorting spilled to, that nobody has written to for that long; return how many."""
    oldest = time.time() - older_than_seconds
    removed = 0
    with os.scandir(folder) as found:
        for part in found:
            # A part whose writer finishes meanwhile is gone, and was not abandoned.
            with suppress(FileNotFoundError):
                if part.stat(follow_symlinks=False).st_mtime < oldest:
                    _remove(part)
                    removed += 1
    return removed


def _remove(part: "os.DirEntry[str]") -> None:
    if part.is_dir(follow_symlinks=False):
        shutil.rmtree(part)
    else:
        Path(part).unlink()
