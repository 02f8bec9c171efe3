"""What the SQL store knows of uploads whose ledger is on another server, and the changes that go there."""

import sqlalchemy as sa
from alembic import op

from logplatform.stores.schema import BigId
from logplatform.stores.sql import UtcDateTime

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "upload_fact",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("job_id", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("uploaded_at", UtcDateTime(), nullable=False),
        sa.Column("completed_at", UtcDateTime(), nullable=True),
        sa.Column("failed_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("tenant", "job_id", name=op.f("pk_upload_fact")),
    )
    op.create_index("ix_upload_fact_sha256", "upload_fact", ["tenant", "sha256"])
    op.create_table(
        "upload_outbox",
        sa.Column("id", BigId, nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("job_id", sa.Text(), nullable=False),
        sa.Column("token", sa.Text(), nullable=False),
        sa.Column("change", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_upload_outbox")),
        sa.UniqueConstraint("token", name=op.f("uq_upload_outbox_token")),
    )
    op.create_index("ix_upload_outbox_tenant", "upload_outbox", ["tenant", "id"])


def downgrade() -> None:
    op.drop_table("upload_outbox")
    op.drop_table("upload_fact")
