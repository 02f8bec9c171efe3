"""Retention: which landed bytes may go, by age and when the disk runs full.

What belongs here: choosing bytes and removing them, with the ledger told first. What does not: rows (cleaning never
forgets an observation, so nothing is collected again) and datasets (`stores/dataset.py` sweeps its own).

Removing is two transactions. The first marks the bytes as removed, if they may still go: what was read a moment ago
does not count, a file with the same content may have landed since. The second unlinks them, if they are still marked.
A process that dies between the two leaves marked bytes, which the next sweep unlinks; a file that lands with the same
content in between either takes the mark away or is told to land again (`Ledger.land`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import chain
from typing import Literal

import sqlalchemy as sa

from logplatform.failures import TransientFailure
from logplatform.landing.ledger import Ledger
from logplatform.landing.observations import Content
from logplatform.landing.publish import Landing
from logplatform.landing.settled import Condition, Rule, Settled, has_extracted, settled_contents
from logplatform.stores.files import Files, published_before
from logplatform.stores.schema import content as table
from logplatform.stores.sql import chunks

GIB = 1 << 30
ABANDONED_SECONDS = 3_600
"""When the disk is full, a part that nobody has written to for so long counts as abandoned."""

Kind = Literal["tmp", "processed", "extracted", "error", "recompressed", "index"]


@dataclass(frozen=True, slots=True)
class RetentionPolicy:
    """How long bytes are kept, in days, and the free space in GiB below which collection pauses and cleaning begins."""

    processed_days: float = 30
    error_days: float = 90
    tmp_days: float = 7
    disk_space_threshold_gb: float = 10
    disk_space_target_gb: float = 15


@dataclass(frozen=True, slots=True)
class Removed:
    """What was removed: `files` of `bytes` in all (0 where nobody counted them: temporary files).

    Of what was recompressed, `bytes` is what that saved.
    """

    kind: Kind
    files: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Pruned:
    """What pruning one domain removed: how many of what, and their `bytes` in all (0 where nobody counted them)."""

    what: str
    count: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Retention:
    """Retention over one domain's landed and extracted bytes; `settled` tells which of them nobody waits for."""

    ledger: Ledger
    files: Files
    policy: RetentionPolicy
    settled: Rule = Settled

    def has_room(self) -> bool:
        """Whether collection may go on: at least the threshold is free (or the store has no bound)."""
        free = self.files.free_bytes()
        return free is None or free >= self.policy.disk_space_threshold_gb * GIB

    def require_room(self) -> None:
        """Clean where the disk runs full; raises TransientFailure while that is not enough for collection to go on."""
        if self.has_room():
            return
        for _ in self.make_room():
            pass
        if not self.has_room():
            least = self.policy.disk_space_threshold_gb
            raise TransientFailure(f"collection pauses: less than {least:g} GB are free (disk_space_threshold_gb)")

    def by_age(self) -> Iterator[Removed]:
        """Remove what is older than its kind may get."""
        now, policy = self.ledger.now(), self.policy
        yield Removed("tmp", self.files.sweep_parts(policy.tmp_days * 86_400) + self._sweep_orphans(), 0)
        delivered = now - timedelta(days=policy.processed_days)
        failed = now - timedelta(days=policy.error_days)
        for settled in (self.settled(delivered, failed, False), self.settled(delivered, failed, True)):
            for content in self._contents(settled):
                yield from self._remove(content, "error" if settled.with_failures else "processed", settled)
                yield from self._remove(content, "extracted", settled)

    def make_room(self) -> Iterator[Removed]:
        """Remove until the target is free, in the order tmp, processed, extracted and delivered, error oldest first.

        What is neither delivered nor failed for good is never touched.
        """
        if self.has_room():
            return
        now = self.ledger.now()
        yield Removed("tmp", self.files.sweep_parts(ABANDONED_SECONDS), 0)
        delivered, failed = self.settled(now, now, False), self.settled(now, now, True)
        steps: tuple[tuple[Condition, tuple[Kind, ...]], ...] = (
            (delivered, ("processed",)),
            (delivered, ("extracted",)),
            (failed, ("extracted", "error")),
        )
        for settled, kinds in steps:
            for content in self._contents(settled):
                if self._target_reached():
                    return
                for kind in kinds:
                    yield from self._remove(content, kind, settled)

    def _target_reached(self) -> bool:
        free = self.files.free_bytes()
        return free is None or free >= self.policy.disk_space_target_gb * GIB

    def _contents(self, settled: Condition) -> Iterator[Content]:
        return settled_contents(self.ledger, settled, sa.or_(table.c.removed_at.is_(None), has_extracted()))

    def _remove(self, content: Content, kind: Kind, settled: Condition) -> Iterator[Removed]:
        extracted = kind == "extracted"
        key = content.content_key if extracted else content.object_key
        column = table.c.content_removed_at if extracted else table.c.removed_at
        if key is None:
            return
        mine = sa.and_(self._mine(), table.c.sha256 == content.sha256)
        with self.ledger.transaction() as connection:
            mark = table.update().where(mine, column.is_(None), settled.condition()).values({column: self.ledger.now()})
            if not connection.execute(mark).rowcount:
                return
        with self.ledger.transaction() as connection:
            marked = connection.execute(sa.select(column).where(mine).with_for_update()).scalar_one() is not None
            gone = marked and key not in self._named(connection, [key]) and self.files.remove(key)
        if gone:
            yield Removed(kind, 1, (content.content_size if extracted else content.size) or 0)

    def _sweep_orphans(self) -> int:
        """Remove bytes that no content row names: their process died before it could commit, or while removing."""
        before = self.ledger.now() - timedelta(days=self.policy.tmp_days)
        landing = Landing(self.files, self.ledger.domain, self.ledger.tenant)
        swept = 0
        for chunk in chunks(chain(self.files.keys(landing.prefix), self.files.keys(landing.extracted_prefix))):
            with self.ledger.database.read() as connection:
                named = self._named(connection, chunk)
            suspects = [key for key in chunk if key not in named and published_before(self.files, key, before)]
            if not suspects:
                continue
            # Inside a write transaction nobody can commit them between the look and the unlink.
            with self.ledger.transaction() as connection:
                named = self._named(connection, suspects)
                swept += sum(
                    self.files.remove(key)
                    for key in suspects
                    if key not in named and published_before(self.files, key, before)
                )
        return swept

    def _named(self, connection: sa.Connection, keys: list[str]) -> set[str]:
        """Those of `keys` (a bounded number, each ending in the landed sha256) whose bytes a content row speaks of."""
        mine = sa.and_(self._mine(), table.c.sha256.in_([key.rsplit("/", 1)[-1] for key in keys]))
        landed = sa.select(table.c.object_key).where(mine, table.c.removed_at.is_(None))
        extracted = sa.select(table.c.content_key).where(mine, has_extracted())
        return set(connection.execute(landed).scalars()) | set(connection.execute(extracted).scalars())

    def _mine(self) -> sa.ColumnElement[bool]:
        return sa.and_(table.c.domain == self.ledger.domain, table.c.tenant == self.ledger.tenant)
