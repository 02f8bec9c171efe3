"""Events that their senders named: which upload holds which, and how many of an upload's were there already."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "upload_event",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("id", sa.LargeBinary(16), nullable=False),
        sa.Column("origin", sa.LargeBinary(32), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_upload_event")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_upload_event_origin", "upload_event", ["tenant", "origin"], unique=False)
    op.add_column("upload", sa.Column("duplicates", sa.BigInteger(), nullable=True))
    op.execute("UPDATE upload SET duplicates = 0 WHERE documents IS NOT NULL")


def downgrade() -> None:
    op.drop_column("upload", "duplicates")
    op.drop_index("ix_upload_event_origin", table_name="upload_event")
    op.drop_table("upload_event")
