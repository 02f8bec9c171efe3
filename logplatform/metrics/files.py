"""Domains whose input is files at sources: archives and machines.

What belongs here: measuring the ledger of files. What does not: the tables that all domains share (`stored`).

One statement reads one index (`ix_observation_standing`), in its order; nothing but the sums leaves the database.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from logplatform.file_sources import enabled_sources
from logplatform.landing.observations import Status
from logplatform.metrics.catalogue import Sample
from logplatform.stores.schema import observation as table
from logplatform.tenancy import Tenancy

_GOOD: frozenset[Status] = frozenset({"copied", "extracted", "processed", "seen"})
_WAITS: frozenset[Status] = frozenset({"pending", "copied", "extracted"})


@dataclass(slots=True)
class _Source:
    """What adds up over the statuses of a source; times in UTC."""

    waiting: int = 0
    since: datetime | None = None
    success: datetime | None = None

    def add(self, status: Status, files: int, first: datetime, last: datetime, *, transient: bool) -> None:
        if status in _WAITS or transient:
            self.waiting += files
            self.since = min(self.since or first, first)
        if status in _GOOD:
            self.success = max(self.success or last, last)


def measure_files(tenancy: Tenancy) -> Iterator[Sample]:
    """The samples of one domain of files.

    A file waits since it was seen, or since its last step was done.
    """
    columns = (table.c.status, table.c.source, table.c.error_kind, table.c.error_type)
    query = (
        sa.select(*columns, sa.func.count(), sa.func.min(table.c.updated), sa.func.max(table.c.updated))
        .where(table.c.domain == tenancy.domain, table.c.tenant == tenancy.tenant)
        .group_by(*columns)
    )
    sources = defaultdict[str, _Source](_Source)
    for source in enabled_sources(tenancy.settings, tenancy.domain):
        sources[source.name] = _Source()
    files = defaultdict[tuple[str, Status], int](int)
    with tenancy.database.read() as connection:
        for status, name, kind, error_type, count, first, last in connection.execute(query):
            files[name, status] += count
            sources[name].add(status, count, first, last, transient=status == "error" and error_type == "transient")
            if status == "error":
                yield Sample("logplatform_failed_files", (tenancy.domain, name, kind, error_type), count)
    for (name, status), count in files.items():
        yield Sample("logplatform_files", (tenancy.domain, name, status), count)
    now = tenancy.now()
    for name, source in sources.items():
        labels = (tenancy.domain, name)
        waited = (now - source.since).total_seconds() if source.since else 0.0
        yield Sample("logplatform_waiting_items", labels, source.waiting)
        yield Sample("logplatform_oldest_waiting_seconds", labels, max(0.0, waited))
        if source.success is not None:
            yield Sample("logplatform_last_success_timestamp_seconds", labels, source.success.timestamp())
