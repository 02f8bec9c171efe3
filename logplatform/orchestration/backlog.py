"""Backlogs: what waits in a domain's own log or queue, and when a run is asked for it.

What belongs here: the batch of a backlog, and how long a backlog waits whose run failed. What does not: Dagster
(`backlog_sensor`), and looking into the log or queue (the domains' `waits`). Domains whose input is files at sources
have a ledger of them instead (`batches`).

Nothing is assigned here: the run takes what waits when it starts, and the domain's own lease keeps two apart. A batch
only names what was asked for, in the same way as a batch of files: time, content, attempt. The attempt goes up as
long as runs fail, whatever came in meanwhile, so a domain that fails every time is tried at a bounded pace.
"""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from logplatform.orchestration.batches import AGAIN, STAMP, Proposal, batch_name
from logplatform.tenancy import Tenancy


@dataclass(frozen=True, slots=True)
class Backlog:
    """What waits: `items` (messages, uploads) of `bytes` in all, for the days from `first_day` to `last_day`.

    `key` is any text that is equal for equal content. `trouble` maps a source that cannot be looked at to why; a
    backlog of no items tells only that.
    """

    key: str
    first_day: date
    last_day: date
    items: int
    bytes: int = 0
    trouble: Mapping[str, str] = field(default_factory=dict)


Waits = Callable[[Tenancy], Backlog | None]
"""Looks, in bounded time and memory; None if nothing waits, or if somebody else is at work on it just now."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The batch whose run of a domain ended last: whether it succeeded, and when it ended (UTC)."""

    batch_id: str
    success: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class Due:
    """What to ask for, and from when on: before `at` the run before it is not long enough ago."""

    proposal: Proposal
    at: datetime | None


def due(backlog: Backlog, last: Ended | None, now: datetime) -> Due:
    """The batch of a backlog, given the one that ended `last` (None: none did).

    A run that failed, and one that succeeded and left the very same backlog, put the next one off by `AGAIN`.
    """
    content = hashlib.sha256(backlog.key.encode()).hexdigest()[:10]
    attempt, at = 1, None
    name = batch_name(last.batch_id) if last is not None else None
    if last is not None and name is not None and (not last.success or name.content == content):
        attempt, at = name.attempt + 1, last.at + AGAIN.wait(name.attempt)
    batch_id = f"{now.astimezone(UTC):{STAMP}}-{content}-{attempt}"
    return Due(Proposal(batch_id, backlog.first_day, backlog.last_day, backlog.items, backlog.bytes, attempt), at)
