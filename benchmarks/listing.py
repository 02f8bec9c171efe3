"""A folder with very many files, and a ledger that knows them all.

What belongs here: making and removing both. What does not: looking at them (`pieces.sensor`).
"""

import os
import shutil
from datetime import date
from itertools import islice
from pathlib import Path

from benchmarks.inputs import OLD
from logplatform.settings import ArchiveFolder, ArchivesSettings, Settings
from logplatform.tenancy import open_tenancy

PER_FOLDER = 1_000
CHUNK = 20_000


def listing_settings(folder: Path) -> Settings:
    """Settings with the listing as the one source."""
    source = ArchiveFolder(name="listing", path=folder / "source")
    return Settings(data_root=folder / "data", archives=ArchivesSettings(sources=(source,)))


def make_listing(folder: Path, count: int) -> None:
    """Make `count` files of one byte and record each as processed."""
    remove_listing(folder)
    settings = listing_settings(folder)
    for first in range(0, count, PER_FOLDER):
        place = folder / "source" / f"{first // PER_FOLDER:05d}"
        place.mkdir(parents=True)
        for number in range(first, min(first + PER_FOLDER, count)):
            path = f"{place}/app-{number}.log"
            descriptor = os.open(path, os.O_CREAT | os.O_WRONLY)
            os.write(descriptor, b"\n")
            os.utime(descriptor, (OLD, OLD))
            os.close(descriptor)
    with open_tenancy(settings, "archives") as tenancy:
        (source,) = tenancy.sources()
        listed = source.list()
        while chunk := list(islice(listed, CHUNK)):
            with tenancy.ledger.transaction() as connection:
                tenancy.ledger.record(connection, source.name, ((entry, date(2026, 3, 1)) for entry in chunk), "made")
        with tenancy.database.write() as connection:
            connection.exec_driver_sql("UPDATE observation SET status = 'processed'")


def remove_listing(folder: Path) -> None:
    """Remove the files and the ledger."""
    if folder.exists():
        shutil.rmtree(folder)
