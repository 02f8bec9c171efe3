"""Tables of the domain tickets: ids seen, commits, offsets, running totals, conflicts.

What belongs here: their columns. What does not: queries (`ticket_ids.py`, `ticket_state.py`), and the tickets
themselves, which are a dataset.
"""

import sqlalchemy as sa

from logplatform.stores.schema import BigId, metadata
from logplatform.stores.sql import UtcDateTime

ticket_commit = sa.Table(
    "ticket_commit",
    metadata,
    sa.Column("id", BigId, primary_key=True),
    sa.Column("tenant", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("topic", sa.Text, nullable=False),
    sa.Column("ranges", sa.JSON, nullable=False),
    sa.Column("messages", sa.BigInteger, nullable=False),
    sa.Column("accepted", sa.BigInteger, nullable=False),
    sa.Column("rejected", sa.BigInteger, nullable=False),
    sa.Column("duplicates", sa.BigInteger, nullable=False),
    sa.Column("conflicts", sa.BigInteger, nullable=False),
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.Column("run_id", sa.Text, nullable=False),
    sa.Column("day", sa.Date, nullable=False),
    sa.Column("committed_at", UtcDateTime, nullable=False),
    sa.Index("ix_ticket_commit_day", "tenant", "day"),
)

# The rows are the index: a table beside an index would be read and written twice.
ticket_seen = sa.Table(
    "ticket_seen",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("id", sa.LargeBinary(16), primary_key=True),
    sa.Column("digest", sa.LargeBinary(8), nullable=False),
    sa.Column("commit_id", sa.BigInteger, nullable=False),
    sqlite_with_rowid=False,
)

ticket_offset = sa.Table(
    "ticket_offset",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("topic", sa.Text, primary_key=True),
    sa.Column("partition", sa.Integer, primary_key=True),
    sa.Column("next_offset", sa.BigInteger, nullable=False),
)

ticket_total = sa.Table(
    "ticket_total",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("request_type", sa.Text, primary_key=True),
    sa.Column("priority", sa.Text, primary_key=True),
    sa.Column("tickets", sa.BigInteger, nullable=False),
)

ticket_client = sa.Table(
    "ticket_client",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("client_id", sa.Text, primary_key=True),
    sqlite_with_rowid=False,
)

ticket_conflict = sa.Table(
    "ticket_conflict",
    metadata,
    sa.Column("id", BigId, primary_key=True),
    sa.Column("tenant", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("topic", sa.Text, nullable=False),
    sa.Column("partition", sa.Integer, nullable=False),
    sa.Column("offset", sa.BigInteger, nullable=False),
    sa.Column("ticket_id", sa.Text, nullable=False),
    sa.Column("ticket", sa.JSON, nullable=False),
    sa.Column("commit_id", sa.BigInteger, nullable=False),
    sa.UniqueConstraint("tenant", "source", "topic", "partition", "offset"),
)

ticket_version = sa.Table(
    "ticket_version",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("version", sa.BigInteger, nullable=False),
)
