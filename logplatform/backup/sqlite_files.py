"""SQLite files saved and read as of one moment, while others write to them.

What belongs here: SQLite's online backup (https://www.sqlite.org/backup.html). What does not: which files.
"""

import sqlite3
from collections.abc import Generator
from contextlib import closing, contextmanager
from pathlib import Path

import sqlalchemy as sa

from logplatform.failures import PermanentFailure

_BUSY_SECONDS = 30
SIDE_FILES = ("-wal", "-shm", "-journal")


def save(source: Path, target: Path) -> None:
    """Copy the database as of one moment; the copy is one file, without a log beside it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with (
            closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=ro", uri=True, timeout=_BUSY_SECONDS)) as live,
            closing(sqlite3.connect(target)) as copy,
        ):
            # All pages in one step: a step is one reading, and a writer in between would begin the copy anew.
            live.backup(copy, pages=-1)
            copy.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.DatabaseError as error:
        raise PermanentFailure(f"{source} cannot be saved: {error}") from error


def is_database(path: Path) -> bool:
    """Whether a file is an SQLite database, by its first bytes (https://www.sqlite.org/fileformat.html)."""
    with path.open("rb") as file:
        return file.read(16) == b"SQLite format 3\0"


@contextmanager
def reading(path: Path) -> Generator[sa.Connection]:
    """Read a copy that nobody writes to."""
    address = f"{path.absolute().as_uri()}?immutable=1"
    engine = sa.create_engine("sqlite://", creator=lambda: sqlite3.connect(address, uri=True))
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()
