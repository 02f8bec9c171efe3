"""Which contents nobody waits for any more: all that retention and recompression may touch.

What belongs here: the condition on the ledger, and reading the contents that meet it. What does not: doing anything
to their bytes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import sqlalchemy as sa

from logplatform.landing.ledger import PAGE, Ledger
from logplatform.landing.observations import Content, content_of
from logplatform.stores.schema import content as table
from logplatform.stores.schema import observation


class Condition(Protocol):
    """Which contents are settled."""

    @property
    def with_failures(self) -> bool:
        """Those that hold a failure, or those that hold none."""
        ...

    def condition(self) -> sa.ColumnElement[bool]:
        """The condition on `schema.content`."""
        ...


class Rule(Protocol):
    """Makes the condition of a domain: delivered before the first time, failed for good before the second."""

    def __call__(self, delivered: datetime, failed: datetime, with_failures: bool) -> Condition:
        """The condition on contents with, or without, failures."""
        ...


@dataclass(frozen=True, slots=True)
class Settled:
    """Contents nobody waits for: every observation delivered before `delivered` or failed for good before `failed`.

    `with_failures` chooses between those that hold a failure and those that hold none.
    """

    delivered: datetime
    failed: datetime
    with_failures: bool

    def condition(self) -> sa.ColumnElement[bool]:
        """The condition on `schema.content`."""
        of_content = sa.and_(
            observation.c.domain == table.c.domain,
            observation.c.tenant == table.c.tenant,
            observation.c.sha256 == table.c.sha256,
        )
        # A missing error type would make the whole condition unknown, and what is unknown must be kept.
        failed = sa.and_(observation.c.status == "error", sa.func.coalesce(observation.c.error_type, "") == "permanent")
        delivered = observation.c.status.in_(["processed", "seen", "superseded"])
        done = sa.or_(
            sa.and_(delivered, observation.c.updated < self.delivered),
            sa.and_(failed, observation.c.updated < self.failed),
        )
        holds_failure = sa.exists().where(of_content, failed)
        return sa.and_(
            sa.not_(sa.exists().where(of_content, sa.not_(done))),
            holds_failure if self.with_failures else sa.not_(holds_failure),
        )


def settled_contents(ledger: Ledger, settled: Condition, having: sa.ColumnElement[bool]) -> Iterator[Content]:
    """Settled contents of a ledger that meet `having` (on `schema.content`), oldest first, a page in memory.

    What was read may have changed since: a change to it asks for the condition again, in its own transaction.
    """
    query = (
        sa.select(table)
        .where(table.c.domain == ledger.domain, table.c.tenant == ledger.tenant, having, settled.condition())
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


def has_extracted() -> sa.ColumnElement[bool]:
    """The condition on `schema.content` that what was extracted from it is still kept."""
    return sa.and_(table.c.content_key.is_not(None), table.c.content_removed_at.is_(None))
