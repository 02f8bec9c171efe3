"""The store of production sessions: the Protocol `Sessions` and its SQL implementation.

What belongs here: writing a session so that readers see all of it or nothing, and reading sessions back. What does
not: how a session is computed; a store knows rows, not the domain that made them.

Rows are written under a version that nobody sees. One small transaction makes the version current; the rows of the
version before are deleted afterwards. A writer that dies leaves rows that no view shows, and the next writer of the
same day removes them: one day of one centre has one writer at a time (the caller holds a lease).
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Literal, Protocol

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from logplatform.stores.session_schema import centre_usinage, machine_anomaly, session_production
from logplatform.stores.session_versions import (
    SMALL_ROWS,
    Begin,
    SessionRows,
    delete_versions,
    new_version,
    stage_rows,
    write_rows,
)
from logplatform.stores.sql import Database


@dataclass(frozen=True, slots=True)
class Centre:
    """A machining centre as its row names it."""

    nom: str
    type_cu: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class SessionRecord:
    """A session to be stored: its own columns, a digest of all that it holds, and whether its day still goes on."""

    centre: Centre
    day: date
    columns: Mapping[str, object]
    digest: str
    partial: bool


@dataclass(frozen=True, slots=True)
class StoredSession:
    """A session as `session_production` and `centre_usinage` hold it: hours, rates in %, plant-local moments."""

    id: int
    nom: str
    type_cu: str
    date_production: date
    heure_premiere_piece: datetime | None
    heure_derniere_piece: datetime | None
    heure_premier_machine_start: datetime | None
    heure_dernier_machine_stop: datetime | None
    total_pieces: int
    duree_production_totale: float | None
    temps_attente: float | None
    temps_arret_volontaire: float | None
    temps_production_effectif: float | None
    taux_occupation: float | None
    taux_attente: float | None
    taux_arret_volontaire: float | None
    fichier_log_source: str
    partielle: bool
    version_id: int
    empreinte: str


@dataclass(frozen=True, slots=True)
class Stored:
    """What storing did; `unchanged` means that the same was there already and nothing was written."""

    session_id: int
    outcome: Literal["written", "unchanged"]


class Sessions(Protocol):
    """Production sessions of one tenant."""

    def replace(self, begin: Begin, record: SessionRecord, rows: SessionRows) -> Stored:
        """Make this the session of its centre and day, all at once; equal ones are left untouched."""
        ...

    def replace_anomalies(
        self, connection: sa.Connection, session_id: int, anomalies: Sequence[tuple[str, datetime | None, str]]
    ) -> None:
        """Make these (kind, at, detail) the session's anomalies, in the caller's transaction."""
        ...

    def anomalies(self, session_id: int) -> list[tuple[str, datetime | None, str]]:
        """The session's anomalies (kind, at, detail), in order."""
        ...

    def find(self, centre: str, day: date) -> StoredSession | None:
        """The session of a centre's day, None if there is none."""
        ...

    def earlier(self, centre: str, day: date, limit: int) -> list[StoredSession]:
        """The centre's latest whole (not partial) sessions before a day, newest first."""
        ...

    def every(self) -> Iterator[StoredSession]:
        """All sessions by type, date and name, as a stream."""
        ...


@dataclass(frozen=True, slots=True)
class SqlSessions:
    """See `Sessions`; in the tables of `session_schema`."""

    database: Database
    tenant: str
    now: Callable[[], datetime]

    def replace(self, begin: Begin, record: SessionRecord, rows: SessionRows) -> Stored:
        """See `Sessions.replace`."""
        found = self.find(record.centre.nom, record.day)
        if found is not None and (found.empreinte, found.partielle) == (record.digest, record.partial):
            return Stored(found.id, "unchanged")
        write = self._write_small if rows.count <= SMALL_ROWS else self._write_large
        return Stored(write(begin, record, rows), "written")

    def _write_small(self, begin: Begin, record: SessionRecord, rows: SessionRows) -> int:
        with begin() as connection:
            centre_id, version = self._new_version(connection, record)
            write_rows(connection, version, rows)
            session_id = self._publish(connection, centre_id, record, version)
        delete_versions(self.database, begin, centre_id, record.day, version)
        return session_id

    def _write_large(self, begin: Begin, record: SessionRecord, rows: SessionRows) -> int:
        with begin() as connection:
            centre_id, version = self._new_version(connection, record)
        stage_rows(begin, version, rows)
        with begin() as connection:
            session_id = self._publish(connection, centre_id, record, version)
        delete_versions(self.database, begin, centre_id, record.day, version)
        return session_id

    def replace_anomalies(
        self, connection: sa.Connection, session_id: int, anomalies: Sequence[tuple[str, datetime | None, str]]
    ) -> None:
        """See `Sessions.replace_anomalies`."""
        connection.execute(machine_anomaly.delete().where(machine_anomaly.c.session_id == session_id))
        if anomalies:
            connection.execute(
                machine_anomaly.insert(),
                [
                    {"session_id": session_id, "rang": rank, "kind": kind, "at": at, "detail": detail}
                    for rank, (kind, at, detail) in enumerate(anomalies)
                ],
            )

    def anomalies(self, session_id: int) -> list[tuple[str, datetime | None, str]]:
        """See `Sessions.anomalies`."""
        columns = machine_anomaly.c
        query = (
            sa.select(columns.kind, columns.at, columns.detail)
            .where(columns.session_id == session_id)
            .order_by(columns.rang)
        )
        with self.database.read() as connection:
            return [(row.kind, row.at, row.detail) for row in connection.execute(query)]

    def find(self, centre: str, day: date) -> StoredSession | None:
        """See `Sessions.find`."""
        query = self._selected(centre_usinage.c.nom == centre, session_production.c.date_production == day)
        with self.database.read() as connection:
            row = connection.execute(query).first()
        return None if row is None else _stored(row)

    def earlier(self, centre: str, day: date, limit: int) -> list[StoredSession]:
        """See `Sessions.earlier`."""
        columns = session_production.c
        query = (
            self._selected(centre_usinage.c.nom == centre, columns.date_production < day, columns.partielle.is_(False))
            .order_by(columns.date_production.desc())
            .limit(limit)
        )
        with self.database.read() as connection:
            return [_stored(row) for row in connection.execute(query)]

    def every(self) -> Iterator[StoredSession]:
        """See `Sessions.every`."""
        query = self._selected().order_by(
            centre_usinage.c.type_cu, session_production.c.date_production, centre_usinage.c.nom
        )
        with self.database.read() as connection:
            for row in connection.execution_options(yield_per=1_000).execute(query):
                yield _stored(row)

    def _selected(self, *conditions: sa.ColumnElement[bool]) -> sa.Select[Any]:
        return (
            sa.select(session_production, centre_usinage.c.nom, centre_usinage.c.type_cu)
            .join(centre_usinage)
            .where(session_production.c.tenant == self.tenant, *conditions)
        )

    def _centre_id(self, connection: sa.Connection, centre: Centre) -> int:
        dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
        told = {"type_cu": centre.type_cu, "description": centre.description, "actif": True}
        insert = dialect.insert(centre_usinage).values(
            tenant=self.tenant, nom=centre.nom, date_creation=self.now(), **told
        )
        upsert = insert.on_conflict_do_update(index_elements=["tenant", "nom"], set_=told)
        return connection.execute(upsert.returning(centre_usinage.c.id)).scalar_one()

    def _new_version(self, connection: sa.Connection, record: SessionRecord) -> tuple[int, int]:
        centre_id = self._centre_id(connection, record.centre)
        return centre_id, new_version(connection, centre_id, record.day, self.now())

    def _publish(self, connection: sa.Connection, centre_id: int, record: SessionRecord, version: int) -> int:
        dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
        values = {**record.columns, "partielle": record.partial, "version_id": version, "empreinte": record.digest}
        insert = dialect.insert(session_production).values(
            tenant=self.tenant, centre_usinage_id=centre_id, date_creation=self.now(), **values
        )
        key = ["centre_usinage_id", "date_production"]
        upsert = insert.on_conflict_do_update(index_elements=key, set_=values)
        return connection.execute(upsert.returning(session_production.c.id)).scalar_one()


def _stored(row: sa.Row[Any]) -> StoredSession:
    values = row._mapping
    return StoredSession(**{name: values[name] for name in StoredSession.__dataclass_fields__})
