"""The log index on a server as a Dagster resource.

What belongs here: its configuration in Dagster's form. What does not: the index (`stores.elasticsearch_index`) and its
choice (`stores.log_places`).
"""

from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import dagster as dg

from logplatform.settings.model import Domain, Settings
from logplatform.settings.stores import IndexStore
from logplatform.stores.dataset import Dataset
from logplatform.stores.log_index import LogIndex
from logplatform.stores.log_places import open_log_index

INDEX = "uploads_index"


class ElasticsearchResource(dg.ConfigurableResource[Any]):
    """Elasticsearch 8; yields a `LogIndex`. Password and key are not among this, for the UI shows it: the settings have
    them."""

    url: str
    prefix: str
    shards: int
    replicas: int
    bulk_bytes: int
    timeout_seconds: float

    @classmethod
    def of(cls, store: IndexStore) -> "ElasticsearchResource":
        """The resource that opens the index of the settings."""
        return cls(**{name: getattr(store, name) for name in cls._names()})

    def section(self, store: IndexStore) -> IndexStore:
        """What the settings say, with what this says in its place."""
        return store.model_copy(update={name: getattr(self, name) for name in self._names()})

    @contextmanager
    def open(self, store: IndexStore, dataset: Dataset) -> Generator[LogIndex]:
        """Open the index with the secrets of `store`, its manifest in the database of `dataset`."""
        with open_log_index(self.section(store), dataset) as index:
            yield index

    @staticmethod
    def _names() -> tuple[str, ...]:
        return ("url", "prefix", "shards", "replicas", "bulk_bytes", "timeout_seconds")


def has_index_server(settings: Settings, domain: Domain) -> bool:
    """Whether a domain keeps its documents on a server."""
    return domain == "uploads" and settings.stores.index.type == "elasticsearch"


def with_index(resources: object, settings: Settings, domain: Domain) -> Settings:
    """The settings, with what the resource of the index says in their place."""
    if not has_index_server(settings, domain):
        return settings
    section = getattr(resources, INDEX).section(settings.stores.index)
    return settings.model_copy(update={"stores": settings.stores.model_copy(update={"index": section})})
