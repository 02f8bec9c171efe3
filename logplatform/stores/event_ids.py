"""The ids of events whose senders named them: an event that comes again, in whatever upload, is one document.

What belongs here: which origin (one upload's bytes) holds which of these ids. What does not: how an id is made
(`uploads.identity`), and the documents (`log_index`).

Whoever was first keeps an id. An origin's ids change in the transaction that makes its documents visible, so that
they always name documents of the index.
"""

import sqlite3
from collections.abc import Collection, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from logplatform.failures import Conflict
from logplatform.stores.bulk import insert_rows
from logplatform.stores.schema import metadata
from logplatform.stores.sql import Database, chunks

table = sa.Table(
    "upload_event",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("id", sa.LargeBinary(16), primary_key=True),
    sa.Column("origin", sa.LargeBinary(32), nullable=False),
    sa.Index("ix_upload_event_origin", "tenant", "origin"),
    sqlite_with_rowid=False,
)

_ROWS = 1_000


@dataclass(frozen=True, slots=True)
class EventIds:
    """The ids of one tenant; an id has 16 bytes, an origin 32, both come as hex digits."""

    database: Database
    tenant: str

    @contextmanager
    def claiming(self, origin: str) -> Generator["EventClaim"]:
        """Begin to find out which ids become this origin's; without a commit nothing has happened."""
        # A database without a name lies in a temporary file, of which SQLite holds a bounded part in memory.
        with closing(sqlite3.connect("")) as found:
            found.execute("CREATE TABLE found (id BLOB PRIMARY KEY, mine BOOLEAN) WITHOUT ROWID")
            yield EventClaim(self.database, self.tenant, bytes.fromhex(origin), found)


@dataclass(frozen=True, slots=True)
class EventClaim:
    """The ids of one origin as they are found; any number of them takes a bounded amount of memory."""

    database: Database
    tenant: str
    origin: bytes
    found: sqlite3.Connection

    def take(self, ids: Collection[str]) -> set[str]:
        """Those of `ids` that no other origin has and that were not given before: their documents are to be kept."""
        wanted = {bytes.fromhex(one): one for one in ids}
        taken: set[str] = set()
        for chunk in chunks(wanted, _ROWS):
            with self.database.read() as connection:
                others = {bytes(key) for key in connection.execute(self._of_others(chunk)).scalars()}
            for key in chunk:
                values = (key, key not in others)
                new = self.found.execute("INSERT OR IGNORE INTO found VALUES (?, ?)", values).rowcount
                if new and key not in others:
                    taken.add(wanted[key])
        return taken

    def give_back(self, key: str) -> None:
        """Forget a taken id: its document could not be kept, and is to be taken when it comes again."""
        self.found.execute("DELETE FROM found WHERE id = ?", (bytes.fromhex(key),))

    def commit(self, connection: sa.Connection) -> None:
        """Make the taken ids the only ones of the origin, with the caller's transaction.

        Raises Conflict if another origin has taken, or given up, one of them meanwhile.
        """
        connection.execute(table.delete().where(table.c.tenant == self.tenant, table.c.origin == self.origin))
        for chunk in chunks(self._found(mine=False), _ROWS):
            if len(connection.execute(self._of_others(chunk)).all()) != len(chunk):
                raise Conflict("an event that was known is no longer in the index")
        rows = ((self.tenant, key, self.origin) for key in self._found(mine=True))
        try:
            insert_rows(connection, table, rows)
        except IntegrityError:
            raise Conflict("another upload has brought the same event meanwhile") from None

    def _of_others(self, keys: Collection[bytes]) -> sa.Select[tuple[bytes]]:
        mine = table.c.tenant == self.tenant
        return sa.select(table.c.id).where(mine, table.c.id.in_(keys), table.c.origin != self.origin)

    def _found(self, *, mine: bool) -> Iterator[bytes]:
        return (key for (key,) in self.found.execute("SELECT id FROM found WHERE mine = ? ORDER BY id", (mine,)))
