"""The messages on their way: what is due, who sends it, and what became of it.

What belongs here: the SQL of an incident's message. What does not: when it is due (`incident`), what it says
(`message`), and sending it (`dispatch`).

A message is written down, with its id, before it is first tried, and stays until a receiver has taken it: what could
not be sent survives a restart and comes again under the same id.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import sqlalchemy as sa

from logplatform.alerts.book import PAGE, incident_of
from logplatform.alerts.incident import MessageStatus, Policy, due, shortened
from logplatform.alerts.message import compose
from logplatform.stores.alert_tables import alert as table
from logplatform.stores.sql import Database

_NO_MESSAGE: dict[str, object] = {
    "message_id": None,
    "message_status": None,
    "message_body": None,
    "message_at": None,
    "attempts": 0,
    "next_attempt_at": None,
    "error": None,
}


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message that the caller alone may send until its claim runs out; `attempts` counts this one."""

    incident: int
    message_id: str
    status: MessageStatus
    body: bytes
    attempts: int


@dataclass(frozen=True, slots=True)
class Outbox:
    """The messages of one tenant's incidents."""

    database: Database
    tenant: str
    now: Callable[[], datetime]

    def claim(self, policy: Policy, lasting: timedelta) -> Outgoing | None:
        """The oldest message that is due, for the caller alone for so long; None if there is none.

        A message that was never sent is written down here. Several may claim at once: no two get the same.
        """
        now = self.now()
        with self.database.read() as connection:
            if self._next(connection, policy, now) is None:
                return None
        with self.database.write() as connection:
            found = self._next(connection, policy, now)
            if found is None:
                return None
            row, status = found
            if row.message_id is None:
                message_id = f"msg_{uuid4().hex}"
                body = compose(incident_of(row), status, message_id, self.tenant)
            else:
                message_id, body = row.message_id, bytes(row.message_body)
            values = {
                "message_id": message_id,
                "message_status": status,
                "message_body": body,
                "message_at": row.message_at or now,
                "attempts": row.attempts + 1,
                "next_attempt_at": now + lasting,
            }
            connection.execute(table.update().where(table.c.id == row.id).values(values))
            return Outgoing(row.id, message_id, status, body, row.attempts + 1)

    def taken(self, message: Outgoing) -> None:
        """A receiver has the message; the incident is closed if that was its last one."""
        now = self.now()
        closed = {"closed_at": now} if message.status == "resolved" else {}
        self._settle(message, told_at=now, **closed, **_NO_MESSAGE)

    def refused(self, message: Outgoing, error: str, wait: timedelta) -> None:
        """It could not be sent; it comes again after `wait`."""
        self._settle(message, error=shortened(error), next_attempt_at=self.now() + wait)

    def _next(
        self, connection: sa.Connection, policy: Policy, now: datetime
    ) -> tuple[sa.Row[Any], MessageStatus] | None:
        """The oldest incident with a message to be tried now; at most one message a topic is on its way at a time."""
        after, busy = 0, set[tuple[str, str, str]]()
        while True:
            page = connection.execute(
                sa.select(table)
                .where(self._mine(), table.c.closed_at.is_(None), table.c.id > after)
                .order_by(table.c.id)
                .limit(PAGE)
            ).all()
            for row in page:
                incident = incident_of(row)
                if incident.topic in busy:
                    continue
                status = row.message_status or due(incident, policy, now)
                if status is not None:
                    if row.next_attempt_at is None or row.next_attempt_at <= now:
                        return row, status
                    busy.add(incident.topic)
            if len(page) < PAGE:
                return None
            after = page[-1].id

    def _settle(self, message: Outgoing, **values: object) -> None:
        # Whoever has taken over a claim that ran out counts on.
        mine = sa.and_(table.c.id == message.incident, table.c.message_id == message.message_id)
        with self.database.write() as connection:
            connection.execute(table.update().where(mine).values(values))

    def _mine(self) -> sa.ColumnElement[bool]:
        return table.c.tenant == self.tenant
