"""Erasing a data root: which of its entries the platform made, whether it is in use, and removing them.

What belongs here: the list of what the platform makes in its data root. What does not: anything else that lies
there, `incoming/` and `inbox/` above all: people put files into them, and those are theirs.
"""

import os
import shutil
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

from logplatform.landing.leases import utc_now
from logplatform.settings.model import Domain, Settings

FOLDERS = (
    "landing",
    "contents",
    "datasets",
    "extracted",
    "processed",
    "error",
    "reports",
    "tickets",
    "uploads",
    "tmp",
    "dagster",
    "logs",
)
"""Folders that the platform makes under the data root. Databases stand beside them, one a domain and the alerts'.

`spool/` is not among them: the topics in it are a source, and may exist nowhere else."""


@dataclass(frozen=True, slots=True)
class Erasable:
    """One entry of the data root: its files and their bytes (of a folder: all below it)."""

    path: Path
    files: int
    bytes: int


def erasable(settings: Settings) -> list[Erasable]:
    """What the platform has stored, databases first: the order in which it is erased."""
    databases = [*(settings.database(domain) for domain in get_args(Domain)), settings.alert_database]
    folders = [settings.data_root / name for name in FOLDERS]
    found = [Erasable(path, *_measured(_with_log(path))) for path in databases if path.exists()]
    kept = [path for path in folders if path.is_dir() and any(path.iterdir())]
    return found + [Erasable(path, *_measured([path])) for path in kept]


def in_use(settings: Settings) -> str:
    """Who is at work in the data root, as a sentence; empty if nobody holds a lease.

    A database that cannot be read is not in use: to erase it is the way out.
    """
    for domain in get_args(Domain):
        path = settings.database(domain)
        if not path.exists():
            continue
        try:
            with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
                rows = connection.execute("SELECT name, holder, expires_at FROM lease").fetchall()
        except sqlite3.DatabaseError:
            continue
        for name, holder, expires_at in rows:
            if str(expires_at) > utc_now().strftime("%Y-%m-%d %H:%M:%S.%f"):
                return f"{domain}: {name} is being worked on by {holder}"
    return ""


def erase(found: list[Erasable]) -> None:
    """Remove the entries, in order. The databases go first: bytes without a ledger are nothing, a ledger that speaks
    of bytes which are gone would be a lie. May be stopped at any point and done again.
    """
    for entry in found:
        for path in _with_log(entry.path) if entry.path.suffix == ".db" else [entry.path]:
            _erase(path)


def _erase(path: Path) -> None:
    if path.is_symlink() and path.is_dir():
        # Somebody keeps this folder on another disk: the link is theirs, what lies behind it is ours.
        for child in path.iterdir():
            _erase(child)
    elif path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _with_log(database: Path) -> list[Path]:
    # The log goes before the database: a log that is left behind would be played into the next one of that name.
    return [database.with_name(f"{database.name}{suffix}") for suffix in ("-wal", "-shm", "")]


def _measured(paths: Sequence[Path]) -> tuple[int, int]:
    """How many files, and how many bytes in them."""
    files = size = 0
    for path in paths:
        found = (Path(root, name) for root, _, names in os.walk(path) for name in names) if path.is_dir() else [path]
        for file in found:
            if file.is_file():
                files += 1
                size += file.stat().st_size
    return files, size
