"""The stores that are asked, each by itself: what is down says nothing about the others.

What belongs here: opening each store and naming what is measured in it. What does not: the measuring itself, and what
becomes of a store that fails (`collector`).
"""

import os
from collections.abc import Callable, Iterator, Mapping
from importlib.metadata import version
from itertools import chain
from pathlib import Path

from logplatform.databases import database_of
from logplatform.landing.leases import utc_now
from logplatform.landing.retention import GIB
from logplatform.metrics.catalogue import Sample
from logplatform.metrics.files import measure_files
from logplatform.metrics.incidents import measure_incidents
from logplatform.metrics.stored import measure_stored
from logplatform.metrics.tickets import measure_commits, measure_topics
from logplatform.metrics.uploads import measure_uploads
from logplatform.settings.model import Domain, Settings
from logplatform.stores.files import LocalFiles
from logplatform.tenancy import Tenancy, open_tenancy

Measure = Callable[[Tenancy], Iterator[Sample]]
Ask = Callable[[], list[Sample] | None]
"""Asks one store; None: it does not exist yet, and is not made by asking."""


def stores(settings: Settings, home: Path | None = None) -> Mapping[str, Ask]:
    """Every store by its name; `home` is Dagster's, where it is not the one that the settings and DAGSTER_HOME name."""
    dagster_home = home or Path(os.environ.get("DAGSTER_HOME") or settings.dagster_home)
    return {
        "archives": lambda: _domain(settings, "archives", measure_stored, measure_files),
        "machines": lambda: _domain(settings, "machines", measure_stored, measure_files),
        "uploads": lambda: _domain(settings, "uploads", measure_stored, measure_uploads),
        "tickets": lambda: _domain(settings, "tickets", measure_stored, measure_commits),
        "topics": lambda: _domain(settings, "tickets", measure_topics),
        "alerts": lambda: _alerts(settings),
        "files": lambda: _disk(settings),
        "dagster": lambda: _dagster(dagster_home),
    }


def platform(settings: Settings) -> Sample:
    """What runs here."""
    return Sample("logplatform_info", (version("logplatform"), settings.tenant), 1)


def _domain(settings: Settings, domain: Domain, *measures: Measure) -> list[Sample] | None:
    if not database_of(settings, domain).exists():
        return None
    with open_tenancy(settings, domain) as tenancy:
        return list(chain.from_iterable(measure(tenancy) for measure in measures))


def _alerts(settings: Settings) -> list[Sample] | None:
    place = database_of(settings, "alerts")
    if not place.exists():
        return None
    database = place.open()
    try:
        return list(measure_incidents(database, settings.tenant, utc_now()))
    finally:
        database.close()


def _disk(settings: Settings) -> list[Sample] | None:
    free = LocalFiles(settings.data_root).free_bytes() if settings.data_root.exists() else None
    if free is None:
        return None
    threshold = settings.landing.disk_space_threshold_gb * GIB
    return [
        Sample("logplatform_disk_free_bytes", (), free),
        Sample("logplatform_disk_threshold_bytes", (), threshold),
        Sample("logplatform_disk_room", (), float(free >= threshold)),
    ]


def _dagster(home: Path) -> list[Sample] | None:
    if not (home / "dagster.yaml").exists():
        return None
    # Dagster takes a second to import, and a server that nobody collects from need not have it.
    from logplatform.metrics.daemon import measure_daemon  # noqa: PLC0415

    return list(measure_daemon(home))
