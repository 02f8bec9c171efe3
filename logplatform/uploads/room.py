"""What the domain works with: its ledger, its queue, its index, its rules, opened from the settings.

What belongs here: wiring. What does not: any work.
"""

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime

from logplatform.landing.leases import utc_now
from logplatform.settings.base import zone
from logplatform.settings.model import Settings
from logplatform.stores.job_queue import JobQueue
from logplatform.stores.log_index import LogIndex
from logplatform.stores.log_places import open_log_index
from logplatform.stores.log_schema import DOCUMENTS
from logplatform.stores.parquet_index import DATASET
from logplatform.stores.stale_days import StaleDays
from logplatform.stores.upload_ledger import UploadLedger
from logplatform.tenancy import Tenancy, open_tenancy
from logplatform.uploads.chosen import ledger_of, queue_of
from logplatform.uploads.enrich import Enricher
from logplatform.uploads.geoip import open_geoip
from logplatform.uploads.inspection import UploadLimits


@dataclass(frozen=True, slots=True)
class UploadRoom:
    """The stores and rules of one tenant's uploads; open one with `open_uploads`."""

    tenancy: Tenancy
    uploads: UploadLedger
    queue: JobQueue
    stale: StaleDays
    index: LogIndex
    enricher: Enricher
    limits: UploadLimits


@contextmanager
def open_uploads(settings: Settings, now: Callable[[], datetime] = utc_now) -> Generator[UploadRoom]:
    """Open everything; PermanentFailure if the GeoIP database of the settings cannot be used."""
    with open_tenancy(settings, "uploads", now) as tenancy, open_room(tenancy) as room:
        yield room


@contextmanager
def open_room(tenancy: Tenancy) -> Generator[UploadRoom]:
    """Open what a tenancy of uploads does not hold itself; PermanentFailure as `open_uploads`."""
    settings = tenancy.settings
    section = settings.uploads
    enricher = Enricher(open_geoip(section.geoip_database), zone(section.timezone or settings.timezone))
    limits = UploadLimits(section.max_file_bytes, settings.landing.max_line_bytes, section.allowed_extensions)
    ledger, queue = ledger_of(tenancy), queue_of(tenancy)
    stale = StaleDays(tenancy.database, tenancy.tenant)
    with open_index(tenancy) as index:
        yield UploadRoom(tenancy, ledger, queue, stale, index, enricher, limits)


def open_index(tenancy: Tenancy) -> AbstractContextManager[LogIndex]:
    """The index of a tenancy's uploads alone; PermanentFailure if the client of its server is not installed."""
    return open_log_index(tenancy.settings.stores.index, tenancy.dataset(DATASET, DOCUMENTS))
