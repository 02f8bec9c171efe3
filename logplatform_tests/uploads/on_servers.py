"""Ledger and queue of cases on servers: a part of each server for each case, and what the ledger's readers see there.

What belongs here: making the parts, and comparing what MongoDB tells with the data. What does not: the cases.
"""

import hashlib
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import pytest
import sqlalchemy as sa

from logplatform.settings.stores import QueueStore, UploadsStore
from logplatform.stores.mongo_client import uploads_of
from logplatform.stores.sql import Database
from logplatform_tests.uploads.rooms import put_stores, settings_in

_DOCUMENTS = (
    "SELECT coalesce(sum(o.rows), 0) FROM dataset_origin o JOIN dataset_file f ON f.id = o.file_id "
    "WHERE o.origin = :sha256 AND f.dataset = 'log_events' AND f.removed_at IS NULL"
)
_LETTERS = "SELECT count(*) FROM dead_letter d WHERE d.origin = :sha256 AND d.replayed_at IS NULL"


@dataclass(frozen=True)
class Servers:
    """The servers of the ledger and of the queue."""

    uploads: UploadsStore
    queue: QueueStore

    def put(self, folder: Path) -> None:
        """Let this folder's rooms use a part of their own."""
        name = hashlib.sha256(str(folder).encode()).hexdigest()[:8]
        url = urlsplit(self.uploads.url)
        uploads = self.uploads.model_copy(update={"url": urlunsplit(url._replace(path=f"{url.path}_{name}"))})
        put_stores(folder, uploads, self.queue.model_copy(update={"key": f"{self.queue.key}_{name}"}))


def lies_of_servers(folder: Path, database: Database) -> list[str]:
    """Who reads the collection itself, and then the data, finds all of what a completed upload tells."""
    collection = uploads_of(settings_in(folder).stores.uploads)
    told = list(collection.find({"status": "completed"}))
    lies = []
    with database.read() as connection:
        for one in told:
            counts = [
                connection.execute(sa.text(query), {"sha256": one["sha256"]}).scalar_one()
                for query in (_DOCUMENTS, _LETTERS)
            ]
            same = counts == [one["documents"], one["dead_letters"]]
            adds_up = sum(counts) + one["duplicates"] == one["total_lines"]
            lies += [] if same and adds_up else [str(one["job_id"])]
    return lies


@pytest.fixture
def servers(mongo_store: UploadsStore, redis_store: QueueStore) -> Generator[Servers]:
    """Parts of the servers; the databases of the cases are removed."""
    yield Servers(mongo_store, redis_store)
    client = uploads_of(mongo_store).database.client
    own = urlsplit(mongo_store.url).path.strip("/")
    for name in client.list_database_names():
        if name.startswith(f"{own}_"):
            client.drop_database(name)
