"""Tickets: ids seen, commits, offsets, running totals, conflicts, the version of the tables."""

import sqlalchemy as sa
from alembic import op

from logplatform.stores.sql import UtcDateTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "ticket_commit",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("ranges", sa.JSON(), nullable=False),
        sa.Column("messages", sa.BigInteger(), nullable=False),
        sa.Column("accepted", sa.BigInteger(), nullable=False),
        sa.Column("rejected", sa.BigInteger(), nullable=False),
        sa.Column("duplicates", sa.BigInteger(), nullable=False),
        sa.Column("conflicts", sa.BigInteger(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("committed_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket_commit")),
    )
    op.create_index("ix_ticket_commit_day", "ticket_commit", ["tenant", "day"], unique=False)
    op.create_table(
        "ticket_seen",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("digest", sa.LargeBinary(length=8), nullable=False),
        sa.Column("commit_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "id", name=op.f("pk_ticket_seen")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "ticket_offset",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("next_offset", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "source", "topic", "partition", name=op.f("pk_ticket_offset")),
    )
    op.create_table(
        "ticket_total",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("request_type", sa.Text(), nullable=False),
        sa.Column("priority", sa.Text(), nullable=False),
        sa.Column("tickets", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "request_type", "priority", name=op.f("pk_ticket_total")),
    )
    op.create_table(
        "ticket_client",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "client_id", name=op.f("pk_ticket_client")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "ticket_conflict",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("partition", sa.Integer(), nullable=False),
        sa.Column("offset", sa.BigInteger(), nullable=False),
        sa.Column("ticket_id", sa.Text(), nullable=False),
        sa.Column("ticket", sa.JSON(), nullable=False),
        sa.Column("commit_id", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ticket_conflict")),
        sa.UniqueConstraint(
            "tenant",
            "source",
            "topic",
            "partition",
            "offset",
            name=op.f("uq_ticket_conflict_tenant_source_topic_partition_offset"),
        ),
    )
    op.create_table(
        "ticket_version",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", name=op.f("pk_ticket_version")),
    )


def downgrade() -> None:
    for table in (
        "ticket_version",
        "ticket_conflict",
        "ticket_client",
        "ticket_total",
        "ticket_offset",
        "ticket_seen",
    ):
        op.drop_table(table)
    op.drop_index("ix_ticket_commit_day", table_name="ticket_commit")
    op.drop_table("ticket_commit")
