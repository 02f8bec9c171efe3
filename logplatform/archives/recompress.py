"""Recompressing: extracted logs that nobody waits for are kept as zstd, which takes a fraction of the room.

What belongs here: making the compressed object and putting it in the plain one's place. What does not: reading it
(`contents`), and when this is done (`logplatform.pruning`). A log that came plain is left alone: its content are the
landed bytes themselves.

The compressed object is published first, after what it decompresses to was compared with the hash that extraction
found; then the row names it; then the plain object goes. A process that dies in between leaves an object that no row
names, which retention sweeps. The last two steps are under the lease by which days are derived again, so that nobody
reads a content whose bytes move; files of a batch are not settled, and their contents are left alone.
"""

import hashlib
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import sqlalchemy as sa
import zstandard

from logplatform.archives.contents import original
from logplatform.archives.job import GROUP_FILES, GROUP_SECONDS, Job, days_job
from logplatform.archives.parallel import in_groups
from logplatform.archives.places import recompressed_key, recompressed_prefix
from logplatform.archives.unshown import catch_up, noted
from logplatform.archives.views import show
from logplatform.failures import LeaseHeld
from logplatform.landing.observations import Content
from logplatform.landing.retention import Removed
from logplatform.landing.settled import Settled, has_extracted, settled_contents
from logplatform.stores.schema import content as table
from logplatform.stores.schema import observation
from logplatform.tenancy import Tenancy

_LEVEL = 6
_logger = logging.getLogger("logplatform.archives")


@dataclass(frozen=True, slots=True)
class _Packed:
    """A content whose compressed object is published under `key`; `plain` is the key of the bytes it replaces."""

    sha256: str
    plain: str
    key: str
    saved: int


def recompress(tenancy: Tenancy) -> Iterator[Removed]:
    """Recompress what is delivered and still plain; yields what was replaced, with the bytes that this saved.

    In constant memory. May be stopped at any point and done again. Content that cannot be read or is not what was
    extracted is left as it is, with a warning; all is left for the next time while days are derived again.
    """
    now = tenancy.now()
    settled = Settled(now, now, with_failures=False)
    catch_up(tenancy)
    packed = (_pack(tenancy, content) for content in settled_contents(tenancy.ledger, settled, _is_plain(tenancy)))
    try:
        for group in in_groups((one for one in packed if one is not None), GROUP_FILES, GROUP_SECONDS):
            replaced = _replace(tenancy, group, settled)
            yield Removed("recompressed", len(replaced), sum(one.saved for one in replaced))
    except LeaseHeld as held:
        _logger.info("recompressing is left for the next time: %s", held)


def _is_plain(tenancy: Tenancy) -> sa.ColumnElement[bool]:
    recompressed = table.c.content_key.startswith(recompressed_prefix(tenancy), autoescape=True)
    return sa.and_(
        has_extracted(), table.c.content_size > 0, table.c.content_key != table.c.object_key, sa.not_(recompressed)
    )


def _pack(tenancy: Tenancy, content: Content) -> _Packed | None:
    """Publish the compressed object of a content; None, and nothing published, if its bytes are not what they were."""
    plain, key = content.content_key or "", recompressed_key(tenancy, content.sha256)
    try:
        with tenancy.files.part() as part:
            with tenancy.files.open(plain) as reader, part.path.open("wb") as writer:
                zstandard.ZstdCompressor(_LEVEL, write_checksum=True).copy_stream(reader, writer)
            with original(part.path.open("rb")) as reader:
                digest = hashlib.file_digest(reader, "sha256").hexdigest()
            if digest != content.content_sha256:
                _logger.warning("%s is not recompressed: its bytes are not those that were extracted", plain)
                return None
            return _Packed(content.sha256, plain, key, (content.content_size or 0) - part.publish(key))
    except OSError as error:
        _logger.warning("%s is not recompressed: %s", plain, error)
        return None


def _replace(tenancy: Tenancy, group: Sequence[_Packed], settled: Settled) -> list[_Packed]:
    """Let the rows name the compressed objects, show these, remove the plain ones; those that were replaced."""
    of_group = observation.c.sha256.in_([one.sha256 for one in group])
    days = tuple(sorted({found.day for found in tenancy.ledger.find(of_group)}))
    with days_job(tenancy, days, "recompress") as job, noted(job):
        with job.transaction() as connection:
            replaced = [one for one in group if _name(connection, job, one, settled)]
        show(tenancy, tenancy.ledger.find(of_group))
        # A file with equal bytes that has landed since then is about to name the plain object again.
        with job.transaction() as connection:
            for one in replaced:
                if _is_unnamed(connection, job, one, settled):
                    tenancy.files.remove(one.plain)
    return replaced


def _name(connection: sa.Connection, job: Job, one: _Packed, settled: Settled) -> bool:
    here = sa.and_(_row(job, one), table.c.content_key == one.plain, table.c.content_removed_at.is_(None))
    named = table.update().where(here, settled.condition()).values(content_key=one.key)
    return connection.execute(named).rowcount == 1


def _is_unnamed(connection: sa.Connection, job: Job, one: _Packed, settled: Settled) -> bool:
    still = sa.select(table.c.sha256).where(_row(job, one), table.c.content_key == one.key, settled.condition())
    return connection.execute(still.with_for_update()).first() is not None


def _row(job: Job, one: _Packed) -> sa.ColumnElement[bool]:
    ledger = job.tenancy.ledger
    return sa.and_(table.c.domain == ledger.domain, table.c.tenant == ledger.tenant, table.c.sha256 == one.sha256)
