"""Retention of the topics' messages: what was taken in long ago may go.

What belongs here: which segments of the spool, by age and when the disk is full. What does not: removing them
(`stores/spool_retention.py`), and the tables, which keep every ticket. Topics on brokers have a retention there
(`retention.ms`), and nothing of them is ever removed here.

A message that was not taken in yet is never touched. Once the messages of a day are gone, it cannot be derived again.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

from logplatform.landing.leases import holder_name
from logplatform.landing.retention import Removed
from logplatform.stores.spool_retention import old_segments, remove_segment
from logplatform.stores.ticket_log import Spool
from logplatform.tenancy import Tenancy
from logplatform.tickets.lag import look
from logplatform.tickets.topics import lease_name, place_in

_WAIT_SECONDS = 60.0


def prune_topics(tenancy: Tenancy) -> Iterator[Removed]:
    """Remove messages that were taken in and are older than `processed_days`, refused ones after `error_days`.

    If the disk is full, what was taken in goes whatever its age. Yields what was removed, segment by segment. Raises
    LeaseHeld if somebody is at the tables for longer than a minute: days may be derived again from what would go.
    """
    keep = tenancy.settings.landing.retention
    now = tenancy.now()
    name, holder = lease_name(tenancy), holder_name("prune")
    with tenancy.ledger.leases.hold(name, holder, _WAIT_SECONDS):
        yield from _taken_in(tenancy, now - timedelta(days=keep.processed_days))
        yield from _refused(tenancy, now - timedelta(days=keep.error_days))
        if not tenancy.retention.has_room():
            yield from _taken_in(tenancy, None)


def _taken_in(tenancy: Tenancy, before: datetime | None) -> Iterator[Removed]:
    for lag in look(tenancy, ("spool",)).lags:
        if isinstance(lag.log, Spool):
            for segment in old_segments(lag.log, lag.taken, before):
                if before is None and tenancy.retention.has_room():
                    return
                remove_segment(segment)
                yield Removed("processed", 1, segment.bytes)


def _refused(tenancy: Tenancy, before: datetime) -> Iterator[Removed]:
    for lag in look(tenancy, ("spool",)).lags:
        topics = place_in(tenancy, lag.source)
        log = topics.open(lag.source.refused) if topics.exists(lag.source.refused) else None
        if isinstance(log, Spool):
            for segment in old_segments(log, log.ends(), before):
                remove_segment(segment)
                yield Removed("error", 1, segment.bytes)
