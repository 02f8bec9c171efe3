"""Tables of production sessions: the six that users query, and what stands behind them.

What belongs here: the tables' form. What does not: queries (`sessions.py`), and the rules of a session (the domain
machines). Moments are plant-local, without zone.

Users read `centre_usinage`, `session_production`, `job_profil`, `periode_attente`, `periode_arret` and
`piece_production`. The last four are views: their rows stand in tables under a version, and a view shows the
version that `session_production` names. So rows can be written in bounded transactions and become visible all at
once, by one small change of one row.
"""

from typing import Any

import sqlalchemy as sa

from logplatform.stores.schema import BigId, metadata
from logplatform.stores.sql import UtcDateTime

HOURS = sa.Numeric(10, 4, asdecimal=False)
RATE = sa.Numeric(5, 2, asdecimal=False)

centre_usinage = sa.Table(
    "centre_usinage",
    metadata,
    sa.Column("id", BigId, primary_key=True),
    sa.Column("tenant", sa.Text, nullable=False),
    sa.Column("nom", sa.Text, nullable=False),
    sa.Column("type_cu", sa.Text, nullable=False),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("actif", sa.Boolean, nullable=False),
    sa.Column("date_creation", UtcDateTime, nullable=False),
    sa.UniqueConstraint("tenant", "nom"),
)

session_production = sa.Table(
    "session_production",
    metadata,
    sa.Column("id", BigId, primary_key=True),
    sa.Column("tenant", sa.Text, nullable=False),
    sa.Column("centre_usinage_id", sa.ForeignKey("centre_usinage.id"), nullable=False),
    sa.Column("date_production", sa.Date, nullable=False),
    sa.Column("heure_premiere_piece", sa.DateTime),
    sa.Column("heure_derniere_piece", sa.DateTime),
    sa.Column("heure_premier_machine_start", sa.DateTime),
    sa.Column("heure_dernier_machine_stop", sa.DateTime),
    sa.Column("total_pieces", sa.Integer, nullable=False),
    sa.Column("duree_production_totale", HOURS),
    sa.Column("temps_attente", HOURS),
    sa.Column("temps_arret_volontaire", HOURS),
    sa.Column("temps_production_effectif", HOURS),
    sa.Column("taux_occupation", RATE),
    sa.Column("taux_attente", RATE),
    sa.Column("taux_arret_volontaire", RATE),
    sa.Column("fichier_log_source", sa.Text, nullable=False),
    sa.Column("date_creation", UtcDateTime, nullable=False),
    # What follows is ours: is the day not over yet, what its rows are filed under, and what they hold.
    sa.Column("partielle", sa.Boolean, nullable=False),
    sa.Column("version_id", sa.ForeignKey("session_version.id"), nullable=False),
    sa.Column("empreinte", sa.Text, nullable=False),
    sa.UniqueConstraint("centre_usinage_id", "date_production"),
    sa.Index("ix_session_production_date", "tenant", "date_production"),
)

session_version = sa.Table(
    "session_version",
    metadata,
    sa.Column("id", BigId, primary_key=True),
    sa.Column("centre_usinage_id", sa.ForeignKey("centre_usinage.id"), nullable=False),
    sa.Column("date_production", sa.Date, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Index("ix_session_version_day", "centre_usinage_id", "date_production"),
    # An id that was used once must never come back: a dead writer's rows may still lie under it.
    sqlite_autoincrement=True,
)


def _rows_of_version(name: str, *columns: sa.Column[Any]) -> sa.Table:
    return sa.Table(
        name,
        metadata,
        sa.Column("version_id", sa.BigInteger, primary_key=True),
        sa.Column("rang", sa.Integer, primary_key=True),
        *columns,
        sqlite_with_rowid=False,
    )


job_row = _rows_of_version(
    "job_profil_row",
    sa.Column("reference", sa.Text),
    sa.Column("longueur", sa.Numeric(13, 4, asdecimal=False)),
    sa.Column("couleur", sa.Text, nullable=False),
    sa.Column("details", sa.Text),
    sa.Column("timestamp_debut", sa.DateTime, nullable=False),
)

wait_row = _rows_of_version(
    "periode_attente_row",
    sa.Column("timestamp_debut", sa.DateTime, nullable=False),
    sa.Column("timestamp_fin", sa.DateTime, nullable=False),
    sa.Column("duree_secondes", sa.Numeric(13, 3, asdecimal=False), nullable=False),
)

stop_row = _rows_of_version(
    "periode_arret_row",
    sa.Column("timestamp_debut", sa.DateTime, nullable=False),
    sa.Column("timestamp_fin", sa.DateTime),
    sa.Column("duree_secondes", sa.Numeric(13, 3, asdecimal=False)),
)

piece_row = _rows_of_version(
    "piece_production_row",
    sa.Column("numero_piece", sa.BigInteger),
    sa.Column("timestamp_production", sa.DateTime, nullable=False),
    sa.Column("details", sa.Text),
)

VERSIONED = (job_row, wait_row, stop_row, piece_row)

machine_anomaly = sa.Table(
    "machine_anomaly",
    metadata,
    sa.Column("session_id", sa.ForeignKey("session_production.id"), primary_key=True),
    sa.Column("rang", sa.Integer, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("at", sa.DateTime),
    sa.Column("detail", sa.Text, nullable=False),
)

machine_day = sa.Table(
    "machine_day",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("source", sa.Text, primary_key=True),
    sa.Column("folder", sa.Text, primary_key=True),
    sa.Column("day", sa.Date, primary_key=True),
    sa.Column("final", sa.Boolean, nullable=False),
    sa.Column("versions", sa.Integer, nullable=False),
    sa.Column("path", sa.Text, nullable=False),
    sa.Column("lines", sa.BigInteger, nullable=False),
    sa.Column("events", sa.BigInteger, nullable=False),
    sa.Column("dead_letters", sa.BigInteger, nullable=False),
    sa.Column("duplicates", sa.BigInteger, nullable=False),
    sa.Column("unended", sa.BigInteger, nullable=False),
    sa.Column("derived_at", UtcDateTime, nullable=False),
    sa.Index("ix_machine_day_day", "tenant", "day"),
)
