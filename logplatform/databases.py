"""Each domain's database, and that of the alerts, by the settings.

What belongs here: the names, and where each is. What does not: opening a domain's other stores (`tenancy`), and what a
database does (`logplatform.stores`).
"""

from typing import Literal

from logplatform.settings.model import DOMAINS, Domain, Settings
from logplatform.stores.places import Place, place_of

DatabaseName = Domain | Literal["alerts"]
"""The alerts have a database of their own: they tell of a domain whose database is away."""

DATABASES: tuple[DatabaseName, ...] = (*DOMAINS, "alerts")


def database_of(settings: Settings, name: DatabaseName) -> Place:
    """Where the rows of a domain, or of the alerts, are; nothing is connected or made."""
    return place_of(settings.stores.sql, settings.data_root, name)
