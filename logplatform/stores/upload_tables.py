"""Tables of uploads: the ledger of what was received, the queue of what waits, the days to be derived again.

What belongs here: the tables' form. What does not: queries (`upload_ledger.py`, `job_queue.py`, `stale_days.py`).
"""

import sqlalchemy as sa

from logplatform.stores.schema import BigId, metadata
from logplatform.stores.sql import UtcDateTime

upload = sa.Table(
    "upload",
    metadata,
    sa.Column("job_id", sa.Text, primary_key=True),
    sa.Column("tenant", sa.Text, nullable=False),
    sa.Column("file_id", sa.Text, nullable=False),
    sa.Column("filename", sa.Text, nullable=False),
    sa.Column("unique_filename", sa.Text, nullable=False),
    sa.Column("object_key", sa.Text, nullable=False),
    sa.Column("file_size", sa.BigInteger, nullable=False),
    sa.Column("file_type", sa.Text, nullable=False),
    sa.Column("total_lines", sa.BigInteger, nullable=False),
    sa.Column("preview", sa.JSON, nullable=False),
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("uploaded_at", UtcDateTime, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("duplicate_of", sa.Text),
    sa.Column("retry_count", sa.Integer, nullable=False),
    sa.Column("error_message", sa.Text),
    sa.Column("documents", sa.BigInteger),
    sa.Column("dead_letters", sa.BigInteger),
    sa.Column("expired", sa.BigInteger, nullable=False, server_default="0"),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("seconds", sa.Float, nullable=False, server_default="0"),
    sa.Column("duplicates", sa.BigInteger),
    sa.Column("updated_at", UtcDateTime, nullable=False),
    sa.Column("completed_at", UtcDateTime),
    sa.Column("failed_at", UtcDateTime),
    sa.Index("ix_upload_sha256", "tenant", "sha256"),
    sa.Index("ix_upload_status", "tenant", "status", "uploaded_at"),
    sa.Index("ix_upload_uploaded_at", "tenant", "uploaded_at"),
    # Sums over all uploads are read from the index alone: the rows are wide, for they hold previews.
    sa.Index(
        "ix_upload_sums",
        "tenant",
        "status",
        "total_lines",
        "documents",
        "dead_letters",
        "duplicates",
        "expired",
        "attempts",
        "seconds",
        "file_size",
    ),
)

upload_job = sa.Table(
    "upload_job",
    metadata,
    sa.Column("id", BigId, primary_key=True),
    sa.Column("tenant", sa.Text, nullable=False),
    sa.Column("job_id", sa.Text, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("available_at", UtcDateTime, nullable=False),
    sa.Column("claims", sa.Integer, nullable=False),
    sa.Column("holder", sa.Text),
    sa.Column("file_id", sa.Text),
    sa.Column("file_path", sa.Text),
    sa.Column("file_type", sa.Text),
    sa.Column("total_lines", sa.BigInteger),
    sa.UniqueConstraint("tenant", "job_id"),
    sa.Index("ix_upload_job_available_at", "tenant", "available_at"),
)

upload_stale_day = sa.Table(
    "upload_stale_day",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("asset", sa.Text, primary_key=True),
    sa.Column("event_day", sa.Text, primary_key=True),
    sa.Column("received_day", sa.Date, primary_key=True),
    sa.Column("mark", sa.Text, nullable=False),
)
