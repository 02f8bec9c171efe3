"""Keys of requests: the same request again is answered as the first was, and done once."""

import sqlalchemy as sa
from alembic import op

from logplatform.stores.sql import UtcDateTime

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "upload_request",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("request_key", sa.Text(), nullable=False),
        sa.Column("job_id", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "request_key", name=op.f("pk_upload_request")),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("upload_request")
