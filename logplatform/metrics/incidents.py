"""The alerts: what is not good yet, and what could not be told.

What belongs here: measuring the book of incidents. What does not: sending (`logplatform.alerts`).
"""

from collections.abc import Iterator
from datetime import datetime

import sqlalchemy as sa

from logplatform.metrics.catalogue import Sample
from logplatform.stores.alert_tables import alert as table
from logplatform.stores.sql import Database


def measure_incidents(database: Database, tenant: str, now: datetime) -> Iterator[Sample]:
    """The samples of the alerts."""
    open_ones = (table.c.tenant == tenant, table.c.closed_at.is_(None))
    told_apart = (table.c.domain, table.c.kind, table.c.severity)
    firing = sa.select(*told_apart, sa.func.count()).where(*open_ones, table.c.resolved_at.is_(None))
    unsent = sa.select(
        sa.func.count(), sa.func.coalesce(sa.func.sum(table.c.attempts), 0), sa.func.min(table.c.message_at)
    ).where(*open_ones, table.c.message_id.is_not(None))
    with database.read() as connection:
        for domain, kind, severity, count in connection.execute(firing.group_by(*told_apart)):
            yield Sample("logplatform_alerts_firing", (domain, kind, severity), count)
        messages, attempts, since = connection.execute(unsent).one()
    yield Sample("logplatform_alerts_unsent", (), messages)
    yield Sample("logplatform_alerts_unsent_attempts", (), attempts)
    waited = (now - since).total_seconds() if since is not None else 0.0
    yield Sample("logplatform_alerts_oldest_unsent_seconds", (), max(0.0, waited))
