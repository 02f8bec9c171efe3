"""Measuring the store of archives: is everything accounted for, and what is still broken.

What belongs here: counting over the ledger, the dead letters and the event files. What does not: Dagster's checks,
which show it (`checks`).
"""

from collections.abc import Sequence

import sqlalchemy as sa

from logplatform.archives.deliver import events_dataset
from logplatform.archives.places import label
from logplatform.archives.reports import file_counts
from logplatform.failures import TransientFailure
from logplatform.landing.ledger_reader import SAME_CONTENT
from logplatform.landing.observations import ErrorKind, Observation
from logplatform.orchestration.figures import Arrow, Broken, Fault
from logplatform.stores.schema import content, observation
from logplatform.stores.tally import total_of
from logplatform.tenancy import Tenancy

SAMPLE = 20
_SNAPSHOTS = 5
RECOVER_KINDS: dict[ErrorKind, str] = {"copy": "copy", "extract": "extract", "corruption": "quarantine"}
"""What `recover --error-type` calls each kind of error."""


def arrows(tenancy: Tenancy) -> list[Arrow]:
    """Every arrow of the flow, over the whole store.

    The lines that come to the parser were counted by the extraction; those that went into events are summed from the
    event files themselves. Raises TransientFailure if commits never pause long enough to count.
    """
    with tenancy.database.read() as connection:
        files = file_counts(connection, tenancy)
        taken = _contents_taken(connection, tenancy)
    return [
        Arrow(
            "seen → landed",
            "files",
            came=files.seen,
            out=taken,
            duplicates=files.superseded,
            dead_letters=files.copy_failed,
            waiting=files.pending + files.copy_waiting,
        ),
        Arrow(
            "landed → extracted",
            "files",
            came=files.landed,
            out=files.extracted,
            duplicates=files.duplicates,
            dead_letters=files.extract_failed,
            waiting=files.copied + files.extract_waiting,
        ),
        *(_lines(tenancy) if tenancy.settings.archives.events else ()),
    ]


def broken(tenancy: Tenancy) -> Broken:
    """Files that failed and were not made good yet, the oldest first, with the command that tries them again."""
    failed = observation.c.status == "error"
    sample = []
    for found in tenancy.ledger.find(failed):
        sample.append(_fault(found))
        if len(sample) >= SAMPLE:
            break
    count = tenancy.ledger.count(failed).get("error", 0)
    recovery = (
        "Transient errors are tried again by themselves. For the others: put right what the reason names, then "
        "`logplatform archives recover` (with --error-type copy, extract or quarantine, --server, --file). A file that "
        "is damaged at its source has to be sent again; it is then a new file, and this one may stay."
    )
    return Broken(count, sample, recovery)


def _fault(found: Observation) -> Fault:
    kind = RECOVER_KINDS[found.error_kind] if found.error_kind else "copy"
    again = f"tried again at {found.next_attempt_at:%Y-%m-%d %H:%M} UTC" if found.next_attempt_at else ""
    return Fault(
        what=label(found),
        reason=f"{found.error} ({found.attempts} attempts)",
        since=f"{found.first_seen:%Y-%m-%d %H:%M} UTC",
        recover=again or f"logplatform archives recover --error-type {kind} --file '{found.path}'",
    )


def _contents_taken(connection: sa.Connection, tenancy: Tenancy) -> int:
    """Files whose bytes the landing has on record, counted from the contents, not from the files' status."""
    query = (
        sa.select(sa.func.count())
        .select_from(observation.join(content, SAME_CONTENT))
        .where(observation.c.domain == tenancy.domain, observation.c.tenant == tenancy.tenant)
    )
    return connection.execute(query).scalar_one()


def _lines(tenancy: Tenancy) -> Sequence[Arrow]:
    dataset = events_dataset(tenancy)
    for _ in range(_SNAPSHOTS):
        visible = dataset.visible()
        with tenancy.database.read() as connection:
            delivered = _content_lines(connection, tenancy, observation.c.status == "processed")
            waiting = _content_lines(connection, tenancy, observation.c.status == "extracted")
            letters = tenancy.letters.count_in(connection)
        # The manifest and the ledger change in one transaction: an unchanged list means that all was read between two.
        if dataset.visible() == visible:
            used = sum(total_of(file.uri, "lines") for file in visible)
            came = delivered + waiting
            return [Arrow("extracted → events", "lines", came, used, dead_letters=letters, waiting=waiting)]
    raise TransientFailure("archives: files were committed all the time while they were counted")


def _content_lines(connection: sa.Connection, tenancy: Tenancy, which: sa.ColumnElement[bool]) -> int:
    query = (
        sa.select(sa.func.coalesce(sa.func.sum(content.c.lines), 0))
        .select_from(observation.join(content, SAME_CONTENT))
        .where(observation.c.domain == tenancy.domain, observation.c.tenant == tenancy.tenant, which)
    )
    return int(connection.execute(query).scalar_one())
