"""The domain uploads: uploads by status, what became of their records, what they cost, and the queue.

What belongs here: measuring the ledger of uploads and its queue. What does not: the tables that all domains share
(`stored`).
"""

from collections.abc import Iterator
from datetime import datetime

import sqlalchemy as sa

from logplatform.metrics.catalogue import Sample
from logplatform.stores.schema import day_commit
from logplatform.stores.upload_record import OPEN
from logplatform.stores.upload_tables import upload as table
from logplatform.stores.upload_tables import upload_job
from logplatform.tenancy import Tenancy

SOURCE = "uploads"
_OUTCOMES = {"document": "documents", "dead_letter": "dead_letters", "duplicate": "duplicates", "expired": "expired"}


def measure_uploads(tenancy: Tenancy) -> Iterator[Sample]:
    """The samples of the uploads; sums are read from an index, for the rows are wide."""
    source = (tenancy.domain, SOURCE)
    mine = table.c.tenant == tenancy.tenant
    with tenancy.database.read() as connection:
        rows = connection.execute(_sums(mine)).mappings().all()
        oldest = sa.select(sa.func.min(table.c.uploaded_at)).where(mine, table.c.status.in_(OPEN))
        since = connection.execute(oldest).scalar_one()
        jobs = sa.select(sa.func.count()).select_from(upload_job).where(upload_job.c.tenant == tenancy.tenant)
        queued = connection.execute(jobs).scalar_one()
        last = connection.execute(_last_commit(tenancy)).scalar_one()
    for row in rows:
        labels = (row["status"],)
        yield Sample("logplatform_uploads", labels, row["uploads"])
        yield Sample("logplatform_upload_bytes", labels, row["file_size"])
        yield Sample("logplatform_upload_attempts", labels, row["attempts"])
        yield Sample("logplatform_upload_work_seconds", labels, row["seconds"])
    for outcome, name in _OUTCOMES.items():
        yield Sample("logplatform_upload_records", (outcome,), sum(row[name] for row in rows))
    yield Sample("logplatform_queue_jobs", (), queued)
    yield Sample("logplatform_waiting_items", source, sum(row["uploads"] for row in rows if row["status"] in OPEN))
    waited = (tenancy.now() - since).total_seconds() if since is not None else 0.0
    yield Sample("logplatform_oldest_waiting_seconds", source, max(0.0, waited))
    if last is not None:
        yield Sample("logplatform_last_success_timestamp_seconds", source, last.timestamp())


def _sums(mine: sa.ColumnElement[bool]) -> sa.Select[tuple[object, ...]]:
    names = (*_OUTCOMES.values(), "file_size", "attempts", "seconds")
    sums = [sa.func.coalesce(sa.func.sum(table.c[name]), 0).label(name) for name in names]
    return sa.select(table.c.status, sa.func.count().label("uploads"), *sums).where(mine).group_by(table.c.status)


def _last_commit(tenancy: Tenancy) -> sa.Select[tuple[datetime | None]]:
    mine = (day_commit.c.domain == tenancy.domain, day_commit.c.tenant == tenancy.tenant)
    return sa.select(sa.func.max(day_commit.c.committed_at)).where(*mine)
