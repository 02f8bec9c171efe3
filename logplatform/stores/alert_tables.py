"""Tables of the alerts: incidents, each with the message about it that is on its way, and the events counted.

What belongs here: the tables' form. What does not: queries (`logplatform.alerts.book`).
"""

import sqlalchemy as sa

from logplatform.stores.schema import BigId, metadata
from logplatform.stores.sql import UtcDateTime

alert = sa.Table(
    "alert",
    metadata,
    sa.Column("id", BigId, primary_key=True),
    sa.Column("tenant", sa.Text, nullable=False),
    sa.Column("domain", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("severity", sa.Text, nullable=False),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("sample", sa.JSON, nullable=False),
    sa.Column("recovery", sa.Text, nullable=False),
    sa.Column("events", sa.BigInteger, nullable=False),
    sa.Column("first_at", UtcDateTime, nullable=False),
    sa.Column("last_at", UtcDateTime, nullable=False),
    sa.Column("resolved_at", UtcDateTime),
    sa.Column("told_at", UtcDateTime),
    sa.Column("closed_at", UtcDateTime),
    sa.Column("message_id", sa.Text),
    sa.Column("message_status", sa.Text),
    sa.Column("message_body", sa.LargeBinary),
    sa.Column("message_at", UtcDateTime),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("next_attempt_at", UtcDateTime),
    sa.Column("error", sa.Text),
    sa.Index(
        "ix_alert_firing",
        "tenant",
        "domain",
        "kind",
        "reason",
        unique=True,
        sqlite_where=sa.text("resolved_at IS NULL"),
        postgresql_where=sa.text("resolved_at IS NULL"),
    ),
    sa.Index(
        "ix_alert_open",
        "tenant",
        "id",
        sqlite_where=sa.text("closed_at IS NULL"),
        postgresql_where=sa.text("closed_at IS NULL"),
    ),
)

alert_event = sa.Table(
    "alert_event",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("event_id", sa.Text, primary_key=True),
    sa.Column("at", UtcDateTime, nullable=False),
)
