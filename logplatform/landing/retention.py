"""Retention: which landed bytes may go, by age and when the disk runs full.

What belongs here: choosing bytes and removing them, with the ledger told first. What does not: rows (cleaning never
forgets an observation, so nothing is collected again) and datasets (`stores/dataset.py` sweeps its own).

Bytes are removed inside the transaction that marks them: a file that lands with the same content at that moment
either finds them there or is told to land again (`Ledger.land`).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import sqlalchemy as sa

from logplatform.landing.ledger import PAGE, Ledger
from logplatform.landing.observations import Content, content_of
from logplatform.landing.publish import Landing
from logplatform.stores.files import Files
from logplatform.stores.schema import content as table
from logplatform.stores.schema import observation

GIB = 1 << 30

Kind = Literal["tmp", "processed", "extracted", "error"]


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
    """Bytes that were removed; `key` is None for abandoned temporary files."""

    kind: Kind
    files: int
    bytes: int


@dataclass(frozen=True, slots=True)
class Retention:
    """Retention over one domain's landed and extracted bytes."""

    ledger: Ledger
    files: Files
    policy: RetentionPolicy

    def has_room(self) -> bool:
        """Whether collection may go on: at least the threshold is free (or the store has no bound)."""
        free = self.files.free_bytes()
        return free is None or free >= self.policy.disk_space_threshold_gb * GIB

    def by_age(self) -> Iterator[Removed]:
        """Remove what is older than its kind may get."""
        now, policy = self.ledger.now(), self.policy
        yield Removed("tmp", self.files.sweep_parts(policy.tmp_days * 86_400) + self._sweep_orphans(), 0)
        for content in self._delivered(now - timedelta(days=policy.processed_days)):
            yield from self._remove(content, "processed")
            yield from self._remove(content, "extracted")
        for content in self._failed(now - timedelta(days=policy.error_days)):
            yield from self._remove(content, "error")

    def make_room(self) -> Iterator[Removed]:
        """Remove until the target is free, in the order tmp, processed, extracted and delivered, error oldest first.

        What is neither delivered nor failed for good is never touched.
        """
        if self.has_room():
            return
        now = self.ledger.now()
        yield Removed("tmp", self.files.sweep_parts(3_600), 0)
        steps: tuple[tuple[Kind, Iterator[Content]], ...] = (
            ("processed", self._delivered(now)),
            ("extracted", self._delivered(now)),
            ("error", self._failed(now)),
        )
        for kind, contents in steps:
            for content in contents:
                if self._target_reached():
                    return
                yield from self._remove(content, kind)

    def _target_reached(self) -> bool:
        free = self.files.free_bytes()
        return free is None or free >= self.policy.disk_space_target_gb * GIB

    def _delivered(self, before: datetime) -> Iterator[Content]:
        """Contents all of whose observations are done with, the last of them before `before`."""
        return self._contents(observation.c.status.in_(["processed", "seen", "superseded"]), before)

    def _failed(self, before: datetime) -> Iterator[Content]:
        """Contents that no observation waits for any more and that failed for good, the last before `before`."""
        settled = sa.or_(
            observation.c.status.in_(["processed", "seen", "superseded"]),
            sa.and_(observation.c.status == "error", observation.c.error_type == "permanent"),
        )
        return self._contents(settled, before)

    def _contents(self, settled: sa.ColumnElement[bool], before: datetime) -> Iterator[Content]:
        """Contents with bytes, oldest first, whose observations are all `settled` and were updated before `before`."""
        ledger = self.ledger
        unsettled = sa.exists().where(
            observation.c.domain == table.c.domain,
            observation.c.tenant == table.c.tenant,
            observation.c.sha256 == table.c.sha256,
            sa.or_(sa.not_(settled), observation.c.updated >= before),
        )
        query = (
            sa.select(table)
            .where(
                table.c.domain == ledger.domain,
                table.c.tenant == ledger.tenant,
                sa.or_(table.c.removed_at.is_(None), self._has_extracted()),
                sa.not_(unsettled),
            )
            .order_by(table.c.landed_at, table.c.sha256)
            .limit(PAGE)
        )
        after: tuple[datetime, str] | None = None
        while True:
            paged = query
            if after is not None:
                paged = query.where(
                    sa.tuple_(table.c.landed_at, table.c.sha256)
                    > sa.tuple_(sa.literal(after[0], table.c.landed_at.type), sa.literal(after[1]))
                )
            with ledger.database.read() as connection:
                page = [content_of(row) for row in connection.execute(paged)]
            yield from page
            if len(page) < PAGE:
                return
            after = (page[-1].landed_at, page[-1].sha256)

    def _has_extracted(self) -> sa.ColumnElement[bool]:
        return sa.and_(table.c.content_key.is_not(None), table.c.content_removed_at.is_(None))

    def _remove(self, content: Content, kind: Kind) -> Iterator[Removed]:
        extracted = kind == "extracted"
        key = content.content_key if extracted else content.object_key
        gone_since = content.content_removed_at if extracted else content.removed_at
        if key is None or gone_since is not None:
            return
        column = "content_removed_at" if extracted else "removed_at"
        with self.ledger.transaction() as connection:
            self.ledger.describe(connection, content.sha256, **{column: self.ledger.now()})
            self.files.remove(key)
        yield Removed(kind, 1, (content.content_size if extracted else content.size) or 0)

    def _sweep_orphans(self) -> int:
        """Remove landed bytes that no content row names: their process died before it could commit."""
        landing = Landing(self.files, self.ledger.domain, self.ledger.tenant)
        before = self.ledger.now() - timedelta(days=self.policy.tmp_days)
        swept = 0
        for key in self.files.keys(landing.prefix):
            known = self.ledger.content(key.rsplit("/", 1)[-1])
            if (known is not None and known.removed_at is None) or self.files.modified(key) >= before:
                continue
            with self.ledger.transaction():
                swept += self.files.modified(key) < before and self.files.remove(key)
        return swept
