"""Changing documents of the collection `uploads`, each change once, however often it is done.

What belongs here: doing changes, and those of the outbox in their order. What does not: which changes there are
(`mongo_ledger`), and writing the outbox (`upload_facts`).
"""

import logging
import time
import uuid
from collections.abc import Collection, Generator
from contextlib import contextmanager, suppress
from typing import Any

from bson.errors import InvalidDocument
from pymongo.errors import DocumentTooLarge, DuplicateKeyError

from logplatform.failures import LogplatformError
from logplatform.settings.stores import UploadsStore
from logplatform.stores.mongo_client import Uploads, mongo_failures, with_indexes
from logplatform.stores.mongo_documents import document_of, fields_of
from logplatform.stores.sql import Database
from logplatform.stores.upload_facts import Change, Entry, UploadFacts
from logplatform.stores.upload_record import UploadStatus

# Two processes that do a document's changes are never so many changes apart.
_TOKENS_KEPT = 50
_QUIET_SECONDS = 5.0
_logger = logging.getLogger("logplatform.uploads")


class MongoChanges:
    """The changes of one tenant's documents; the outbox is in `database`."""

    def __init__(self, section: UploadsStore, database: Database, facts: UploadFacts) -> None:
        self._section = section
        self._database = database
        self._facts = facts
        self._quiet_until = 0.0

    @contextmanager
    def asked(self) -> Generator[Uploads]:
        """The collection; what the driver raises in the context comes out as the platform's failures."""
        with mongo_failures(self._section):
            yield with_indexes(self._section)

    def settle(self) -> int:
        """Do what is in the outbox, and drop it; others may be at the same. How many changes."""
        settled = 0
        while entries := self._entries():
            done: list[Entry] = []
            try:
                with self.asked() as uploads:
                    for entry in entries:
                        self._do(uploads, entry)
                        done.append(entry)
            finally:
                if done:
                    with self._database.write() as connection:
                        self._facts.done(connection, done)
            settled += len(done)
        return settled

    def settle_soon(self) -> None:
        """Settle if the server is there: what was committed is safe, and whoever comes next settles it."""
        if time.monotonic() < self._quiet_until:
            return
        try:
            self.settle()
        except LogplatformError as failure:
            self._quiet_until = time.monotonic() + _QUIET_SECONDS
            _logger.warning("uploads are told to MongoDB later: %s", failure)

    def change(self, job_id: str, change: Change, found_in: Collection[UploadStatus]) -> None:
        """Change a document that has one of these statuses, after all that was committed before."""
        self.settle()
        which = {**self.one(job_id), "status": {"$in": list(found_in)}}
        with self.asked() as uploads:
            _update(uploads, which, change, uuid.uuid4().hex)

    def one(self, job_id: str) -> dict[str, Any]:
        """The filter of one upload."""
        return {"tenant": self._facts.tenant, "job_id": job_id}

    def _entries(self) -> list[Entry]:
        with self._database.read() as connection:
            return self._facts.entries(connection)

    def _do(self, uploads: Uploads, entry: Entry) -> None:
        if not entry.change.new:
            _update(uploads, self.one(entry.job_id), entry.change, entry.token)
            return
        which, document = self.one(entry.job_id), document_of(entry.change.values)
        try:
            _insert(uploads, which, document)
        except (InvalidDocument, DocumentTooLarge, OverflowError) as error:
            # An upload must not be lost, nor stand in the way of all others, for the sake of its preview.
            _logger.warning("%s is kept without its preview: %s", entry.job_id, error)
            _insert(uploads, which, {**document, "preview": []})


def _insert(uploads: Uploads, which: dict[str, Any], document: dict[str, Any]) -> None:
    """Insert unless it is there: somebody else was quicker, or the answer of the first try was lost."""
    with suppress(DuplicateKeyError):
        uploads.update_one(which, {"$setOnInsert": document}, upsert=True)


def _update(uploads: Uploads, which: dict[str, Any], change: Change, token: str) -> None:
    update: dict[str, Any] = {"$push": {"applied": {"$each": [token], "$slice": -_TOKENS_KEPT}}}
    if change.values:
        update["$set"] = fields_of(change.values)
    if change.more:
        update["$inc"] = dict(change.more)
    uploads.update_one({**which, "applied": {"$ne": token}}, update)
