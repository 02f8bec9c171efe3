"""The domain tickets: what was taken in of each topic, and how far its partitions are read.

What belongs here: measuring commits and lag. What does not: the tables that all domains share (`stored`).
"""

from collections.abc import Iterator

import sqlalchemy as sa

from logplatform.metrics.catalogue import Sample
from logplatform.stores.ticket_tables import ticket_commit as table
from logplatform.tenancy import Tenancy
from logplatform.tickets.lag import TopicLag, lags

_OUTCOMES = {"accepted": "accepted", "rejected": "rejected", "duplicate": "duplicates"}


def measure_commits(tenancy: Tenancy) -> Iterator[Sample]:
    """The samples of the commits, which are never removed: what they add up to only grows."""
    names = (*_OUTCOMES.values(), "conflicts", "bytes")
    sums = [sa.func.sum(table.c[name]).label(name) for name in names]
    query = (
        sa.select(
            table.c.source,
            table.c.topic,
            sa.func.count().label("commits"),
            sa.func.max(table.c.committed_at).label("last"),
            *sums,
        )
        .where(table.c.tenant == tenancy.tenant)
        .group_by(table.c.source, table.c.topic)
    )
    with tenancy.database.read() as connection:
        rows = connection.execute(query).mappings().all()
    success: dict[str, float] = {}
    for row in rows:
        labels = (row["source"], row["topic"])
        for outcome, name in _OUTCOMES.items():
            yield Sample("logplatform_ticket_messages_total", (*labels, outcome), row[name])
        yield Sample("logplatform_ticket_conflicts_total", labels, row["conflicts"])
        yield Sample("logplatform_ticket_bytes_total", labels, row["bytes"])
        yield Sample("logplatform_ticket_commits_total", labels, row["commits"])
        success[row["source"]] = max(success.get(row["source"], 0.0), row["last"].timestamp())
    for source, moment in success.items():
        yield Sample("logplatform_last_success_timestamp_seconds", (tenancy.domain, source), moment)


def measure_topics(tenancy: Tenancy) -> Iterator[Sample]:
    """The samples of the topics: the logs' ends, and the offsets that were committed with the data.

    Messages bear no time of arrival: the oldest waits since it was made, as it tells itself. Raises PermanentFailure
    or OSError for a log that cannot be read.
    """
    for lag in lags(tenancy):
        yield from _lag(tenancy, lag)


def _lag(tenancy: Tenancy, lag: TopicLag) -> Iterator[Sample]:
    for partition, end in lag.ends.items():
        labels = (lag.source.name, lag.source.topic, str(partition))
        yield Sample("logplatform_topic_end_offset", labels, end)
        yield Sample("logplatform_topic_lag_messages", labels, max(0, end - lag.first(partition)))
    since = lag.waits_since(tenancy.settings.landing.max_line_bytes)
    waited = (tenancy.now() - since).total_seconds() if since is not None else 0.0
    source = (tenancy.domain, lag.source.name)
    yield Sample("logplatform_waiting_items", source, lag.waiting)
    yield Sample("logplatform_oldest_waiting_seconds", source, max(0.0, waited))
