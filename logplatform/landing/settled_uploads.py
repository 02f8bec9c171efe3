"""Which landed bytes of uploads retention may take: those that nobody waits for any more, by the ledger of uploads.

What belongs here: that condition, over what the SQL store knows of uploads, whichever ledger records them. What does
not: removing (`retention`), and domains of files, whose ledger is that of observations (`settled`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from logplatform.stores.schema import content as table
from logplatform.stores.upload_facts import upload_fact
from logplatform.stores.upload_record import OPEN
from logplatform.stores.upload_tables import upload


@dataclass(frozen=True, slots=True)
class SettledUploads:
    """Contents whose uploads were all completed before `delivered`, or have failed for good before `failed`.

    `with_failures` chooses between those of which an upload has failed and the others. An upload that waits, or is in
    work, keeps its bytes; a repeated one keeps nothing, for its bytes are those of the first.
    """

    delivered: datetime
    failed: datetime
    with_failures: bool

    def condition(self) -> sa.ColumnElement[bool]:
        """The condition on `schema.content`."""
        completed = _any(lambda uploads: uploads.c.status == "completed")
        failed = sa.and_(
            _any(lambda uploads: uploads.c.status == "failed"),
            sa.not_(_any(lambda uploads: uploads.c.status.in_(("completed", "duplicate")))),
        )
        settled = sa.not_(_any(self._waits_or_is_young))
        return sa.and_(settled, failed if self.with_failures else completed)

    def _waits_or_is_young(self, uploads: sa.Table) -> sa.ColumnElement[bool]:
        c = uploads.c
        # A missing time would make the whole condition unknown, and what is unknown must be kept.
        completed = sa.func.coalesce(c.completed_at, self.delivered) >= self.delivered
        failed = sa.func.coalesce(c.failed_at, self.failed) >= self.failed
        return sa.or_(
            c.status.in_(OPEN),
            sa.and_(c.status == "completed", completed),
            sa.and_(c.status == "failed", failed),
        )


def _any(meets: Callable[[sa.Table], sa.ColumnElement[bool]]) -> sa.ColumnElement[bool]:
    """Whether an upload of the content meets a condition, whichever ledger records it."""
    return sa.or_(
        *(
            sa.exists().where(uploads.c.tenant == table.c.tenant, uploads.c.sha256 == table.c.sha256, meets(uploads))
            for uploads in (upload, upload_fact)
        )
    )
