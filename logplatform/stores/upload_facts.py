"""What the SQL store knows of uploads whose ledger is on another server: whose bytes are, and what was committed.

What belongs here: two narrow tables and the statements on them, all in the transactions of the domain's data. What does
not: the ledger (`mongo_ledger`).

Two servers have no common transaction. So a change of the ledger that belongs to a change of data is written here in
the data's transaction, as an entry of the outbox, and is done to the ledger after it, as often as it takes: each has a
token by which it is known to be done. `upload_fact` has a row an upload with what such a transaction must decide by:
which job holds the bytes, and whether retention may take them.
"""

import json
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError

from logplatform.failures import Conflict
from logplatform.stores.schema import BigId, metadata
from logplatform.stores.sql import UtcDateTime
from logplatform.stores.upload_contents import first_with
from logplatform.stores.upload_record import OPEN, UploadRecord, UploadStatus

_ENTRIES = 100
_TIMES = frozenset({"uploaded_at", "updated_at", "completed_at", "failed_at"})

upload_fact = sa.Table(
    "upload_fact",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("job_id", sa.Text, primary_key=True),
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("uploaded_at", UtcDateTime, nullable=False),
    sa.Column("completed_at", UtcDateTime),
    sa.Column("failed_at", UtcDateTime),
    sa.Index("ix_upload_fact_sha256", "tenant", "sha256"),
)

upload_outbox = sa.Table(
    "upload_outbox",
    metadata,
    sa.Column("id", BigId, primary_key=True),
    sa.Column("tenant", sa.Text, nullable=False),
    sa.Column("job_id", sa.Text, nullable=False),
    sa.Column("token", sa.Text, nullable=False, unique=True),
    sa.Column("change", sa.Text, nullable=False),
    sa.Index("ix_upload_outbox_tenant", "tenant", "id"),
)


@dataclass(frozen=True, slots=True)
class Change:
    """What is to be done to an upload's record: fields to set, and what is added to fields that are numbers.

    `new`: the fields are a whole record.
    """

    values: Mapping[str, Any]
    more: Mapping[str, float] = field(default_factory=dict)
    new: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """A change that was committed; its token tells it from all others."""

    job_id: str
    token: str
    change: Change


@dataclass(frozen=True, slots=True)
class UploadFacts:
    """The facts of one tenant; every method works on a connection that the caller holds."""

    tenant: str

    def add(self, connection: sa.Connection, record: UploadRecord) -> None:
        """Keep what is known of a new upload; Conflict if the job is known."""
        names = ("job_id", "sha256", "uploaded_at", "completed_at", "failed_at")
        values = {name: getattr(record, name) for name in names}
        status = "pending" if record.status in OPEN else record.status
        try:
            connection.execute(upload_fact.insert().values(tenant=self.tenant, status=status, **values))
        except IntegrityError as error:
            raise Conflict(f"job {record.job_id} is recorded already") from error

    def any(self, connection: sa.Connection) -> bool:
        """Whether any upload is known."""
        query = sa.select(upload_fact.c.job_id).where(upload_fact.c.tenant == self.tenant).limit(1)
        return connection.execute(query).first() is not None

    def first_with(self, connection: sa.Connection, sha256: str) -> str | None:
        """The job of the first upload of these bytes that has not failed."""
        return first_with(connection, upload_fact, self.tenant, sha256)

    def status(self, connection: sa.Connection, job_id: str) -> UploadStatus | None:
        """An upload's status; one that is in work is pending here."""
        query = sa.select(upload_fact.c.status).where(self._one(job_id))
        return connection.execute(query).scalar_one_or_none()

    def completed_with(self, connection: sa.Connection, sha256: str) -> Sequence[str]:
        """The jobs of these bytes that are completed."""
        same = (upload_fact.c.tenant == self.tenant, upload_fact.c.sha256 == sha256)
        query = sa.select(upload_fact.c.job_id).where(*same, upload_fact.c.status == "completed")
        return connection.execute(query).scalars().all()

    def become(
        self, connection: sa.Connection, job_id: str, status: UploadStatus, at: datetime, before: UploadStatus | None
    ) -> bool:
        """Change an upload's status; False, and nothing is done, if it is not `before` (None: whatever it is)."""
        values: dict[str, Any] = {"status": status, "failed_at": at if status == "failed" else None}
        if status == "completed":
            values["completed_at"] = at
        which = self._one(job_id) if before is None else sa.and_(self._one(job_id), upload_fact.c.status == before)
        return connection.execute(upload_fact.update().where(which).values(**values)).rowcount > 0

    def put(self, connection: sa.Connection, job_id: str, change: Change) -> None:
        """Add an entry to the outbox; an upload's entries follow in the order of their transactions."""
        values = {"job_id": job_id, "token": uuid.uuid4().hex, "change": _encoded(change)}
        connection.execute(upload_outbox.insert().values(tenant=self.tenant, **values))

    def entries(self, connection: sa.Connection) -> list[Entry]:
        """The oldest entries of the outbox."""
        columns = (upload_outbox.c.job_id, upload_outbox.c.token, upload_outbox.c.change)
        mine = upload_outbox.c.tenant == self.tenant
        query = sa.select(*columns).where(mine).order_by(upload_outbox.c.id).limit(_ENTRIES)
        return [Entry(job_id, token, _decoded(text)) for job_id, token, text in connection.execute(query)]

    def done(self, connection: sa.Connection, entries: Sequence[Entry]) -> None:
        """Drop entries. By their tokens: a number may have been given again since they were read."""
        tokens = [entry.token for entry in entries]
        connection.execute(upload_outbox.delete().where(upload_outbox.c.token.in_(tokens)))

    def _one(self, job_id: str) -> sa.ColumnElement[bool]:
        return sa.and_(upload_fact.c.tenant == self.tenant, upload_fact.c.job_id == job_id)


def _encoded(change: Change) -> str:
    # As ASCII, so that no text of a preview is one that a database refuses.
    return json.dumps(asdict(change), default=datetime.isoformat)


def _decoded(text: str) -> Change:
    told = json.loads(text)
    times = {name: datetime.fromisoformat(told["values"][name]) for name in _TIMES if told["values"].get(name)}
    return Change(told["values"] | times, told["more"], told["new"])
