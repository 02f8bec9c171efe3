"""Searches: those that people saved, and those they made last."""

import sqlalchemy as sa
from alembic import op

from logplatform.stores.sql import UtcDateTime

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    big_id = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "saved_search",
        sa.Column("id", big_id, nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("parameters", sa.JSON(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_search")),
        sa.UniqueConstraint("tenant", "name", name=op.f("uq_saved_search_tenant_name")),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "search_history",
        sa.Column("id", big_id, nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("parameters", sa.Text(), nullable=False),
        sa.Column("total", sa.BigInteger(), nullable=False),
        sa.Column("searched_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_search_history")),
        sa.UniqueConstraint("tenant", "parameters", name=op.f("uq_search_history_tenant_parameters")),
    )
    op.create_index("ix_search_history_searched_at", "search_history", ["tenant", "searched_at"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_search_history_searched_at", table_name="search_history")
    op.drop_table("search_history")
    op.drop_table("saved_search")
