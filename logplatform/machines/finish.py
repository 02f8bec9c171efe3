"""The end of a log: days that are over are derived as whole ones, and their files may leave the source.

What belongs here: when a partial day is done again, and when a file may be removed where it came from. What does
not: deriving (`events`) and the sources themselves.
"""

from collections.abc import Iterator, Mapping, Sequence

import sqlalchemy as sa

from logplatform.failures import LogplatformError
from logplatform.landing.observations import Observation
from logplatform.machines.places import Place, day_of, folder_and_name, places
from logplatform.machines.units import is_over, stands_still
from logplatform.sources.base import Entry, Listing
from logplatform.stores.machine_days import DayAccount, MachineDays
from logplatform.stores.schema import observation as table
from logplatform.stores.sql import chunks
from logplatform.tenancy import Tenancy


def reopen_finished_days(tenancy: Tenancy) -> int:
    """Let the partial days that are over by now be derived once more, as whole ones; returns how many files those are.

    Their newest file goes back to `extracted`, so that the next batches take it.
    """
    placed = places(tenancy.settings)
    reopened = 0
    for account in MachineDays(tenancy.database, tenancy.tenant).unfinished():
        place = placed.get((account.source, account.folder))
        if place is None:
            continue
        newest = _newest(tenancy, account)
        if newest is not None and newest.status == "processed" and is_over(tenancy, place.zone, newest):
            with tenancy.ledger.transaction() as connection:
                tenancy.ledger.reopen(connection, [newest], "extracted")
            reopened += 1
    return reopened


def remove_finished(tenancy: Tenancy) -> int:
    """Remove files from the sources that want it, once their day is over, they have stood still, their bytes are
    landed and their session is committed; returns how many.

    Asked of the sources' listings, not of what a run did: a run may have died between its commit and its removal.
    """
    placed = places(tenancy.settings)
    removed = 0
    for source in tenancy.sources():
        if not any(place.delete_source for key, place in placed.items() if key[0] == source.name):
            continue
        try:
            for chunk in chunks(Listing(source)):
                removed += sum(source.remove(entry) for entry in _done(tenancy, source.name, placed, chunk))
        except LogplatformError:
            # It stays where it is and is asked for again; the source's own trouble is told where it is listed.
            continue
    return removed


def _done(
    tenancy: Tenancy, source: str, placed: Mapping[tuple[str, str], Place], entries: Sequence[Entry]
) -> Iterator[Entry]:
    known = {
        (found.path, found.size, found.mtime_ns): found
        for found in tenancy.ledger.find(
            table.c.source == source, table.c.path.in_([entry.path for entry in entries]), table.c.status == "processed"
        )
    }
    for entry in entries:
        found = known.get((entry.path, entry.size, entry.mtime_ns))
        place = placed.get((source, folder_and_name(entry.path)[0]))
        if found is None or place is None or not place.delete_source or day_of(entry.path) is None:
            continue
        if is_over(tenancy, place.zone, found) and stands_still(tenancy, found) and _is_whole(tenancy, place, found):
            yield entry


def _is_whole(tenancy: Tenancy, place: Place, found: Observation) -> bool:
    """Whether the day's session is committed as a whole one."""
    accounts = MachineDays(tenancy.database, tenancy.tenant).of_day(found.day)
    return any(
        account.final and (account.source, account.folder) == (place.source, place.folder) for account in accounts
    )


def _newest(tenancy: Tenancy, account: DayAccount) -> Observation | None:
    found: Observation | None = None
    conditions: tuple[sa.ColumnElement[bool], ...] = (
        table.c.source == account.source,
        table.c.day == account.day,
        table.c.sha256.is_not(None),
    )
    for one in tenancy.ledger.find(*conditions):
        if folder_and_name(one.path)[0] == account.folder:
            found = one
    return found
