"""Several versions of one day's log as one day.

What belongs here: which versions count, and which lines of them. What does not: where versions are kept.

A machine's file is read again and again while it grows, and its name may come back after it was removed. A version
whose bytes begin with those of another replaces it. Versions that are no beginning of each other make up the day
together, by whole lines: a line's count is the larger of its counts in the two. Lines of an earlier version come
first, which decides their order within one second.
"""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from logplatform.failures import PermanentFailure
from logplatform.machines.decode import LineBlock, LineReader

Digests = npt.NDArray[np.bytes_]
Mask = npt.NDArray[np.bool_]

_DIGEST_BYTES = 16


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a file: sha256 (hex) and size of its bytes, and how to read them from the beginning."""

    sha256: str
    size: int
    read: Callable[[], Iterator[bytes]]


def effective_versions(versions: Sequence[Version]) -> list[Version]:
    """Those of `versions` (oldest first) that are no beginning of another one, oldest first, each content once.

    A version is recognised as a beginning by its size and hash alone, so its bytes need not be there any more; each
    version that is kept is read once, if there are smaller ones.
    """
    distinct = {version.sha256: version for version in versions}
    waiting = sorted(distinct.values(), key=lambda version: version.size, reverse=True)
    kept: set[str] = set()
    while waiting:
        largest, *waiting = waiting
        kept.add(largest.sha256)
        if waiting:
            beginnings = _beginnings(largest, {version.size for version in waiting})
            waiting = [version for version in waiting if version.sha256 not in beginnings]
    return [version for version in distinct.values() if version.sha256 in kept]


def _beginnings(version: Version, sizes: Iterable[int]) -> set[str]:
    """The sha256 of the first n bytes of a version, for each n in `sizes`, in one pass."""
    marks = sorted(size for size in sizes if size <= version.size)
    found: set[str] = set()
    running, position, next_mark = hashlib.sha256(), 0, 0
    while next_mark < len(marks) and marks[next_mark] == 0:
        found.add(running.hexdigest())
        next_mark += 1
    for chunk in version.read():
        view = memoryview(chunk)
        while next_mark < len(marks) and marks[next_mark] <= position + len(view):
            cut = marks[next_mark] - position
            running.update(view[:cut])
            found.add(running.hexdigest())
            position, view, next_mark = marks[next_mark], view[cut:], next_mark + 1
        if next_mark == len(marks):
            break
        running.update(view)
        position += len(view)
    return found


def repeated_lines(
    versions: Sequence[Iterable[bytes]], *, last_is_final: bool, max_line_bytes: int, max_lines: int
) -> list[Mask]:
    """For each version (oldest first) which of its lines earlier versions have told already, by line from the first.

    The last version's unended line counts only if it `is_final`. Takes 16 bytes a line of memory; raises
    `PermanentFailure` past `max_lines` in one version.
    """
    seen, most = np.zeros(0, f"S{_DIGEST_BYTES}"), np.zeros(0, np.int64)
    masks: list[Mask] = []
    for index, chunks in enumerate(versions):
        final = last_is_final or index + 1 < len(versions)
        reader = LineReader(final=final, max_line_bytes=max_line_bytes)
        digests = _line_digests(reader.blocks(chunks), max_lines)
        masks.append(_occurrences(digests) < _counts_of(digests, seen, most))
        seen, most = _larger_counts(seen, most, *np.unique(digests, return_counts=True))
    return masks


def _line_digests(blocks: Iterable[LineBlock], max_lines: int) -> Digests:
    parts: list[Digests] = []
    count = 0
    for block in blocks:
        count += len(block)
        if count > max_lines:
            raise PermanentFailure(f"more than {max_lines:,} lines in one day: not the log of a machine")
        digests = (
            hashlib.blake2b(_canonical(block, row), digest_size=_DIGEST_BYTES).digest() for row in range(len(block))
        )
        parts.append(np.frombuffer(b"".join(digests), f"S{_DIGEST_BYTES}"))
    return np.concatenate(parts) if parts else np.zeros(0, f"S{_DIGEST_BYTES}")


def _canonical(block: LineBlock, row: int) -> bytes:
    """A line's text as UTF-8, so that a version in another encoding has equal lines."""
    line = block.line(row)
    if block.codec == "utf-8" or line.isascii():
        return line
    return block.text(int(block.starts[row]), int(block.ends[row])).encode()


def _occurrences(digests: Digests) -> npt.NDArray[np.int64]:
    """For each line how many equal ones stand before it."""
    order = np.argsort(digests, kind="stable")
    ordered = digests[order]
    fresh = np.concatenate((np.ones(1, np.bool_), ordered[1:] != ordered[:-1]))[: len(digests)]
    first = np.maximum.accumulate(np.where(fresh, np.arange(len(digests)), 0))
    occurrence = np.empty(len(digests), np.int64)
    occurrence[order] = np.arange(len(digests)) - first
    return occurrence


def _counts_of(digests: Digests, seen: Digests, most: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    if not len(seen):
        return np.zeros(len(digests), np.int64)
    place = np.minimum(np.searchsorted(seen, digests), len(seen) - 1)
    return np.where(seen[place] == digests, most[place], 0)


def _larger_counts(
    seen: Digests, most: npt.NDArray[np.int64], fresh: Digests, counts: npt.NDArray[np.int64]
) -> tuple[Digests, npt.NDArray[np.int64]]:
    union, place = np.unique(np.concatenate((seen, fresh)), return_inverse=True)
    larger = np.zeros(len(union), np.int64)
    np.maximum.at(larger, place, np.concatenate((most, counts)))
    return union, larger
