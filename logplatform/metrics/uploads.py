"""The domain uploads: uploads by status, what became of their records, what they cost, and the queue.

What belongs here: measuring the ledger of uploads and its queue. What does not: the tables that all domains share
(`stored`).
"""

from collections.abc import Iterator
from datetime import datetime

import sqlalchemy as sa

from logplatform.metrics.catalogue import Sample
from logplatform.stores.schema import day_commit
from logplatform.tenancy import Tenancy
from logplatform.uploads.chosen import ledger_of, queue_of

SOURCE = "uploads"
_OUTCOMES = {"document": "documents", "dead_letter": "dead_letters", "duplicate": "duplicates", "expired": "expired"}


def measure_uploads(tenancy: Tenancy) -> Iterator[Sample]:
    """The samples of the uploads."""
    source = (tenancy.domain, SOURCE)
    uploads = ledger_of(tenancy)
    sums, waiting = uploads.sums(), uploads.open_uploads()
    with tenancy.database.read() as connection:
        last = connection.execute(_last_commit(tenancy)).scalar_one()
    for status, of in sums.items():
        yield Sample("logplatform_uploads", (status,), of.uploads)
        yield Sample("logplatform_upload_bytes", (status,), of.bytes)
        yield Sample("logplatform_upload_attempts", (status,), of.attempts)
        yield Sample("logplatform_upload_work_seconds", (status,), of.seconds)
    for outcome, name in _OUTCOMES.items():
        yield Sample("logplatform_upload_records", (outcome,), sum(getattr(of, name) for of in sums.values()))
    yield Sample("logplatform_queue_jobs", (), len(queue_of(tenancy)))
    yield Sample("logplatform_waiting_items", source, waiting.uploads)
    waited = (tenancy.now() - waiting.first).total_seconds() if waiting.first is not None else 0.0
    yield Sample("logplatform_oldest_waiting_seconds", source, max(0.0, waited))
    if last is not None:
        yield Sample("logplatform_last_success_timestamp_seconds", source, last.timestamp())


def _last_commit(tenancy: Tenancy) -> sa.Select[tuple[datetime | None]]:
    mine = (day_commit.c.domain == tenancy.domain, day_commit.c.tenant == tenancy.tenant)
    return sa.select(sa.func.max(day_commit.c.committed_at)).where(*mine)
