"""Finding new files: list the sources, compare with the ledger, record what is new as pending.

What belongs here: looking, within a time budget and in constant memory. What does not: Dagster, making batches of what
was found (`batches`), and which day an entry belongs to (each domain's own rule).
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import islice
from typing import Literal

from logplatform.failures import LogplatformError
from logplatform.landing.ledger import LOOKUP_CHUNK, Ledger
from logplatform.sources.base import Entry, Listing, Source
from logplatform.stores.sql import chunks

LeftKind = Literal["growing", "too early", "future", "not ours"]
SAMPLE = 5


@dataclass(frozen=True, slots=True)
class Left:
    """Why an entry is left alone for now; it is looked at again the next time.

    growing: it changed too recently. too early: dated before the first partition. future: dated after today.
    not ours: a name that the domain does not know. `reason` is a sentence for people.
    """

    kind: LeftKind
    reason: str


@dataclass(frozen=True, slots=True)
class Watched:
    """A source, and the rule that gives each of its entries a day or a reason to leave it."""

    source: Source
    day_of: Callable[[Entry], date | Left]


@dataclass(frozen=True, slots=True)
class Place:
    """Where the next look goes on: the source's position, and how many entries of its listing are done."""

    source: int = 0
    offset: int = 0


BEGINNING = Place()


@dataclass(slots=True)
class Look:
    """What one look found; the counts are of files. `samples` holds the first few of each kind of `Left`.

    `failures` maps a source that could not be listed to why. `next` is where to go on; it is the beginning again
    (`whole` is True) when every listing was read to its end.
    """

    listed: int = 0
    new: int = 0
    left: Counter[LeftKind] = field(default_factory=Counter)
    samples: dict[LeftKind, list[str]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    next: Place = BEGINNING
    whole: bool = True

    @property
    def known(self) -> int:
        """Files that the ledger had already."""
        return self.listed - self.new - self.left.total()

    def leave(self, source: str, entry: Entry, left: Left) -> None:
        """Count an entry that is left alone."""
        self.left[left.kind] += 1
        samples = self.samples.setdefault(left.kind, [])
        if len(samples) < SAMPLE:
            samples.append(f"{source}: {entry.path}: {left.reason}")


def look(
    ledger: Ledger,
    watched: Sequence[Watched],
    seconds: float,
    start: Place = BEGINNING,
    clock: Callable[[], float] = time.monotonic,
) -> Look:
    """List `watched` from `start` on for at most about `seconds`, and record new entries as pending, in no batch yet.

    A source that cannot be listed is told in the result, and the others go on. Memory does not grow with a listing:
    it is read in chunks. If time runs out inside a listing, the next look skips what was done, so that a listing of
    any length is read to its end; entries that moved meanwhile are met in the round after.
    """
    deadline = clock() + seconds
    found = Look()
    for position in range(min(start.source, len(watched)), len(watched)):
        one = watched[position]
        offset = start.offset if position == start.source else 0
        try:
            done = _look_at(ledger, one, offset, found, lambda: clock() >= deadline)
        except LogplatformError as failure:
            found.failures[one.source.name] = str(failure)
            continue
        if done is not None:
            found.next, found.whole = Place(position, done), False
            return found
    found.whole = start == BEGINNING
    return found


def _look_at(ledger: Ledger, one: Watched, offset: int, found: Look, late: Callable[[], bool]) -> int | None:
    """Read a listing from `offset`; the new offset if time ran out, None at the listing's end."""
    listing = Listing(one.source)
    entries = iter(listing)
    for _ in islice(entries, offset):
        pass
    done = offset
    for chunk in chunks(entries, LOOKUP_CHUNK):
        done += len(chunk)
        found.listed += len(chunk)
        _record(ledger, one, chunk, found)
        if late():
            return done
    if listing.failure is not None:
        raise listing.failure
    return None


def _record(ledger: Ledger, one: Watched, chunk: Sequence[Entry], found: Look) -> None:
    name = one.source.name
    new = list(_dated(ledger.unknown(name, chunk), one, found))
    if new:
        with ledger.transaction() as connection:
            ledger.record(connection, name, new, batch_id=None)
        found.new += len(new)


def _dated(entries: Iterator[Entry], one: Watched, found: Look) -> Iterator[tuple[Entry, date]]:
    for entry in entries:
        day = one.day_of(entry)
        if isinstance(day, Left):
            found.leave(one.source.name, entry, day)
        else:
            yield entry, day
