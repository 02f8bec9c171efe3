"""Where uploads stand, for `logplatform status`: by status, by the way they came, what is broken.

What belongs here: filling `logplatform.standing` from the ledger of uploads. What does not: the figures themselves
(`measures`).
"""

from collections.abc import Iterator
from itertools import islice

import sqlalchemy as sa

from logplatform.standing import SourceStanding, Standing, Trouble, standing_with
from logplatform.stores.schema import observation
from logplatform.stores.upload_record import OPEN
from logplatform.stores.upload_tables import upload
from logplatform.tenancy import Tenancy
from logplatform.uploads.measures import count_of, hangs, ledger_of, uploads_where

_SHOWN = 5


def standing(tenancy: Tenancy) -> Standing:
    """Where the domain stands, in uploads."""
    return standing_with(tenancy, ledger_of(tenancy).counts(), _sources(tenancy), list(_troubles(tenancy)))


def _troubles(tenancy: Tenancy) -> Iterator[Trouble]:
    counts = ledger_of(tenancy).counts()
    hidden = tenancy.redactor.text
    if failed := counts.get("failed", 0):
        rows = uploads_where(tenancy, upload.c.status == "failed", _SHOWN)
        sample = [hidden(f"{row.filename} ({row.job_id}): {row.error_message}") for row in rows]
        yield Trouble("ingest", "permanent", failed, sample, "once the cause is gone: `logplatform uploads retry JOB`")
    if hanging := count_of(tenancy, hangs(tenancy)):
        rows = uploads_where(tenancy, hangs(tenancy), _SHOWN)
        sample = [hidden(f"{row.filename} ({row.job_id})") for row in rows]
        yield Trouble("waiting", "transient", hanging, sample, "nobody does them: `logplatform uploads work`")
    errors = observation.c.status == "error"
    for kind, recovery in (
        ("permanent", "they stand under error/uploads/ with the reason: correct them, and put them in again"),
        ("transient", "tried again by themselves; now: `logplatform uploads work`"),
    ):
        which = (errors, observation.c.error_type == kind)
        if count := tenancy.ledger.count(*which).get("error", 0):
            found = islice(tenancy.ledger.find(*which), _SHOWN)
            sample = [hidden(f"{it.source}/{it.path}: {it.error}") for it in found]
            yield Trouble("inbox", "permanent" if kind == "permanent" else "transient", count, sample, recovery)


def _sources(tenancy: Tenancy) -> list[SourceStanding]:
    """The uploads as a whole, then each inbox that the settings or the ledger know."""
    c = upload.c
    waiting = sa.func.sum(sa.case((c.status.in_(OPEN), 1), else_=0))
    failed = sa.func.sum(sa.case((c.status == "failed", 1), else_=0))
    query = sa.select(sa.func.count(), waiting, failed, sa.func.max(c.completed_at)).where(c.tenant == tenancy.tenant)
    with tenancy.database.read() as connection:
        files, open_ones, errors, last = connection.execute(query).one()
    told = [
        SourceStanding("uploads", files, int(open_ones or 0), int(errors or 0), last, tenancy.settings.uploads.enabled)
    ]
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
