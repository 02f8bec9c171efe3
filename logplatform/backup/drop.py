"""Dropping old backups, and the shared files that no backup lists any more.

What belongs here: which go, and in which order. What does not: making backups (`take`).

A file goes only after every backup that lists it; whatever dies meanwhile, those that are kept are whole, and the next
call removes the rest.
"""

import sqlite3
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from logplatform.backup.copying import real_files
from logplatform.backup.file_list import opened_list
from logplatform.backup.layout import FILES, SEAL, TOLD_EVERY, Progress, Target
from logplatform.backup.verify import check_lists
from logplatform.failures import PermanentFailure


@dataclass(frozen=True, slots=True)
class Dropped:
    """The backups that went, by their ids; how many shared files went, and their bytes."""

    backups: list[str]
    files: int
    bytes: int


def drop_old(target: Target, keep: int, progress: Progress) -> Dropped:
    """Drop all backups but the `keep` newest (at least 1), and what no other needs.

    Raises PermanentFailure, with nothing dropped, if there is no backup, if one has lost its seal, or if a list of one
    that is kept is damaged: it could not be told what that one needs. Raises TransientFailure if another process makes
    or drops backups there.
    """
    target.backup(None)
    with target.held():
        if broken := target.broken():
            told = ", ".join(map(str, broken))
            raise PermanentFailure(f"{told}: no whole backup any more ({SEAL} is missing); mend it, or move it away")
        found = target.backups()
        going, kept = found[:-keep], found[-keep:]
        for backup in kept:
            check_lists(backup)
        target.point_to(kept[-1].name)
        for count, backup in enumerate(going, start=1):
            progress("backups dropped", count)
            target.drop(backup)
        files = size = 0
        for path in _unlisted(target, kept):
            if files % TOLD_EVERY == 0:
                progress("files dropped", files)
            files, size = files + 1, size + path.stat().st_size
            path.unlink()
            _remove_empty(path.parent, target.files)
    return Dropped([backup.name for backup in going], files, size)


def _unlisted(target: Target, kept: Sequence[Path]) -> Iterator[Path]:
    """The shared files that none of these backups lists."""
    with _keys(kept) as keys:
        for path in real_files(target.files):
            key = str(path.relative_to(target.files))
            if keys.execute("SELECT 1 FROM needed WHERE key = ?", (key,)).fetchone() is None:
                yield path


@contextmanager
def _keys(kept: Sequence[Path]) -> Generator[sqlite3.Connection]:
    """The keys of all that these backups list, in a database that SQLite keeps on the disk where it is large."""
    with closing(sqlite3.connect("")) as connection:
        connection.execute("CREATE TABLE needed (key TEXT PRIMARY KEY) WITHOUT ROWID")
        for backup in kept:
            with opened_list(backup / FILES) as listed:
                connection.executemany(
                    "INSERT INTO needed VALUES (?) ON CONFLICT DO NOTHING", ((one.key,) for one in listed.all())
                )
        yield connection


def _remove_empty(folder: Path, root: Path) -> None:
    with suppress(OSError):
        while folder != root:
            folder.rmdir()
            folder = folder.parent
