"""Where uploads stand, for `logplatform status`: by status, by the way they came, what is broken.

What belongs here: filling `logplatform.standing` from the ledger of uploads. What does not: the figures themselves
(`measures`).
"""

from collections.abc import Iterator, Mapping
from itertools import islice

import sqlalchemy as sa

from logplatform.standing import SourceStanding, Standing, Trouble, standing_with
from logplatform.stores.schema import observation
from logplatform.stores.upload_ledger import UploadLedger
from logplatform.stores.upload_record import OPEN, UploadStatus
from logplatform.tenancy import Tenancy
from logplatform.uploads.chosen import ledger_of
from logplatform.uploads.measures import hanging_since

_SHOWN = 5


def standing(tenancy: Tenancy) -> Standing:
    """Where the domain stands, in uploads."""
    uploads = ledger_of(tenancy)
    counts = uploads.counts()
    return standing_with(tenancy, counts, _sources(tenancy, uploads, counts), list(_troubles(tenancy, uploads, counts)))


def _troubles(tenancy: Tenancy, uploads: UploadLedger, counts: Mapping[UploadStatus, int]) -> Iterator[Trouble]:
    hidden = tenancy.redactor.text
    if failed := counts.get("failed", 0):
        found = uploads.find(("failed",), _SHOWN)
        sample = [hidden(f"{one.filename} ({one.job_id}): {one.error_message}") for one in found]
        yield Trouble("ingest", "permanent", failed, sample, "once the cause is gone: `logplatform uploads retry JOB`")
    since = hanging_since(tenancy)
    if hanging := uploads.count(OPEN, since):
        sample = [hidden(f"{one.filename} ({one.job_id})") for one in uploads.find(OPEN, _SHOWN, since)]
        yield Trouble("waiting", "transient", hanging, sample, "nobody does them: `logplatform uploads work`")
    errors = observation.c.status == "error"
    for kind, recovery in (
        ("permanent", "they stand under error/uploads/ with the reason: correct them, and put them in again"),
        ("transient", "tried again by themselves; now: `logplatform uploads work`"),
    ):
        which = (errors, observation.c.error_type == kind)
        if count := tenancy.ledger.count(*which).get("error", 0):
            files = islice(tenancy.ledger.find(*which), _SHOWN)
            sample = [hidden(f"{it.source}/{it.path}: {it.error}") for it in files]
            yield Trouble("inbox", "permanent" if kind == "permanent" else "transient", count, sample, recovery)


def _sources(tenancy: Tenancy, uploads: UploadLedger, counts: Mapping[UploadStatus, int]) -> list[SourceStanding]:
    """The uploads as a whole, then each inbox that the settings or the ledger know."""
    waiting, failed = sum(counts.get(status, 0) for status in OPEN), counts.get("failed", 0)
    enabled = tenancy.settings.uploads.enabled
    told = [SourceStanding("uploads", sum(counts.values()), waiting, failed, uploads.last_completed(), enabled)]
    settings = tenancy.settings.uploads
    names = [*(["inbox"] if settings.inbox else []), *(folder.name for folder in settings.inboxes if folder.enabled)]
    return [*told, *(_inbox(tenancy, name) for name in names)]


def _inbox(tenancy: Tenancy, name: str) -> SourceStanding:
    counts = tenancy.ledger.count(observation.c.source == name)
    with tenancy.database.read() as connection:
        good = observation.c.status.in_(("processed", "seen"))
        mine = (observation.c.domain == tenancy.domain, observation.c.tenant == tenancy.tenant)
        newest = sa.select(sa.func.max(observation.c.updated)).where(*mine, observation.c.source == name, good)
        last = connection.execute(newest).scalar_one()
    return SourceStanding(name, sum(counts.values()), counts.get("pending", 0), counts.get("error", 0), last, True)
