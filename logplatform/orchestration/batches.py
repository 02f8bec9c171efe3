"""Batches: what waits in the ledger, cut into bounded pieces of consecutive days that a run can take.

What belongs here: which files go into which batch, and when a batch that was not finished is proposed again. What does
not: Dagster, finding new files (`discovery`), and claiming a batch; the run does that, by the lease `batch_lease(id)`.

A batch's identity tells when it was proposed, its content and the attempt: `20251122T091500-1f3a9c0d2b-1`. The
attempt goes up each time its files are proposed again, and with it the wait, so a run that fails every time is tried
at a bounded pace and never given up; what is given up stands in the ledger as an error.
"""

import hashlib
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta

from logplatform.landing.ledger import Ledger
from logplatform.landing.observations import Observation
from logplatform.landing.retry import RetryPolicy

PROPOSE_LEASE = "propose"
AGAIN = RetryPolicy(attempts=1 << 30, base_seconds=30, multiplier=2, max_seconds=3600, jitter=0)
"""The first proposal that was not finished comes again after 30 s, later ones at most once an hour."""

STAMP = "%Y%m%dT%H%M%S"
"""The time in a batch's identity."""
_BATCH_ID = re.compile(r"(\d{8}T\d{6})-([0-9a-f]{10})-(\d{1,6})")


@dataclass(frozen=True, slots=True)
class Bounds:
    """How large one batch may be; a single larger file makes a batch of its own."""

    max_files: int = 1000
    max_bytes: int = 4 << 30


@dataclass(frozen=True, slots=True)
class Proposal:
    """A batch ready to be claimed: `items` (files, messages, uploads) of `bytes` in all, on consecutive days."""

    batch_id: str
    first_day: date
    last_day: date
    items: int
    bytes: int
    attempt: int


@dataclass(frozen=True, slots=True)
class BatchName:
    """What a batch's identity tells; `content` is a digest."""

    proposed_at: datetime
    content: str
    attempt: int


def batch_name(batch_id: str) -> BatchName | None:
    """Read a batch's identity; None for one that was not made here."""
    found = _BATCH_ID.fullmatch(batch_id)
    if found is None:
        return None
    return BatchName(datetime.strptime(found[1], STAMP).replace(tzinfo=UTC), found[2], int(found[3]))


def propose(
    ledger: Ledger, bounds: Bounds, in_hand: Collection[str], most: int, holder: str, *, patient: bool = True
) -> list[Proposal]:
    """Put what waits into at most `most` batches, oldest days first, each with its files assigned in the ledger.

    `in_hand` are the batches that a queued or running run has: their files are left to it. `patient`: a batch that was
    not finished is left until its wait is over; somebody who gives a command wants it done now. Raises LeaseHeld if
    another process is proposing just now. Memory is bounded by one batch.
    """
    if most <= 0:
        return []
    proposals: list[Proposal] = []
    with ledger.leases.hold(f"{PROPOSE_LEASE}/{ledger.domain}/{ledger.tenant}", holder) as lease:
        for cut in _cuts(_due(ledger, in_hand, patient), bounds):
            proposal = cut.proposal(ledger.now())
            with ledger.transaction(lease) as connection:
                ledger.assign(connection, cut.ids, proposal.batch_id)
            proposals.append(proposal)
            if len(proposals) >= most:
                break
    return proposals


def _due(ledger: Ledger, in_hand: Collection[str], patient: bool) -> Iterator[Observation]:
    """What waits, less what is in a run's hands and, if patient, what was proposed too recently."""
    now = ledger.now()
    for found in ledger.waiting():
        batch = found.batch_id
        if batch is None or (batch not in in_hand and (not patient or _wait_is_over(batch, now))):
            yield found


def _wait_is_over(batch_id: str, now: datetime) -> bool:
    name = batch_name(batch_id)
    return name is None or now >= name.proposed_at + AGAIN.wait(name.attempt)


@dataclass(slots=True)
class _Cut:
    """A batch in the making."""

    ids: list[int] = field(default_factory=list)
    bytes: int = 0
    first: date = date.max
    last: date = date.min
    attempt: int = 1
    digest: "hashlib._Hash" = field(default_factory=hashlib.sha256)

    def fits(self, found: Observation, bounds: Bounds) -> bool:
        if not self.ids:
            return True
        return (
            found.day - self.last <= timedelta(days=1)
            and len(self.ids) < bounds.max_files
            and self.bytes + found.size <= bounds.max_bytes
        )

    def add(self, found: Observation) -> None:
        self.ids.append(found.id)
        self.bytes += found.size
        self.first = min(self.first, found.day)
        self.last = max(self.last, found.day)
        name = batch_name(found.batch_id) if found.batch_id else None
        if name is not None:
            self.attempt = max(self.attempt, name.attempt + 1)
        self.digest.update(f"{found.source}\0{found.path}\0{found.size}\0{found.mtime_ns}\0".encode())

    def proposal(self, now: datetime) -> Proposal:
        batch_id = f"{now.astimezone(UTC):{STAMP}}-{self.digest.hexdigest()[:10]}-{self.attempt}"
        return Proposal(batch_id, self.first, self.last, len(self.ids), self.bytes, self.attempt)


def _cuts(waiting: Iterator[Observation], bounds: Bounds) -> Iterator[_Cut]:
    """Cut observations, ordered by day, where a day is missing or a bound is reached."""
    cut = _Cut()
    for found in waiting:
        if not cut.fits(found, bounds):
            yield cut
            cut = _Cut()
        cut.add(found)
    if cut.ids:
        yield cut
