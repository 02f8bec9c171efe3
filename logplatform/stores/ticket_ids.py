"""The ids of all tickets that were ever accepted: 20 million of them beside a batch must cost what none cost.

What belongs here: looking ids up and adding them. What does not: what happens to a ticket whose id is known.

The statements are SQLite's own text: SQLAlchemy's expression of a thousand parameters costs more than the look-up.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from logplatform.stores.sql import chunks

_ROWS = 50_000
# SQLite takes at most 32,766 parameters (https://www.sqlite.org/limits.html, item 9).
_PARAMETERS = 4_000


@dataclass(frozen=True, slots=True)
class SeenIds:
    """The ids of one tenant's tickets; an id has 16 bytes, a digest of the ticket's content 8."""

    tenant: str

    def add(self, connection: sa.Connection, digests: Mapping[bytes, bytes], commit_id: int) -> dict[bytes, bytes]:
        """Remember ids with their digests as brought by `commit_id`, which must be new.

        Returns those that earlier commits brought, with the digests remembered then; they stay as they were.
        """
        statement = "INSERT OR IGNORE INTO ticket_seen (tenant, id, digest, commit_id) VALUES (?, ?, ?, ?)"
        added = 0
        # In order, so that each page of the table is looked at once.
        for chunk in chunks(sorted(digests), _ROWS):
            rows = [(self.tenant, key, digests[key], commit_id) for key in chunk]
            added += connection.exec_driver_sql(statement, rows).rowcount
        return {} if added == len(digests) else self._brought_before(connection, digests, commit_id)

    def _brought_before(self, connection: sa.Connection, ids: Iterable[bytes], commit_id: int) -> dict[bytes, bytes]:
        found: dict[bytes, bytes] = {}
        for chunk in chunks(sorted(ids), _PARAMETERS):
            marks = ",".join("?" * len(chunk))
            query = f"SELECT id, digest FROM ticket_seen WHERE tenant = ? AND commit_id <> ? AND id IN ({marks})"  # noqa: S608 (question marks only)
            rows = connection.exec_driver_sql(query, (self.tenant, commit_id, *chunk))
            found.update((bytes(key), bytes(digest)) for key, digest in rows)
        return found
