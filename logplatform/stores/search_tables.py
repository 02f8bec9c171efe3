"""Tables of what people look for: searches they have saved, and those they made last.

What belongs here: the tables' form. What does not: queries (`searches.py`).
"""

import sqlalchemy as sa

from logplatform.stores.schema import BigId, metadata
from logplatform.stores.sql import UtcDateTime

saved_search = sa.Table(
    "saved_search",
    metadata,
    sa.Column("id", BigId, primary_key=True),
    sa.Column("tenant", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("parameters", sa.JSON, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False),
    sa.UniqueConstraint("tenant", "name"),
    # The number of a search that was deleted must never become another's.
    sqlite_autoincrement=True,
)

search_history = sa.Table(
    "search_history",
    metadata,
    sa.Column("id", BigId, primary_key=True),
    sa.Column("tenant", sa.Text, nullable=False),
    # As canonical text: the same search made again is one row, with its last time.
    sa.Column("parameters", sa.Text, nullable=False),
    sa.Column("total", sa.BigInteger, nullable=False),
    sa.Column("searched_at", UtcDateTime, nullable=False),
    sa.UniqueConstraint("tenant", "parameters"),
    sa.Index("ix_search_history_searched_at", "tenant", "searched_at"),
)
