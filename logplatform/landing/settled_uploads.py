"""Which landed bytes of uploads retention may take: those that nobody waits for any more, by the ledger of uploads.

What belongs here: that condition. What does not: removing (`retention`), and domains of files, whose ledger is that of
observations (`settled`).
"""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from logplatform.stores.schema import content as table
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
        of_content = sa.and_(upload.c.tenant == table.c.tenant, upload.c.sha256 == table.c.sha256)
        completed = sa.exists().where(of_content, upload.c.status == "completed")
        failed = sa.and_(
            sa.exists().where(of_content, upload.c.status == "failed"),
            sa.not_(sa.exists().where(of_content, upload.c.status.in_(("completed", "duplicate")))),
        )
        # A missing time would make the whole condition unknown, and what is unknown must be kept.
        waits = upload.c.status.in_(OPEN)
        too_young = sa.or_(
            sa.and_(
                upload.c.status == "completed",
                sa.func.coalesce(upload.c.completed_at, self.delivered) >= self.delivered,
            ),
            sa.and_(upload.c.status == "failed", sa.func.coalesce(upload.c.failed_at, self.failed) >= self.failed),
        )
        settled = sa.not_(sa.exists().where(of_content, sa.or_(waits, too_young)))
        return sa.and_(settled, failed if self.with_failures else completed)
