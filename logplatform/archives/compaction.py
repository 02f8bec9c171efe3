"""Keeping the event days in few files: a query over thousands of small ones costs many times as much.

What belongs here: which days are merged, and when. What does not: merging (`stores.dataset`).
"""

import logging

import sqlalchemy as sa

from logplatform.archives.deliver import events_dataset
from logplatform.failures import Conflict
from logplatform.stores.schema import dataset_file
from logplatform.tenancy import Tenancy

MOST_FILES = 32
"""A day with more files than these is merged into one."""
_DAYS_AT_ONCE = 8
_ORDER = ("time", "server", "path", "line")
_logger = logging.getLogger("logplatform.archives")


def compact_events(tenancy: Tenancy) -> int:
    """Merge the days with the most files, a few at a time, sorted by time; return how many were merged.

    A day that somebody writes to just now is left for the next time. Readers see the same rows all the while.
    """
    dataset = events_dataset(tenancy)
    files = sa.func.count()
    crowded = (
        sa.select(dataset_file.c.partition)
        .where(
            dataset_file.c.dataset == dataset.name,
            dataset_file.c.tenant == tenancy.tenant,
            dataset_file.c.removed_at.is_(None),
        )
        .group_by(dataset_file.c.partition)
        .having(files > MOST_FILES)
        .order_by(files.desc())
        .limit(_DAYS_AT_ONCE)
    )
    with tenancy.database.read() as connection:
        days = list(connection.execute(crowded).scalars())
    merged = 0
    for day in days:
        try:
            merged += dataset.compact(day, _ORDER)
        except Conflict as failure:
            _logger.info("%s is left as it is for now: %s", day, failure)
    return merged
