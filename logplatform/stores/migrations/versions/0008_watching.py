"""Watching: alerts, and indexes that count files and open dead letters without reading their rows."""

import sqlalchemy as sa
from alembic import op

from logplatform.stores.sql import UtcDateTime

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_FIRING = sa.text("resolved_at IS NULL")
_OPEN = sa.text("closed_at IS NULL")
_LETTER_OPEN = sa.text("replayed_at IS NULL")
_STANDING = ["domain", "tenant", "status", "source", "error_kind", "error_type", "updated"]


def upgrade() -> None:
    op.create_table(
        "alert",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("domain", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("sample", sa.JSON(), nullable=False),
        sa.Column("recovery", sa.Text(), nullable=False),
        sa.Column("events", sa.BigInteger(), nullable=False),
        sa.Column("first_at", UtcDateTime(), nullable=False),
        sa.Column("last_at", UtcDateTime(), nullable=False),
        sa.Column("resolved_at", UtcDateTime(), nullable=True),
        sa.Column("told_at", UtcDateTime(), nullable=True),
        sa.Column("closed_at", UtcDateTime(), nullable=True),
        sa.Column("message_id", sa.Text(), nullable=True),
        sa.Column("message_status", sa.Text(), nullable=True),
        sa.Column("message_body", sa.LargeBinary(), nullable=True),
        sa.Column("message_at", UtcDateTime(), nullable=True),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("next_attempt_at", UtcDateTime(), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alert")),
    )
    op.create_index(
        "ix_alert_firing",
        "alert",
        ["tenant", "domain", "kind", "reason"],
        unique=True,
        sqlite_where=_FIRING,
        postgresql_where=_FIRING,
    )
    op.create_index("ix_alert_open", "alert", ["tenant", "id"], sqlite_where=_OPEN, postgresql_where=_OPEN)
    op.create_table(
        "alert_event",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "event_id", name=op.f("pk_alert_event")),
    )
    op.drop_index("ix_observation_status", table_name="observation")
    op.create_index("ix_observation_standing", "observation", _STANDING, unique=False)
    op.create_index(
        "ix_dead_letter_open",
        "dead_letter",
        ["domain", "tenant", "source", "replayed_at"],
        sqlite_where=_LETTER_OPEN,
        postgresql_where=_LETTER_OPEN,
    )


def downgrade() -> None:
    op.drop_index("ix_dead_letter_open", table_name="dead_letter")
    op.drop_index("ix_observation_standing", table_name="observation")
    op.create_index(
        "ix_observation_status", "observation", ["domain", "tenant", "status", "next_attempt_at"], unique=False
    )
    op.drop_table("alert_event")
    op.drop_index("ix_alert_open", table_name="alert")
    op.drop_index("ix_alert_firing", table_name="alert")
    op.drop_table("alert")
