"""Which folder of which source is which machining centre, and which files there are its logs.

What belongs here: reading the settings' mapping, and a path's folder and day. What does not: sources themselves.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass

from logplatform.machines.naming import production_day
from logplatform.machines.oee import OeeFactors
from logplatform.settings.model import Settings
from logplatform.stores.sessions import Centre

ROOT = "."
"""The folder that is the source itself."""


@dataclass(frozen=True, slots=True)
class Place:
    """One centre's folder: its row in `centre_usinage`, its plant's zone, its OEE factors, and whether files that
    are done with are removed there.
    """

    source: str
    folder: str
    centre: Centre
    zone: str
    oee: OeeFactors
    delete_source: bool


def places(settings: Settings) -> Mapping[tuple[str, str], Place]:
    """Every centre of the enabled sources by (source, folder)."""
    found: dict[tuple[str, str], Place] = {}
    for source in settings.machines.sources:
        if not source.enabled:
            continue
        for name, centre in source.folders.items():
            folder = name.strip("/") or ROOT
            factors = settings.oee(centre)
            found[source.name, folder] = Place(
                source=source.name,
                folder=folder,
                centre=Centre(centre.nom, centre.type_cu, centre.description),
                zone=source.timezone or settings.timezone,
                oee=OeeFactors(
                    availability=factors.availability,
                    ideal_seconds_per_piece=factors.ideal_seconds_per_piece,
                    performance=factors.performance,
                    quality=factors.quality,
                ),
                delete_source=source.delete_source,
            )
    return found


def folder_and_name(path: str) -> tuple[str, str]:
    """A path's folder (`.` where it has none) and its last part."""
    folder, _, name = path.rpartition("/")
    return folder or ROOT, name


def day_of(path: str) -> dt.date | None:
    """The production day of a log by its name, None for any other file."""
    return production_day(folder_and_name(path)[1])


def origin_key(source: str, folder: str, day: dt.date) -> str:
    """The identity of one folder's day: rows and dead letters are derived again under it."""
    return f"{source}/{folder}/{day:%Y%m%d}"
