"""Keys that senders give their requests (Idempotency-Key), and what became of the request that was first.

What belongs here: keeping and finding them. What does not: HTTP, and what a request does.

A key is kept in the transaction that records the request's upload: either both are there or none.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from logplatform.stores.schema import metadata
from logplatform.stores.sql import Database, UtcDateTime
from logplatform.stores.upload_record import UploadRecord

table = sa.Table(
    "upload_request",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("request_key", sa.Text, primary_key=True),
    sa.Column("job_id", sa.Text, nullable=False),
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sqlite_with_rowid=False,
)


class KeyTaken(Exception):
    """Another request has the key; nothing of this one was recorded."""


@dataclass(frozen=True, slots=True)
class KeyedRequest:
    """The first request with a key: its upload, and the sha256 (hex) of its body."""

    job_id: str
    sha256: str


@dataclass(frozen=True, slots=True)
class RequestKeys:
    """The keys of one tenant."""

    database: Database
    tenant: str
    now: Callable[[], datetime]

    def find(self, key: str) -> KeyedRequest | None:
        """The request that has this key."""
        query = sa.select(table.c.job_id, table.c.sha256).where(
            table.c.tenant == self.tenant, table.c.request_key == key
        )
        with self.database.read() as connection:
            row = connection.execute(query).first()
        return None if row is None else KeyedRequest(*row)

    def keep(self, connection: sa.Connection, key: str, record: UploadRecord) -> None:
        """Give the key to a request, in the transaction that records it; KeyTaken if it has been given."""
        dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
        values = {"job_id": record.job_id, "sha256": record.sha256, "created_at": self.now()}
        insert = dialect.insert(table).values(tenant=self.tenant, request_key=key, **values)
        if not connection.execute(insert.on_conflict_do_nothing()).rowcount:
            raise KeyTaken(key)
