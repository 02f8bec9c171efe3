"""One thin resource for each source and store, visible in the Dagster UI, each opening its Protocol's implementation.

What belongs here: configuration in Dagster's form, and putting a tenancy together from resources. What does not: the
implementations (`stores`, `sources`) and their choice (`tenancy`).

Precedence: what `build_defs` was given by keyword, then the settings. A resource holds configuration only; what it
opens is closed by the step or tick that opened it, so nothing is set up twice and nothing leaks.
"""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dagster as dg

from logplatform.failures import PermanentFailure
from logplatform.settings.model import Domain, Settings
from logplatform.sources.base import Source
from logplatform.sources.folder import FolderSource
from logplatform.stores.files import Files, LocalFiles
from logplatform.stores.sql import Database
from logplatform.tenancy import Tenancy, enabled_sources, open_source

FILES = "files"


class FilesResource(dg.ConfigurableResource[Any]):
    """Landed bytes and Parquet files in a folder of this machine; yields a `Files`."""

    root: str

    def open(self) -> Files:
        """Open the folder; it is made if missing."""
        return LocalFiles(Path(self.root))


class SqlResource(dg.ConfigurableResource[Any]):
    """Ledger, dead letters and tables of one domain in an SQLite file; yields a `Database`."""

    path: str

    @contextmanager
    def open(self) -> Generator[Database]:
        """Open the database, its schema brought up to date; it is closed with the context."""
        database = Database.at(Path(self.path))
        try:
            yield database
        finally:
            database.close()


class FolderSourceResource(dg.ConfigurableResource[Any]):
    """Files in a folder of this machine; yields a `Source`."""

    name: str
    root: str
    patterns: list[str]
    follow_links: bool = False

    @classmethod
    def of(cls, source: FolderSource) -> "FolderSourceResource":
        """The resource that opens an equal source."""
        return cls(
            name=source.name, root=str(source.root), patterns=list(source.patterns), follow_links=source.follow_links
        )

    def open(self) -> Source:
        """The source; nothing is read before it is listed."""
        return FolderSource(self.name, Path(self.root), tuple(self.patterns), self.follow_links)


def sql_key(domain: Domain) -> str:
    """The resource key of a domain's database."""
    return f"{domain}_sql"


def source_key(domain: Domain, name: str) -> str:
    """The resource key of a source; signs that no key may hold are told by their code, so names stay apart."""
    plain = "".join(sign if sign.isalnum() else f"_{ord(sign):x}_" for sign in name)
    return f"{domain}_source_{plain}"


def source_keys(settings: Settings, domain: Domain) -> list[str]:
    """The resource keys of a domain's enabled sources, in the settings' order."""
    return [source_key(domain, source.name) for source in enabled_sources(settings, domain)]


def domain_keys(settings: Settings, domain: Domain) -> set[str]:
    """The resource keys that a domain's assets, checks and sensors require."""
    return {FILES, sql_key(domain), *source_keys(settings, domain)}


def domain_resources(settings: Settings, domain: Domain) -> dict[str, dg.ConfigurableResource[Any]]:
    """The resources behind `domain_keys`."""
    sources = {
        source_key(domain, source.name): source_resource(open_source(source))
        for source in enabled_sources(settings, domain)
    }
    return {
        FILES: FilesResource(root=str(settings.data_root)),
        sql_key(domain): SqlResource(path=str(settings.database(domain))),
        **sources,
    }


def source_resource(source: Source) -> dg.ConfigurableResource[Any]:
    """The resource that opens an equal source; raises PermanentFailure for a kind that has none."""
    if isinstance(source, FolderSource):
        return FolderSourceResource.of(source)
    raise PermanentFailure(f"source {source.name}: there is no Dagster resource for {type(source).__name__}")


@contextmanager
def opened_tenancy(resources: object, settings: Settings, domain: Domain) -> Generator[Tenancy]:
    """The domain's tenancy, on the resources that `context.resources` carries."""
    files = getattr(resources, FILES).open()
    sources = [getattr(resources, key).open() for key in source_keys(settings, domain)]
    with getattr(resources, sql_key(domain)).open() as database:
        yield Tenancy(settings, domain, database, files, given_sources=sources)
