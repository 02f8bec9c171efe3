"""Uploads: the ledger of what was received, the queue of what is to be ingested."""

import sqlalchemy as sa
from alembic import op

from logplatform.stores.sql import UtcDateTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "upload",
        sa.Column("job_id", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("file_id", sa.Text(), nullable=False),
        sa.Column("filename", sa.Text(), nullable=False),
        sa.Column("unique_filename", sa.Text(), nullable=False),
        sa.Column("object_key", sa.Text(), nullable=False),
        sa.Column("file_size", sa.BigInteger(), nullable=False),
        sa.Column("file_type", sa.Text(), nullable=False),
        sa.Column("total_lines", sa.BigInteger(), nullable=False),
        sa.Column("preview", sa.JSON(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("uploaded_at", UtcDateTime(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("duplicate_of", sa.Text(), nullable=True),
        sa.Column("retry_count", sa.Integer(), nullable=False),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("documents", sa.BigInteger(), nullable=True),
        sa.Column("dead_letters", sa.BigInteger(), nullable=True),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("completed_at", UtcDateTime(), nullable=True),
        sa.Column("failed_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("job_id", name=op.f("pk_upload")),
    )
    op.create_index("ix_upload_sha256", "upload", ["tenant", "sha256"], unique=False)
    op.create_index("ix_upload_status", "upload", ["tenant", "status", "uploaded_at"], unique=False)
    op.create_index("ix_upload_uploaded_at", "upload", ["tenant", "uploaded_at"], unique=False)
    op.create_table(
        "upload_job",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("job_id", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("available_at", UtcDateTime(), nullable=False),
        sa.Column("claims", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_upload_job")),
        sa.UniqueConstraint("tenant", "job_id", name=op.f("uq_upload_job_tenant_job_id")),
    )
    op.create_index("ix_upload_job_available_at", "upload_job", ["tenant", "available_at"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_upload_job_available_at", table_name="upload_job")
    op.drop_table("upload_job")
    for name in ("ix_upload_uploaded_at", "ix_upload_status", "ix_upload_sha256"):
        op.drop_index(name, table_name="upload")
    op.drop_table("upload")
