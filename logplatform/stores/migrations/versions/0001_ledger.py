"""The ledger, leases, dead letters, day commits and dataset manifests."""

import sqlalchemy as sa
from alembic import op

from logplatform.stores.sql import UtcDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "content",
        sa.Column("domain", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("object_key", sa.Text(), nullable=False),
        sa.Column("landed_at", UtcDateTime(), nullable=False),
        sa.Column("removed_at", UtcDateTime(), nullable=True),
        sa.Column("lines", sa.BigInteger(), nullable=True),
        sa.Column("format", sa.Text(), nullable=True),
        sa.Column("content_sha256", sa.Text(), nullable=True),
        sa.Column("content_size", sa.BigInteger(), nullable=True),
        sa.Column("content_key", sa.Text(), nullable=True),
        sa.Column("content_removed_at", UtcDateTime(), nullable=True),
        sa.Column("parser_version", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("domain", "tenant", "sha256", name=op.f("pk_content")),
    )
    op.create_index("ix_content_content_sha256", "content", ["domain", "tenant", "content_sha256"], unique=False)
    op.create_table(
        "dataset_file",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("dataset", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("partition", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("removed_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dataset_file")),
        sa.UniqueConstraint("key", name=op.f("uq_dataset_file_key")),
    )
    op.create_index("ix_dataset_file_partition", "dataset_file", ["dataset", "tenant", "partition"], unique=False)
    op.create_table(
        "day_commit",
        sa.Column("domain", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("asset", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("batch_id", sa.Text(), nullable=True),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.Column("committed_at", UtcDateTime(), nullable=False),
        sa.Column("reported", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("domain", "tenant", "asset", "day", name=op.f("pk_day_commit")),
    )
    op.create_index("ix_day_commit_reported", "day_commit", ["domain", "tenant", "reported"], unique=False)
    op.create_table(
        "dead_letter",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("domain", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.Column("reasons", sa.JSON(), nullable=False),
        sa.Column("tags", sa.JSON(), nullable=False),
        sa.Column("batch_id", sa.Text(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("replayed_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dead_letter")),
        sa.UniqueConstraint(
            "domain",
            "tenant",
            "origin",
            "position",
            name=op.f("uq_dead_letter_domain_tenant_origin_position"),
        ),
    )
    op.create_index("ix_dead_letter_day", "dead_letter", ["domain", "tenant", "day"], unique=False)
    op.create_table(
        "lease",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_lease")),
    )
    op.create_table(
        "observation",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(length=16), nullable=False),
        sa.Column("domain", sa.Text(), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("mtime_ns", sa.BigInteger(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("error_kind", sa.Text(), nullable=True),
        sa.Column("error_type", sa.Text(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_attempt_at", UtcDateTime(), nullable=True),
        sa.Column("batch_id", sa.Text(), nullable=True),
        sa.Column("run_id", sa.Text(), nullable=True),
        sa.Column("sha256", sa.Text(), nullable=True),
        sa.Column("first_seen", UtcDateTime(), nullable=False),
        sa.Column("updated", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_observation")),
        sa.UniqueConstraint("fingerprint", name=op.f("uq_observation_fingerprint")),
    )
    op.create_index("ix_observation_batch_id", "observation", ["batch_id"], unique=False)
    op.create_index("ix_observation_day", "observation", ["domain", "tenant", "day"], unique=False)
    op.create_index(
        "ix_observation_open",
        "observation",
        ["domain", "tenant", "day", "id"],
        unique=False,
        sqlite_where=sa.text("status IN ('pending', 'copied', 'extracted', 'error')"),
        postgresql_where=sa.text("status IN ('pending', 'copied', 'extracted', 'error')"),
    )
    op.create_index("ix_observation_path", "observation", ["domain", "tenant", "source", "path"], unique=False)
    op.create_index("ix_observation_sha256", "observation", ["domain", "tenant", "sha256"], unique=False)
    op.create_index(
        "ix_observation_status",
        "observation",
        ["domain", "tenant", "status", "next_attempt_at"],
        unique=False,
    )
    op.create_table(
        "dataset_origin",
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("file_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["file_id"], ["dataset_file.id"], name=op.f("fk_dataset_origin_file_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("origin", "file_id", name=op.f("pk_dataset_origin")),
    )
    op.create_index("ix_dataset_origin_file_id", "dataset_origin", ["file_id"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_dataset_origin_file_id", table_name="dataset_origin")
    op.drop_table("dataset_origin")
    op.drop_index("ix_observation_status", table_name="observation")
    op.drop_index("ix_observation_sha256", table_name="observation")
    op.drop_index("ix_observation_path", table_name="observation")
    op.drop_index("ix_observation_open", table_name="observation")
    op.drop_index("ix_observation_day", table_name="observation")
    op.drop_index("ix_observation_batch_id", table_name="observation")
    op.drop_table("observation")
    op.drop_table("lease")
    op.drop_index("ix_dead_letter_day", table_name="dead_letter")
    op.drop_table("dead_letter")
    op.drop_index("ix_day_commit_reported", table_name="day_commit")
    op.drop_table("day_commit")
    op.drop_index("ix_dataset_file_partition", table_name="dataset_file")
    op.drop_table("dataset_file")
    op.drop_index("ix_content_content_sha256", table_name="content")
    op.drop_table("content")
