"""The ledger of uploads and the queue of jobs on servers, as Dagster resources.

What belongs here: their configuration in Dagster's form. What does not: the ledger and the queue (`stores`), and their
choice (`uploads.chosen`), which takes what these say from the settings.

No password is among their fields, for the UI shows them: the settings have it.
"""

from typing import Any

import dagster as dg

from logplatform.settings.model import Domain, Settings
from logplatform.settings.stores import QueueStore, UploadsStore

LEDGER, QUEUE = "uploads_ledger", "uploads_queue"


class MongoResource(dg.ConfigurableResource[Any]):
    """The ledger of uploads: the collection `uploads` of a MongoDB database."""

    url: str
    username: str | None = None
    timeout_seconds: float

    @classmethod
    def of(cls, store: UploadsStore) -> "MongoResource":
        """The resource of the settings."""
        return cls(url=store.url, username=store.username, timeout_seconds=store.timeout_seconds)

    def section(self, store: UploadsStore) -> UploadsStore:
        """What the settings say, with what this says in its place."""
        here = {"url": self.url, "username": self.username, "timeout_seconds": self.timeout_seconds}
        return store.model_copy(update=here)


class RedisResource(dg.ConfigurableResource[Any]):
    """The queue of ingest jobs: a list of Redis, and what stands beside it."""

    url: str
    username: str | None = None
    key: str
    pushed: str
    timeout_seconds: float

    @classmethod
    def of(cls, store: QueueStore) -> "RedisResource":
        """The resource of the settings."""
        return cls(
            url=store.url,
            username=store.username,
            key=store.key,
            pushed=store.pushed,
            timeout_seconds=store.timeout_seconds,
        )

    def section(self, store: QueueStore) -> QueueStore:
        """What the settings say, with what this says in its place."""
        here = {name: getattr(self, name) for name in ("url", "username", "key", "pushed", "timeout_seconds")}
        return store.model_copy(update=here)


def upload_resources(settings: Settings, domain: Domain) -> dict[str, dg.ConfigurableResource[Any]]:
    """The resources of a domain's ledger and queue, as far as they are on servers."""
    stores = settings.stores
    found: dict[str, dg.ConfigurableResource[Any]] = {}
    if domain == "uploads" and stores.uploads.type == "mongodb":
        found[LEDGER] = MongoResource.of(stores.uploads)
    if domain == "uploads" and stores.queue.type == "redis":
        found[QUEUE] = RedisResource.of(stores.queue)
    return found


def with_uploads(resources: object, settings: Settings, domain: Domain) -> Settings:
    """The settings, with what the resources of ledger and queue say in their place."""
    stores, here = settings.stores, upload_resources(settings, domain)
    update: dict[str, object] = {}
    if LEDGER in here:
        update["uploads"] = getattr(resources, LEDGER).section(stores.uploads)
    if QUEUE in here:
        update["queue"] = getattr(resources, QUEUE).section(stores.queue)
    return settings.model_copy(update={"stores": stores.model_copy(update=update)}) if update else settings
