"""What the machines' sensor watches: every source, and the rule that gives each file its day.

What belongs here: that rule. What does not: the sensor itself (`logplatform.orchestration.sensors`).

A file belongs to the day in its name, today's too while it still grows.
"""

from datetime import date
from zoneinfo import ZoneInfo

from logplatform.machines.finish import reopen_finished_days
from logplatform.machines.places import Place, day_of, folder_and_name, places
from logplatform.orchestration.discovery import Left, Watched
from logplatform.sources.base import Entry
from logplatform.tenancy import Tenancy


def watched(tenancy: Tenancy) -> list[Watched]:
    """The enabled sources. Partial days that are over by now are put among what waits, to be derived as whole ones."""
    reopen_finished_days(tenancy)
    placed = places(tenancy.settings)

    def rule(source: str, entry: Entry) -> date | Left:
        place = placed.get((source, folder_and_name(entry.path)[0]))
        return day_or_left(tenancy, place, entry)

    return [Watched(source, lambda entry, name=source.name: rule(name, entry)) for source in tenancy.sources()]


def day_or_left(tenancy: Tenancy, place: Place | None, entry: Entry) -> date | Left:
    """The production day of a file, or why it is left alone."""
    if place is None:
        return Left("not ours", "its folder is no centre in the settings")
    day = day_of(entry.path)
    if day is None:
        return Left("not ours", "not a machine log's name (YYYYMMDD.LOG with a real date)")
    if day < tenancy.settings.dagster.start_date:
        return Left("too early", f"dated before {tenancy.settings.dagster.start_date} (dagster.start_date)")
    today = tenancy.now().astimezone(ZoneInfo(place.zone)).date()
    if day > today:
        return Left("future", f"dated after today ({today}) in {place.zone}")
    return day
