"""Old segments of a spool: which may go, and removing them.

What belongs here: whole segments behind an offset. What does not: how far a topic was read, and how long it is kept
(`logplatform.tickets.retention`).

Only whole segments go, from the beginning of a partition on, so what is left has no gap: a process that dies in
between leaves a log that begins earlier. The last segment stays, whatever it holds: it tells the next offset.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path

from logplatform.stores.files import fsync_folder
from logplatform.stores.ticket_log import Spool


@dataclass(frozen=True, slots=True)
class OldSegment:
    """A segment of which nothing is needed any more."""

    path: Path
    bytes: int


def old_segments(spool: Spool, behind: Mapping[int, int], before: datetime | None) -> Iterator[OldSegment]:
    """The segments whose messages all lie before the offsets `behind` (by partition; a missing one: none of it).

    With `before`: only those that were last written to before then. Oldest first in each partition.
    """
    for partition, offset in sorted(behind.items()):
        segments = sorted((spool.folder / str(partition)).glob("[0-9]*.jsonl"))
        for path, following in pairwise(segments):
            found = path.stat()
            if int(following.stem) > offset or (before is not None and found.st_mtime >= before.timestamp()):
                break
            yield OldSegment(path, found.st_size)


def remove_segment(segment: OldSegment) -> None:
    """Remove a segment for good."""
    segment.path.unlink(missing_ok=True)
    fsync_folder(segment.path.parent)
