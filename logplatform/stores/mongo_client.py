"""MongoDB: connecting, the collection of uploads with its indexes, and what its failures mean.

What belongs here: one client a server, and turning the driver's exceptions into the platform's. What does not: the
ledger (`mongo_ledger`).
"""

import os
import re
import uuid
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC
from functools import lru_cache
from typing import Any

from logplatform.failures import PermanentFailure, TransientFailure, Unreachable
from logplatform.settings.stores import UploadsStore

try:
    from bson.codec_options import CodecOptions
    from pymongo import ASCENDING, IndexModel, MongoClient, WriteConcern, errors
    from pymongo.collection import Collection
except ImportError as error:
    raise PermanentFailure(
        f"stores.uploads.type: mongodb needs a package that is not installed ({error.name}): "
        "pip install 'logplatform[server]'"
    ) from error

COLLECTION = "uploads"
DATABASE = "logplatform"
"""The database of an address that names none."""
OLDEST = (4, 4)
SUMS = "logplatform_sums"
_SUMMED = ("status", "total_lines", "documents", "dead_letters", "duplicates", "expired", "attempts", "seconds",
           "file_size", "completed_at")  # fmt: skip
# Records of earlier systems in the same collection have no tenant, and are none of ours.
_OURS = {"tenant": {"$exists": True}}
_INDEXES = (
    IndexModel(
        [("tenant", ASCENDING), ("job_id", ASCENDING)],
        name="logplatform_job",
        unique=True,
        partialFilterExpression=_OURS,
    ),
    IndexModel([("tenant", ASCENDING), ("sha256", ASCENDING)], name="logplatform_sha256"),
    IndexModel([("tenant", ASCENDING), ("status", ASCENDING), ("uploaded_at", ASCENDING)], name="logplatform_status"),
    IndexModel([("tenant", ASCENDING), ("uploaded_at", ASCENDING), ("job_id", ASCENDING)], name="logplatform_received"),
    # Sums over all uploads are read from the index alone: the documents are wide, for they hold previews.
    IndexModel([(name, ASCENDING) for name in ("tenant", *_SUMMED)], name=SUMS),
)
_REFUSED = {13: "rights", 18: "login", 8000: "login"}
_FULL = {14031}

Uploads = Collection[dict[str, Any]]
"""The collection `uploads`."""


def uploads_of(section: UploadsStore) -> Uploads:
    """The collection; threads share its client, and nothing is connected before it is asked.

    Writes are acknowledged by a majority of the servers, once they are on their disks. PermanentFailure if the address
    is none of MongoDB's.
    """
    password = None if section.password is None else section.password.get_secret_value()
    client = _client(section.url, section.username, password, section.timeout_seconds, os.getpid())
    codec: CodecOptions[dict[str, Any]] = CodecOptions(tz_aware=True, tzinfo=UTC)
    database = client.get_default_database(DATABASE)
    return database.get_collection(COLLECTION, codec_options=codec, write_concern=WriteConcern("majority", j=True))


def with_indexes(section: UploadsStore) -> Uploads:
    """The collection, its indexes made if they are missing: asked once, and after every failure of the server, which
    may be another one when it is back."""
    return _with_indexes(section.url, section.username, os.getpid(), _Given(section))


class _Given:
    """The section in a form that does not take part in remembering: it may hold secrets."""

    def __init__(self, section: UploadsStore) -> None:
        self.section = section

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Given) and other.section == self.section

    def __hash__(self) -> int:
        return 0


@lru_cache(64)
def _with_indexes(_url: str, _username: str | None, _process: int, given: _Given) -> Uploads:
    found = uploads_of(given.section)
    found.create_indexes(list(_INDEXES))
    return found


@lru_cache(64)
def _client(
    url: str, username: str | None, password: str | None, timeout: float, _process: int
) -> "MongoClient[dict[str, Any]]":
    # A process that was forked needs a client of its own.
    wait = round(timeout * 1_000)
    login: dict[str, Any] = {"username": username, "password": password} if username is not None else {}
    try:
        return MongoClient(
            url,
            serverSelectionTimeoutMS=wait,
            connectTimeoutMS=wait,
            timeoutMS=wait,
            retryWrites=True,
            appname="logplatform",
            **login,
        )
    except (errors.ConfigurationError, ValueError, TypeError) as error:
        raise PermanentFailure(f"stores.uploads.url: {error}") from error


@contextmanager
def mongo_failures(section: UploadsStore) -> Generator[None]:
    """Raise what the driver raises as PermanentFailure, TransientFailure or Unreachable, naming the setting."""
    where = f"MongoDB at {address(section.url)} (stores.uploads.url)"
    try:
        yield
    except (errors.WTimeoutError, errors.ExecutionTimeout, errors.ConnectionFailure) as error:
        _with_indexes.cache_clear()
        raise Unreachable(
            f"{where} gives no answer: {_reason(error)}; is it running, and is the address right?"
        ) from error
    except errors.OperationFailure as error:
        _with_indexes.cache_clear()
        raise _answered(where, error) from error
    except (errors.ConfigurationError, errors.InvalidURI) as error:
        raise PermanentFailure(f"{where}: {_reason(error)}") from error
    except errors.PyMongoError as error:
        raise TransientFailure(f"{where}: {_reason(error)}") from error


def address(url: str) -> str:
    """Hosts and database of an address, without a user and without options."""
    return re.sub(r"^[^@/]*@", "", url.partition("://")[2].partition("?")[0])


def check_uploads(section: UploadsStore) -> None:
    """Try the server, its version, the indexes, and the user's rights on a record of its own, which is removed.

    Raises Unreachable or PermanentFailure, with what helps.
    """
    with mongo_failures(section):
        found = uploads_of(section)
        told = found.database.client.server_info()["version"]
        numbers = tuple(int(it) for it in re.findall(r"\d+", told)[:2])
        if numbers < OLDEST:
            needed = ".".join(map(str, OLDEST))
            raise PermanentFailure(f"stores.uploads: MongoDB {told} is too old; {needed} or newer is needed")
        found.create_indexes(list(_INDEXES))
        trial = {"tenant": f"check {uuid.uuid4().hex}", "job_id": "check"}
        try:
            found.insert_one(dict(trial))
            found.update_one(trial, {"$set": {"status": "check"}})
            found.find_one(trial)
        finally:
            found.delete_many({"tenant": trial["tenant"]})


def count_uploads(section: UploadsStore, tenant: str) -> int:
    """How many uploads of a tenant are recorded."""
    with mongo_failures(section):
        return uploads_of(section).count_documents({"tenant": tenant})


def forget_uploads(section: UploadsStore, tenant: str) -> None:
    """Remove the records of a tenant; those of others, and of earlier systems, stay."""
    with mongo_failures(section):
        uploads_of(section).delete_many({"tenant": tenant})


def _answered(where: str, error: errors.OperationFailure) -> PermanentFailure | TransientFailure:
    refused = _REFUSED.get(error.code or 0)
    if refused == "login":
        advice = "set stores.uploads.username and stores.uploads.password (LOGPLATFORM_STORES__UPLOADS__PASSWORD)"
        return PermanentFailure(f"{where} refuses the login: {_reason(error)}; {advice}, and authSource in the address")
    if refused == "rights" or "not authorized" in str(error) or "requires authentication" in str(error):
        advice = "a user with the role readWrite on that database is needed (stores.uploads.username)"
        return PermanentFailure(f"{where} refuses: {_reason(error)}; {advice}")
    # An index that was there is gone: the next try makes it.
    kind = TransientFailure if error.code in _FULL or "hint" in str(error) else PermanentFailure
    return kind(f"{where}: {_reason(error)}")


def _reason(error: Exception) -> str:
    return str(error).partition(", full error")[0].partition(", Timeout: ")[0][:300] or type(error).__name__
