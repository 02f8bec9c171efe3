"""The book of incidents: what is wrong now, and what was.

What belongs here: the SQL of incidents, from their beginning to their end. What does not: the messages about them
(`outbox`), and finding out what is wrong.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any, get_args

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from logplatform.alerts.incident import SAMPLE, Incident, Kind, Policy, Signal, shortened
from logplatform.settings.alerts import Severity
from logplatform.stores.alert_tables import alert as table
from logplatform.stores.alert_tables import alert_event
from logplatform.stores.sql import Database

PAGE = 100


@dataclass(frozen=True, slots=True)
class AlertBook:
    """The incidents of one tenant."""

    database: Database
    tenant: str
    now: Callable[[], datetime]

    def happened(self, signal: Signal, event_id: str, at: datetime) -> bool:
        """Count a failure that happened once, the event `event_id`, at `at`; False if it was counted before."""
        event = {"tenant": self.tenant, "event_id": event_id, "at": self.now()}
        with self.database.write() as connection:
            dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
            if not connection.execute(dialect.insert(alert_event).values(event).on_conflict_do_nothing()).rowcount:
                return False
            found = self._firing(connection, signal)
            if found is None:
                self._open(connection, signal, at)
            else:
                sample = [*found.sample, *signal.sample][:SAMPLE]
                last = max(found.last_at, at)
                self._change(connection, found.id, events=found.events + signal.count, sample=sample, last_at=last)
        return True

    def stands(self, domain: str, kinds: Collection[Kind], signals: Iterable[Signal]) -> int:
        """What is wrong in `domain` now, of all these kinds: what is not among `signals` is good again.

        Returns how many incidents began, changed or ended. Nothing is written where all is as it was.
        """
        wanted = {signal.topic: signal for signal in signals}
        with self.database.read() as connection:
            if not self._differences(connection, domain, kinds, wanted):
                return 0
        with self.database.write() as connection:
            differences = self._differences(connection, domain, kinds, wanted)
            for found, signal in differences:
                if found is None and signal is not None:
                    self._open(connection, signal, self.now())
                elif found is not None and signal is not None:
                    self._change(connection, found.id, **_shown(signal), last_at=self.now())
                elif found is not None:
                    self._change(connection, found.id, resolved_at=self.now())
        return len(differences)

    def firing(self, kind: Kind | None = None) -> list[Incident]:
        """What is not good yet, oldest first, at most PAGE of it."""
        query = sa.select(table).where(self._mine(), table.c.resolved_at.is_(None)).order_by(table.c.id).limit(PAGE)
        if kind is not None:
            query = query.where(table.c.kind == kind)
        with self.database.read() as connection:
            return [incident_of(row) for row in connection.execute(query)]

    def resolve(self, incident: Incident) -> None:
        """It is good again; unless a failure was counted since it was read."""
        unchanged = sa.and_(table.c.id == incident.id, table.c.last_at == incident.last_at)
        with self.database.write() as connection:
            connection.execute(
                table.update().where(unchanged, table.c.resolved_at.is_(None)).values(resolved_at=self.now())
            )

    def sweep(self, policy: Policy | None, keep: timedelta) -> None:
        """Close what is good again and nobody is to be told of; forget what has been closed for longer than `keep`.

        `policy` None: nobody is told of anything.
        """
        now = self.now()
        silent = [table.c.resolved_at.is_not(None), table.c.closed_at.is_(None)]
        if policy is not None:
            told = [severity for severity in get_args(Severity) if policy.tells(severity)]
            silent += [table.c.message_id.is_(None), table.c.severity.not_in(told)]
        old = sa.and_(self._mine(), table.c.closed_at < now - keep)
        seen = sa.and_(alert_event.c.tenant == self.tenant, alert_event.c.at < now - keep)
        with self.database.read() as connection:
            work = [sa.select(table.c.id).where(self._mine(), *silent), sa.select(table.c.id).where(old)]
            work.append(sa.select(alert_event.c.event_id).where(seen))
            if not any(connection.execute(query.limit(1)).first() for query in work):
                return
        with self.database.write() as connection:
            connection.execute(table.update().where(self._mine(), *silent).values(closed_at=now))
            connection.execute(table.delete().where(old))
            connection.execute(alert_event.delete().where(seen))

    def _differences(
        self,
        connection: sa.Connection,
        domain: str,
        kinds: Collection[Kind],
        wanted: dict[tuple[str, str, str], Signal],
    ) -> list[tuple[Incident | None, Signal | None]]:
        query = sa.select(table).where(
            self._mine(), table.c.domain == domain, table.c.kind.in_(kinds), table.c.resolved_at.is_(None)
        )
        firing = {incident.topic: incident for incident in map(incident_of, connection.execute(query))}
        ended: list[tuple[Incident | None, Signal | None]] = [
            (incident, None) for topic, incident in firing.items() if topic not in wanted
        ]
        begun_or_changed: list[tuple[Incident | None, Signal | None]] = [
            (firing.get(topic), signal) for topic, signal in wanted.items() if not _is_as(firing.get(topic), signal)
        ]
        return ended + begun_or_changed

    def _firing(self, connection: sa.Connection, signal: Signal) -> Incident | None:
        named = zip(("domain", "kind", "reason"), signal.topic, strict=True)
        same = [table.c[name] == value for name, value in named]
        query = sa.select(table).where(self._mine(), *same, table.c.resolved_at.is_(None))
        row = connection.execute(query).first()
        return None if row is None else incident_of(row)

    def _open(self, connection: sa.Connection, signal: Signal, at: datetime) -> None:
        named = dict(zip(("domain", "kind", "reason"), signal.topic, strict=True))
        values = {"tenant": self.tenant, **named, **_shown(signal), "first_at": at, "last_at": at, "attempts": 0}
        connection.execute(table.insert().values(values))

    def _change(self, connection: sa.Connection, incident: int, **values: object) -> None:
        connection.execute(table.update().where(table.c.id == incident).values(values))

    def _mine(self) -> sa.ColumnElement[bool]:
        return table.c.tenant == self.tenant


def _shown(signal: Signal) -> dict[str, object]:
    return {
        "severity": signal.severity,
        "title": shortened(signal.title),
        "sample": _sample(signal),
        "recovery": shortened(signal.recovery),
        "events": signal.count,
    }


def _sample(signal: Signal) -> Sequence[str]:
    return [shortened(line) for line in signal.sample[:SAMPLE]]


def _is_as(incident: Incident | None, signal: Signal) -> bool:
    if incident is None:
        return False
    return {name: getattr(incident, name) for name in _shown(signal)} == _shown(signal)


def incident_of(row: sa.Row[Any]) -> Incident:
    """An incident from a row of its table."""
    values = row._mapping
    return Incident(**{field.name: values[field.name] for field in fields(Incident)})
