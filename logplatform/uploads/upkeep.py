"""Keeping the index small and quick: few files a day, no days that are too old.

What belongs here: what is to be merged and removed. What does not: how (`stores.log_index`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, timedelta

import sqlalchemy as sa

from logplatform.uploads.derive import alerts_dataset, metrics_dataset
from logplatform.uploads.room import UploadRoom

# Fewer files cost a query next to nothing; merging them all the time would.
MERGED_FROM_FILES = 8


@dataclass(frozen=True, slots=True)
class Tidied:
    """Event days whose files were merged, files (or indices) of days that were too old, and what was removed that
    nobody reads any more: files, or documents of a server."""

    merged_days: int
    expired_files: int
    swept_files: int


def tidy(room: UploadRoom, keep_days: int | None, merge_from: int = MERGED_FROM_FILES) -> Tidied:
    """Remove event days older than `keep_days` (None: none), merge days of many files, sweep what nobody reads.

    A day that is being written to is left for the next time.
    """
    expired = expire(room, keep_days)
    swept = room.index.sweep(merge_from)
    return Tidied(swept.merged_days, expired, swept.removed)


def expire(room: UploadRoom, keep_days: int | None) -> int:
    """Remove event days older than `keep_days` (None: none), and tell the ledger which uploads that takes documents of;
    how many files or indices they took."""
    if keep_days is None:
        return 0
    before = (room.tenancy.now().astimezone(UTC) - timedelta(days=keep_days)).date().isoformat()

    def forget(connection: sa.Connection, origins: Mapping[str, int]) -> None:
        for sha256, documents in origins.items():
            room.uploads.expire(connection, sha256, documents)

    expired = room.index.expire(before, forget)
    for derived in (alerts_dataset(room.tenancy), metrics_dataset(room.tenancy)):
        derived.expire(before)
    return expired
