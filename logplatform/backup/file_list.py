"""The list of the shared files of a backup: an SQLite file, so that a million of them take no memory.

What belongs here: rows. What does not: the files.
"""

import sqlite3
from collections.abc import Generator, Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

_PAGE = 1_000


@dataclass(frozen=True, slots=True)
class Listed:
    """A shared file; size and digest are None until it is in the target."""

    key: str
    domain: str
    bytes: int | None
    sha256: str | None


class FileList:
    """The list in one SQLite file; open it with `opened_list`."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    def want(self, domain: str, keys: Iterable[str]) -> None:
        """These files belong to the backup, for a domain's sake."""
        statement = "INSERT INTO file (key, domain) VALUES (?, ?) ON CONFLICT DO NOTHING"
        self._connection.executemany(statement, ((key, domain) for key in keys))
        self._connection.commit()

    def forget(self, domain: str) -> None:
        """A domain's files are asked anew; what is known of them stays known."""
        self._connection.execute(
            "INSERT OR REPLACE INTO known SELECT key, bytes, sha256 FROM file WHERE sha256 NOT NULL"
        )
        self._connection.execute("DELETE FROM file WHERE domain = ?", (domain,))
        self._connection.commit()

    def learn(self, former: Path) -> None:
        """What the former backup's list knows need not be read again."""
        self._connection.execute("ATTACH DATABASE ? AS former", (str(former),))
        self._connection.execute("INSERT OR REPLACE INTO known SELECT key, bytes, sha256 FROM former.file")
        self._connection.commit()
        self._connection.execute("DETACH DATABASE former")

    def known(self, key: str) -> tuple[int, str] | None:
        """Size and digest of a file that an earlier look told."""
        row = self._connection.execute("SELECT bytes, sha256 FROM known WHERE key = ?", (key,)).fetchone()
        return None if row is None else (int(row[0]), str(row[1]))

    def have(self, key: str, size: int, sha256: str) -> None:
        """The file is in the target."""
        self._connection.execute("UPDATE file SET bytes = ?, sha256 = ? WHERE key = ?", (size, sha256, key))

    def drop(self, keys: Iterable[str]) -> None:
        """These files are nowhere."""
        self._connection.executemany("DELETE FROM file WHERE key = ?", ((key,) for key in keys))
        self._connection.commit()

    def open_ones(self, domain: str) -> Iterator[str]:
        """The keys of a domain that are not in the target yet."""
        return (one.key for one in self._pages("sha256 IS NULL AND domain = ?", (domain,)))

    def all(self) -> Iterator[Listed]:
        """Every file, by its key."""
        return self._pages("TRUE", ())

    def sums(self) -> tuple[int, int]:
        """Files, and their bytes."""
        count, size = self._connection.execute("SELECT count(*), coalesce(sum(bytes), 0) FROM file").fetchone()
        return int(count), int(size)

    def finish(self) -> None:
        """Leave nothing in the file but the list."""
        self._connection.commit()
        self._connection.execute("DROP TABLE known")
        self._connection.execute("VACUUM")

    def _pages(self, condition: str, parameters: tuple[str, ...]) -> Iterator[Listed]:
        last = ""
        while True:
            self._connection.commit()
            rows = self._connection.execute(
                f"SELECT key, domain, bytes, sha256 FROM file WHERE {condition} AND key > ? ORDER BY key LIMIT {_PAGE}",  # noqa: S608 (conditions of this module)
                (*parameters, last),
            ).fetchall()
            if not rows:
                return
            yield from (Listed(*row) for row in rows)
            last = rows[-1][0]


@contextmanager
def new_list(path: Path) -> Generator[FileList]:
    """Make an empty list."""
    with closing(sqlite3.connect(path)) as connection:
        connection.execute(
            "CREATE TABLE file (key TEXT PRIMARY KEY, domain TEXT NOT NULL, bytes INTEGER, sha256 TEXT) WITHOUT ROWID"
        )
        connection.execute("CREATE TABLE known (key TEXT PRIMARY KEY, bytes INTEGER, sha256 TEXT) WITHOUT ROWID")
        yield FileList(connection)


@contextmanager
def opened_list(path: Path) -> Generator[FileList]:
    """Read the list of a whole backup."""
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?immutable=1", uri=True)) as connection:
        yield FileList(connection)
