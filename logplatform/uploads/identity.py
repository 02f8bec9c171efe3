"""Identities of documents: the same record always has the same id.

What belongs here: ids from content. What does not: which documents are there already (the index and the ledger).
"""

from collections.abc import Iterable
from hashlib import blake2b

_DIGEST_BYTES = 16


def record_ids(tenant: str, sha256: str, ordinals: Iterable[int]) -> list[str]:
    """Ids of a file's records: 32 hex digits of BLAKE2b over tenant, the file's sha256 and the record's ordinal.

    Two equal records in a file are two documents; the same file again has the same ids.
    """
    copy = blake2b(f"{tenant}\0{sha256}\0".encode(), digest_size=_DIGEST_BYTES).copy
    ids: list[str] = []
    for ordinal in ordinals:
        digest = copy()
        digest.update(b"%d" % ordinal)
        ids.append(digest.hexdigest())
    return ids


def event_id(tenant: str, given: str) -> str:
    """The id of an event whose sender names it: BLAKE2b over tenant and name; never that of a file's record."""
    return blake2b(f"{tenant}\0event\0{given}".encode(), digest_size=_DIGEST_BYTES).hexdigest()
