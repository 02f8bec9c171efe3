"""Identities of documents: the same record always has the same id.

What belongs here: ids from content. What does not: which documents are there already (the index and the ledger).
"""

from collections.abc import Sequence
from hashlib import blake2b, shake_128

_DIGEST_BYTES = 16
_PAGE_IDS = 256


def record_ids(tenant: str, sha256: str, ordinals: Sequence[int]) -> list[str]:
    """Ids of a file's records: 32 hex digits of SHAKE128 over tenant, the file's sha256 and the record's ordinal.

    `ordinals` ascend and lie close together: memory is taken for all from the first to the last.

    Two equal records in a file are two documents; the same file again has the same ids. SHAKE128 (FIPS 202) gives
    any number of digits, here those of 256 records: record n has the n mod 256th 16 bytes of page n div 256.
    """
    if not ordinals:
        return []
    first, last = ordinals[0] // _PAGE_IDS, ordinals[-1] // _PAGE_IDS
    digits = "".join(_page(tenant, sha256, number) for number in range(first, last + 1))
    size = 2 * _DIGEST_BYTES
    begins = [(ordinal - first * _PAGE_IDS) * size for ordinal in ordinals]
    return [digits[begin : begin + size] for begin in begins]


def event_id(tenant: str, given: str) -> str:
    """The id of an event whose sender names it: BLAKE2b over tenant and name; never that of a file's record."""
    return blake2b(f"{tenant}\0event\0{given}".encode(), digest_size=_DIGEST_BYTES).hexdigest()


def _page(tenant: str, sha256: str, number: int) -> str:
    return shake_128(f"{tenant}\0{sha256}\0{number}".encode()).hexdigest(_PAGE_IDS * _DIGEST_BYTES)
