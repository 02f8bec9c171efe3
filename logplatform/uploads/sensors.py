"""What waits for uploads: files in inboxes, jobs that nobody is at, days whose figures have changed.

What belongs here: looking at them. What does not: the sensor itself (`logplatform.orchestration.backlog_sensor`).
"""

from logplatform.orchestration.backlog import Backlog
from logplatform.orchestration.discovery import look
from logplatform.stores.stale_days import StaleDays
from logplatform.tenancy import Tenancy
from logplatform.uploads.chosen import ledger_of
from logplatform.uploads.day_reports import ALERTS, METRICS
from logplatform.uploads.inbox import watched
from logplatform.uploads.worker import is_worked_on


def waits(tenancy: Tenancy) -> Backlog | None:
    """What is to be done; while a worker is there all of it is left to it, and only trouble with inboxes is told."""
    today = tenancy.now().date()
    found = look(tenancy.ledger, watched(tenancy), tenancy.settings.batch.tick_seconds)
    if is_worked_on(tenancy):
        return Backlog("", today, today, 0, trouble=found.failures) if found.failures else None
    files, file_bytes, newest = _files(tenancy)
    jobs = ledger_of(tenancy).open_uploads()
    stale = StaleDays(tenancy.database, tenancy.tenant)
    days = stale.count(ALERTS) + stale.count(METRICS)
    items = files + jobs.uploads + days
    if not items and not found.failures:
        return None
    key = f"{files} {newest} {jobs.uploads} {jobs.first} {jobs.last} {jobs.attempts} {days}"
    begin = min(jobs.first.date(), today) if jobs.first is not None else today
    return Backlog(key, begin, today, items, file_bytes + jobs.bytes, found.failures)


def _files(tenancy: Tenancy) -> tuple[int, int, int]:
    """Files that wait in inboxes, their bytes, the number of the newest."""
    count = size = newest = 0
    for found in tenancy.ledger.waiting():
        count += 1
        size += found.size
        newest = max(newest, found.id)
        if count >= tenancy.settings.batch.max_files:
            # A run takes no more at once; the rest is asked for after it.
            break
    return count, size, newest
