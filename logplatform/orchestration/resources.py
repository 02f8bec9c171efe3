"""One thin resource for each source and store, visible in the Dagster UI, each opening its Protocol's implementation.

What belongs here: configuration in Dagster's form, and putting a tenancy together from resources. What does not: the
implementations (`stores`, `sources`) and their choice (`tenancy`).

Precedence: what `build_defs` was given by keyword, then the settings. A resource holds configuration only; what it
opens is closed by the step or tick that opened it, so nothing is set up twice and nothing leaks.
"""

from collections.abc import Generator
from contextlib import closing, contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import dagster as dg

from logplatform.databases import database_of
from logplatform.file_sources import FileSource, ServerSource, enabled_sources, open_source
from logplatform.orchestration.index_resource import INDEX, ElasticsearchResource, has_index_server, with_index
from logplatform.orchestration.server_resources import server_resource
from logplatform.orchestration.topic_resources import given_topics, topic_keys, topic_resources
from logplatform.orchestration.upload_resources import upload_resources, with_uploads
from logplatform.settings.model import Domain, Settings
from logplatform.settings.stores import FilesStore, SqlStore
from logplatform.sources.base import Source
from logplatform.sources.folder import FolderSource
from logplatform.stores.file_places import open_files
from logplatform.stores.files import Files, LocalFiles
from logplatform.stores.places import Place, PostgresSchema, SqliteFile
from logplatform.stores.sql import Database
from logplatform.tenancy import Tenancy

FILES = "files"
SPARK = "spark"


class FilesResource(dg.ConfigurableResource[Any]):
    """Landed bytes and Parquet files in a folder of this machine; yields a `Files`."""

    root: str

    @classmethod
    def of(cls, store: FilesStore, folder: Path) -> "FilesResource | ObjectFilesResource":
        """The resource that opens the files of the settings."""
        if store.type == "folder":
            return cls(root=str(folder))
        return ObjectFilesResource(
            url=store.url, endpoint_url=store.endpoint_url, region=store.region, cache_root=str(folder)
        )

    def open(self, store: FilesStore) -> Files:  # noqa: ARG002 (an object store's secret key is in it)
        """Open the folder; it is made if missing."""
        return LocalFiles(Path(self.root))


class ObjectFilesResource(dg.ConfigurableResource[Any]):
    """The same in an object store. Its keys are no configuration, which the UI shows: the settings have them."""

    url: str
    endpoint_url: str | None = None
    region: str | None = None
    cache_root: str

    def open(self, store: FilesStore) -> Files:
        """Open the object store with the keys of `store`; local copies are kept below `cache_root`."""
        here = {"type": "s3", "url": self.url, "endpoint_url": self.endpoint_url, "region": self.region}
        return open_files(store.model_copy(update=here), Path(self.cache_root))


class SqlResource(dg.ConfigurableResource[Any]):
    """Ledger, dead letters and tables of one domain in an SQLite file; yields a `Database`."""

    path: str

    @classmethod
    def of(cls, place: Place) -> "SqlResource | PostgresResource":
        """The resource that opens what is at a place."""
        if isinstance(place, SqliteFile):
            return cls(path=str(place.path))
        return PostgresResource(
            url=place.store.url,
            schema_name=place.schema,
            connections=place.store.connections,
            timeout_seconds=place.store.timeout_seconds,
        )

    @contextmanager
    def open(self, store: SqlStore) -> Generator[Database]:  # noqa: ARG002 (a server's password is in it)
        """Open the database, its schema brought up to date; it is closed with the context."""
        with closing(SqliteFile(Path(self.path)).open()) as database:
            yield database


class PostgresResource(dg.ConfigurableResource[Any]):
    """The same in a schema of PostgreSQL. The password is not among this, for the UI shows it: the settings have it."""

    url: str
    schema_name: str
    connections: int
    timeout_seconds: float

    @contextmanager
    def open(self, store: SqlStore) -> Generator[Database]:
        """Open the schema with the password of `store`, brought up to date; it is closed with the context."""
        here = {"url": self.url, "connections": self.connections, "timeout_seconds": self.timeout_seconds}
        with closing(PostgresSchema(store.model_copy(update=here), self.schema_name).open()) as database:
            yield database


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

    def open(self, given: FileSource | None = None) -> Source:  # noqa: ARG002 (a server's password is in it)
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
    spark = {SPARK} if _on_spark(settings, domain) else set()
    index = {INDEX} if has_index_server(settings, domain) else set()
    servers = {*topic_keys(settings, domain), *spark, *index, *upload_resources(settings, domain)}
    return {FILES, sql_key(domain), *source_keys(settings, domain), *servers}


def domain_resources(settings: Settings, domain: Domain) -> dict[str, dg.ConfigurableResource[Any]]:
    """The resources behind `domain_keys`."""
    sources = {source_key(domain, source.name): source_resource(source) for source in enabled_sources(settings, domain)}
    return {
        FILES: FilesResource.of(settings.stores.files, settings.data_root),
        sql_key(domain): SqlResource.of(database_of(settings, domain)),
        **sources,
        **topic_resources(settings, domain),
        **_spark_resource(settings, domain),
        **({INDEX: ElasticsearchResource.of(settings.stores.index)} if has_index_server(settings, domain) else {}),
        **upload_resources(settings, domain),
    }


def _on_spark(settings: Settings, domain: Domain) -> bool:
    return domain == "tickets" and settings.tickets.engine == "spark"


def _spark_resource(settings: Settings, domain: Domain) -> dict[str, dg.ConfigurableResource[Any]]:
    if not _on_spark(settings, domain):
        return {}
    # What it stands on is the extra `spark`.
    from logplatform.orchestration.spark_resource import SparkResource  # noqa: PLC0415

    return {SPARK: SparkResource.of(settings)}


def source_resource(source: FileSource) -> dg.ConfigurableResource[Any]:
    """The resource that opens the source of these settings."""
    if isinstance(source, ServerSource):
        return server_resource(source)
    opened = open_source(source)
    assert isinstance(opened, FolderSource)  # noqa: S101
    return FolderSourceResource.of(opened)


@contextmanager
def opened_tenancy(resources: object, settings: Settings, domain: Domain) -> Generator[Tenancy]:
    """The domain's tenancy, on the resources that `context.resources` carries."""
    settings = with_uploads(resources, with_index(resources, settings, domain), domain)
    files = getattr(resources, FILES).open(settings.stores.files)
    sources = [
        getattr(resources, source_key(domain, given.name)).open(given) for given in enabled_sources(settings, domain)
    ]
    with getattr(resources, sql_key(domain)).open(settings.stores.sql) as database:
        topics = given_topics(resources, settings, domain)
        spark = partial(getattr(resources, SPARK).open, settings.stores.spark) if _on_spark(settings, domain) else None
        yield Tenancy(settings, domain, database, files, given_sources=sources, given_topics=topics, given_spark=spark)
