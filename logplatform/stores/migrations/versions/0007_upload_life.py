"""Uploads: what jobs cost, jobs of other producers, days to be derived again; landed uploads are known contents."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_JOB_TEXTS = ("holder", "file_id", "file_path", "file_type")
_SUMS = ["status", "total_lines", "documents", "dead_letters", "duplicates", "expired", "attempts", "seconds"]

# Retention removes landed bytes that no content row names.
_KNOWN_CONTENTS = """
INSERT INTO content (domain, tenant, sha256, size, object_key, landed_at, lines, format)
SELECT 'uploads', tenant, sha256, max(file_size), min(object_key), min(uploaded_at), max(total_lines), min(file_type)
FROM upload
WHERE NOT EXISTS (
    SELECT 1 FROM content WHERE domain = 'uploads' AND tenant = upload.tenant AND sha256 = upload.sha256
)
GROUP BY tenant, sha256
"""


def upgrade() -> None:
    op.add_column("upload", sa.Column("expired", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("upload", sa.Column("attempts", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("upload", sa.Column("seconds", sa.Float(), nullable=False, server_default="0"))
    op.create_index("ix_upload_sums", "upload", ["tenant", *_SUMS, "file_size"], unique=False)
    for name in _JOB_TEXTS:
        op.add_column("upload_job", sa.Column(name, sa.Text(), nullable=True))
    op.add_column("upload_job", sa.Column("total_lines", sa.BigInteger(), nullable=True))
    op.create_table(
        "upload_stale_day",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("asset", sa.Text(), nullable=False),
        sa.Column("event_day", sa.Text(), nullable=False),
        sa.Column("received_day", sa.Date(), nullable=False),
        sa.Column("mark", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "asset", "event_day", "received_day", name=op.f("pk_upload_stale_day")),
    )
    op.execute(_KNOWN_CONTENTS)


def downgrade() -> None:
    op.drop_table("upload_stale_day")
    with op.batch_alter_table("upload_job") as table:
        for name in ("total_lines", *reversed(_JOB_TEXTS)):
            table.drop_column(name)
    op.drop_index("ix_upload_sums", table_name="upload")
    with op.batch_alter_table("upload") as table:
        for name in ("seconds", "attempts", "expired"):
            table.drop_column(name)
    op.execute("DELETE FROM content WHERE domain = 'uploads'")
