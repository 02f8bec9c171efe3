"""Keeping the index small and quick: few files a day, no days that are too old.

What belongs here: what is to be merged and removed. What does not: how (`stores.dataset`).
"""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, timedelta

from logplatform.failures import Conflict
from logplatform.stores.dataset import VisibleFile
from logplatform.stores.log_index import COMPACTION_ORDER
from logplatform.uploads.derive import alerts_dataset, metrics_dataset
from logplatform.uploads.room import UploadRoom

# Fewer files cost a query next to nothing; merging them all the time would.
MERGED_FROM_FILES = 8
# Longer than any query may take: readers finish on the files that they began with.
SWEPT_AFTER = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Tidied:
    """Event days whose files were merged, files of days that were too old, files removed from the disk."""

    merged_days: int
    expired_files: int
    swept_files: int


def tidy(room: UploadRoom, keep_days: int | None, merge_from: int = MERGED_FROM_FILES) -> Tidied:
    """Remove event days older than `keep_days` (None: none), merge days of many files, sweep what nobody reads.

    A day that is being written to is left for the next time.
    """
    dataset = room.index.dataset
    expired = 0
    if keep_days is not None:
        first = (room.tenancy.now().astimezone(UTC) - timedelta(days=keep_days)).date()
        expired = _expire(room, first.isoformat())
    files = Counter(file.partition for file in dataset.visible())
    merged = sum(_merged(room, day) for day, count in files.items() if count >= merge_from)
    return Tidied(merged, expired, dataset.sweep(SWEPT_AFTER))


def _expire(room: UploadRoom, before: str) -> int:
    """Make the files of days before `before` invisible, and tell the ledger which uploads that takes documents of."""
    old = [file for file in room.index.dataset.visible(last=before) if file.partition < before]
    expired = sum(_expired(room, file) for file in old)
    for derived in (alerts_dataset(room.tenancy), metrics_dataset(room.tenancy)):
        derived.expire(before)
    return expired


def _expired(room: UploadRoom, file: VisibleFile) -> bool:
    origins = room.index.dataset.origins(file)
    try:
        with room.tenancy.ledger.transaction() as connection:
            room.index.dataset.swap(connection, [file], [])
            for sha256, documents in origins.items():
                room.uploads.expire(connection, sha256, documents)
    except Conflict:
        # Somebody has just replaced or merged it: what took its place goes the next time.
        return False
    return True


def _merged(room: UploadRoom, day: str) -> bool:
    try:
        return room.index.dataset.compact(day, COMPACTION_ORDER)
    except Conflict:
        return False
