"""Tables of uploads: the ledger of what was received, and the queue of what is to be ingested.

What belongs here: the tables' form. What does not: queries (`upload_ledger.py`, `job_queue.py`).
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
    sa.Column("duplicates", sa.BigInteger),
    sa.Column("updated_at", UtcDateTime, nullable=False),
    sa.Column("completed_at", UtcDateTime),
    sa.Column("failed_at", UtcDateTime),
    sa.Index("ix_upload_sha256", "tenant", "sha256"),
    sa.Index("ix_upload_status", "tenant", "status", "uploaded_at"),
    sa.Index("ix_upload_uploaded_at", "tenant", "uploaded_at"),
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
    sa.UniqueConstraint("tenant", "job_id"),
    sa.Index("ix_upload_job_available_at", "tenant", "available_at"),
)
