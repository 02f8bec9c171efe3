"""Pruning one domain: everything that retention no longer keeps, in one pass.

What belongs here: the order of the sweeps, and the rows that age out. What does not: what may go and when
(`landing.retention`, `stores.dataset`), and printing.
"""

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta

import pyarrow as pa
import sqlalchemy as sa

from logplatform.archives.recompress import recompress
from logplatform.archives.views import sweep_views as sweep_archive_views
from logplatform.landing.retention import Kind, Pruned, Removed
from logplatform.stores.log_places import is_manifest_only
from logplatform.stores.schema import dataset_file, dead_letter
from logplatform.tenancy import Tenancy
from logplatform.tickets.retention import prune_topics
from logplatform.uploads.put_away import forget_set_aside
from logplatform.uploads.room import open_room
from logplatform.uploads.upkeep import tidy
from logplatform.uploads.views import sweep_views

READERS_WAIT = timedelta(hours=1)
"""Replaced dataset files are kept so long: readers that took their file list before may still read them."""
_ROWS_AT_ONCE = 10_000
_MANIFEST_ONLY = pa.schema([("origin", pa.string())])


def pruned(tenancy: Tenancy) -> list[Pruned]:
    """Prune the domain, rows and links included, and add up what went, by kind."""
    files: Counter[Kind] = Counter()
    sizes: Counter[Kind] = Counter()
    for removed in prune(tenancy):
        files[removed.kind] += removed.files
        sizes[removed.kind] += removed.bytes
    told = [Pruned(kind, count, sizes[kind]) for kind, count in files.items()]
    told.append(Pruned("replayed dead letters", forget_replayed(tenancy), 0))
    if tenancy.domain == "archives":
        lost = sweep_archive_views(tenancy.files, tenancy.settings.data_root)
        told.append(Pruned("links to what was removed", lost, 0))
    return told


def prune(tenancy: Tenancy) -> Iterator[Removed]:
    """Remove what is too old, recompress what is delivered if the settings say so, then remove what must go for the
    disk to have room; yields what was removed, as it happens.

    May be stopped at any point and done again. Nothing that is not delivered is ever touched.
    """
    yield from tenancy.retention.by_age()
    yield Removed("tmp", sum(_swept_datasets(tenancy)), 0)
    if tenancy.domain == "archives" and tenancy.settings.archives.recompress_extracted:
        yield from recompress(tenancy)
    if tenancy.domain == "uploads":
        yield from _upload_leftovers(tenancy)
    if tenancy.domain == "tickets":
        yield from prune_topics(tenancy)
    yield from tenancy.retention.make_room()


def _upload_leftovers(tenancy: Tenancy) -> Iterator[Removed]:
    """Event days of the index that are too old, links to what was removed, refused files of inboxes that were kept
    long enough."""
    with open_room(tenancy) as room:
        tidied = tidy(room, tenancy.settings.uploads.index_days)
    yield Removed("index", tidied.expired_files, 0)
    yield Removed("tmp", tidied.swept_files, 0)
    yield Removed("tmp", sweep_views(tenancy.files, tenancy.settings.data_root), 0)
    yield Removed("error", forget_set_aside(tenancy), 0)


def _swept_datasets(tenancy: Tenancy) -> Iterator[int]:
    query = sa.select(dataset_file.c.dataset).distinct().where(dataset_file.c.tenant == tenancy.tenant)
    with tenancy.database.read() as connection:
        names = list(connection.execute(query).scalars())
    for name in names:
        if is_manifest_only(name):
            continue
        yield tenancy.dataset(name, _MANIFEST_ONLY).sweep(READERS_WAIT)


def forget_replayed(tenancy: Tenancy) -> int:
    """Drop the rows of dead letters that were made good longer ago than errors are kept; returns how many.

    In bounded transactions, so that no other writer waits long.
    """
    before = tenancy.now() - timedelta(days=tenancy.settings.landing.retention.error_days)
    old = (
        sa.select(dead_letter.c.id)
        .where(
            dead_letter.c.domain == tenancy.domain,
            dead_letter.c.tenant == tenancy.tenant,
            dead_letter.c.replayed_at < before,
        )
        .limit(_ROWS_AT_ONCE)
    )
    forgotten = 0
    while True:
        with tenancy.database.write() as connection:
            count = connection.execute(dead_letter.delete().where(dead_letter.c.id.in_(old))).rowcount
        forgotten += count
        if count < _ROWS_AT_ONCE:
            return forgotten
