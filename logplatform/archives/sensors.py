"""What the archives' sensor watches: every source, and the rule that gives each file its day.

What belongs here: that rule. What does not: the sensor itself (`logplatform.orchestration.sensors`).

A file belongs to the day on which it was first seen here (UTC), whatever its own dates: that is the day it lands.
"""

from datetime import UTC, date, datetime, timedelta

from logplatform.archives.places import incoming_sources
from logplatform.archives.unshown import catch_up
from logplatform.orchestration.discovery import Left, Watched
from logplatform.sources.base import Entry
from logplatform.tenancy import Tenancy

# Up to here a time ahead of ours is a difference of clocks, and the file may still grow; beyond, it tells nothing.
_CLOCKS_DIFFER = timedelta(hours=1)


def watched(tenancy: Tenancy, *, incoming: bool | None = None) -> list[Watched]:
    """The enabled sources, and the folders below `incoming/` unless the settings or `incoming` leave them.

    Whoever looks for files first shows what a dead run left unshown, for there may be nothing new to run.
    """
    catch_up(tenancy)
    sources = list(tenancy.sources())
    if tenancy.settings.archives.incoming if incoming is None else incoming:
        sources += incoming_sources(tenancy)
    settle = timedelta(seconds=tenancy.settings.archives.settle_seconds)
    return [Watched(source, lambda entry: day_landed(entry, tenancy.now(), settle)) for source in sources]


def day_landed(entry: Entry, now: datetime, settle: timedelta) -> date | Left:
    """Today (UTC), or why the file is left: it changed less than `settle` ago, so it may still grow."""
    age = now - entry.changed
    if -_CLOCKS_DIFFER <= age < settle:
        return Left("growing", f"it changed {max(0, round(age.total_seconds()))} seconds ago")
    return now.astimezone(UTC).date()
