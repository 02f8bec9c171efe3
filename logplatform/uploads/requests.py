"""Events that are sent as such: they take the way of a file, and a request with a key is done once.

What belongs here: what makes a request different from a file. What does not: HTTP, and the way itself (`intake`).
"""

import hashlib
from collections.abc import Iterable, Iterator

from logplatform.stores.request_keys import KeyedRequest, KeyTaken, RequestKeys
from logplatform.uploads.inspection import Sized, TooLargeError, size_fault
from logplatform.uploads.intake import Arrival, Received, receive
from logplatform.uploads.room import UploadRoom

NAME = "events.json"


class KeyReused(ValueError):
    """The key was given to a request with another body."""


def receive_events(room: UploadRoom, key: str | None, chunks: Iterable[bytes]) -> Received:
    """Take events: JSON as in a file, one event or a list. With a key that was given before: what became of that.

    Raises KeyReused if that request had another body, and what `receive` raises.
    """
    if key is None:
        return receive(room, NAME, chunks, Arrival(file_type="api"))
    keys = RequestKeys(room.tenancy.database, room.tenancy.tenant, room.tenancy.now)
    if (first := keys.find(key)) is not None:
        return _again(room, first, chunks)
    body = _Hashed(chunks)
    arrival = Arrival(also=lambda connection, record: keys.keep(connection, key, record), file_type="api")
    try:
        return receive(room, NAME, body, arrival)
    except KeyTaken:
        # Two at once: the other was quicker, and this one's bytes have been read.
        first = keys.find(key)
        if first is None:
            raise
        return _answered(room, first, body.sha256)


class _Hashed:
    """Chunks on their way, and the hash of those that have passed."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = chunks
        self._hash = hashlib.sha256()

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            self._hash.update(chunk)
            yield chunk

    @property
    def sha256(self) -> str:
        return self._hash.hexdigest()


def _again(room: UploadRoom, first: KeyedRequest, chunks: Iterable[bytes]) -> Received:
    body = _Hashed(chunks)
    limit = room.limits.max_file_bytes
    try:
        for _ in Sized(body, limit):
            continue
    except TooLargeError:
        return Received(None, size_fault(limit))
    return _answered(room, first, body.sha256)


def _answered(room: UploadRoom, first: KeyedRequest, sha256: str) -> Received:
    if first.sha256 != sha256:
        raise KeyReused("The Idempotency-Key was given to a request with another body")
    return Received(room.uploads.get(first.job_id))
