"""Production sessions: the six tables of the domain machines, and what stands behind them."""

import sqlalchemy as sa
from alembic import op

from logplatform.stores.sql import UtcDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# Written out, not taken from `session_schema`: a revision stays what it was when the schema goes on.
VIEWS = {
    "job_profil": "reference, longueur, couleur, details, timestamp_debut",
    "periode_attente": "timestamp_debut, timestamp_fin, duree_secondes",
    "periode_arret": "timestamp_debut, timestamp_fin, duree_secondes",
    "piece_production": "numero_piece, timestamp_production, details",
}


def upgrade() -> None:
    op.create_table(
        "centre_usinage",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("nom", sa.Text(), nullable=False),
        sa.Column("type_cu", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("actif", sa.Boolean(), nullable=False),
        sa.Column("date_creation", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_centre_usinage")),
        sa.UniqueConstraint("tenant", "nom", name=op.f("uq_centre_usinage_tenant_nom")),
    )
    op.create_table(
        "job_profil_row",
        sa.Column("version_id", sa.BigInteger(), nullable=False),
        sa.Column("rang", sa.Integer(), nullable=False),
        sa.Column("reference", sa.Text(), nullable=True),
        sa.Column("longueur", sa.Numeric(precision=13, scale=4, asdecimal=False), nullable=True),
        sa.Column("couleur", sa.Text(), nullable=False),
        sa.Column("details", sa.Text(), nullable=True),
        sa.Column("timestamp_debut", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("version_id", "rang", name=op.f("pk_job_profil_row")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "machine_day",
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("folder", sa.Text(), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("final", sa.Boolean(), nullable=False),
        sa.Column("versions", sa.Integer(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("lines", sa.BigInteger(), nullable=False),
        sa.Column("events", sa.BigInteger(), nullable=False),
        sa.Column("dead_letters", sa.BigInteger(), nullable=False),
        sa.Column("duplicates", sa.BigInteger(), nullable=False),
        sa.Column("unended", sa.BigInteger(), nullable=False),
        sa.Column("derived_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("tenant", "source", "folder", "day", name=op.f("pk_machine_day")),
    )
    op.create_index("ix_machine_day_day", "machine_day", ["tenant", "day"], unique=False)
    op.create_table(
        "periode_arret_row",
        sa.Column("version_id", sa.BigInteger(), nullable=False),
        sa.Column("rang", sa.Integer(), nullable=False),
        sa.Column("timestamp_debut", sa.DateTime(), nullable=False),
        sa.Column("timestamp_fin", sa.DateTime(), nullable=True),
        sa.Column("duree_secondes", sa.Numeric(precision=13, scale=3, asdecimal=False), nullable=True),
        sa.PrimaryKeyConstraint("version_id", "rang", name=op.f("pk_periode_arret_row")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "periode_attente_row",
        sa.Column("version_id", sa.BigInteger(), nullable=False),
        sa.Column("rang", sa.Integer(), nullable=False),
        sa.Column("timestamp_debut", sa.DateTime(), nullable=False),
        sa.Column("timestamp_fin", sa.DateTime(), nullable=False),
        sa.Column("duree_secondes", sa.Numeric(precision=13, scale=3, asdecimal=False), nullable=False),
        sa.PrimaryKeyConstraint("version_id", "rang", name=op.f("pk_periode_attente_row")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "piece_production_row",
        sa.Column("version_id", sa.BigInteger(), nullable=False),
        sa.Column("rang", sa.Integer(), nullable=False),
        sa.Column("numero_piece", sa.BigInteger(), nullable=True),
        sa.Column("timestamp_production", sa.DateTime(), nullable=False),
        sa.Column("details", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("version_id", "rang", name=op.f("pk_piece_production_row")),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "session_version",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("centre_usinage_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("date_production", sa.Date(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["centre_usinage_id"], ["centre_usinage.id"], name=op.f("fk_session_version_centre_usinage_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_session_version")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_session_version_day", "session_version", ["centre_usinage_id", "date_production"], unique=False)
    op.create_table(
        "session_production",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("tenant", sa.Text(), nullable=False),
        sa.Column("centre_usinage_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("date_production", sa.Date(), nullable=False),
        sa.Column("heure_premiere_piece", sa.DateTime(), nullable=True),
        sa.Column("heure_derniere_piece", sa.DateTime(), nullable=True),
        sa.Column("heure_premier_machine_start", sa.DateTime(), nullable=True),
        sa.Column("heure_dernier_machine_stop", sa.DateTime(), nullable=True),
        sa.Column("total_pieces", sa.Integer(), nullable=False),
        sa.Column("duree_production_totale", sa.Numeric(precision=10, scale=4, asdecimal=False), nullable=True),
        sa.Column("temps_attente", sa.Numeric(precision=10, scale=4, asdecimal=False), nullable=True),
        sa.Column("temps_arret_volontaire", sa.Numeric(precision=10, scale=4, asdecimal=False), nullable=True),
        sa.Column("temps_production_effectif", sa.Numeric(precision=10, scale=4, asdecimal=False), nullable=True),
        sa.Column("taux_occupation", sa.Numeric(precision=5, scale=2, asdecimal=False), nullable=True),
        sa.Column("taux_attente", sa.Numeric(precision=5, scale=2, asdecimal=False), nullable=True),
        sa.Column("taux_arret_volontaire", sa.Numeric(precision=5, scale=2, asdecimal=False), nullable=True),
        sa.Column("fichier_log_source", sa.Text(), nullable=False),
        sa.Column("date_creation", UtcDateTime(), nullable=False),
        sa.Column("partielle", sa.Boolean(), nullable=False),
        sa.Column("version_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("empreinte", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(
            ["centre_usinage_id"], ["centre_usinage.id"], name=op.f("fk_session_production_centre_usinage_id")
        ),
        sa.ForeignKeyConstraint(["version_id"], ["session_version.id"], name=op.f("fk_session_production_version_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_session_production")),
        sa.UniqueConstraint(
            "centre_usinage_id", "date_production", name=op.f("uq_session_production_centre_usinage_id_date_production")
        ),
    )
    op.create_index("ix_session_production_date", "session_production", ["tenant", "date_production"], unique=False)
    op.create_table(
        "machine_anomaly",
        sa.Column("session_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("rang", sa.Integer(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=True),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["session_id"], ["session_production.id"], name=op.f("fk_machine_anomaly_session_id")),
        sa.PrimaryKeyConstraint("session_id", "rang", name=op.f("pk_machine_anomaly")),
    )
    for name, columns in VIEWS.items():
        op.execute(
            f"CREATE VIEW {name} AS SELECT session_production.id AS session_id, {columns} "  # noqa: S608 (names are ours)
            f"FROM session_production JOIN {name}_row ON {name}_row.version_id = session_production.version_id"
        )


def downgrade() -> None:
    for name in VIEWS:
        op.execute(f"DROP VIEW {name}")
    op.drop_table("machine_anomaly")
    op.drop_index("ix_session_production_date", table_name="session_production")
    op.drop_table("session_production")
    op.drop_index("ix_session_version_day", table_name="session_version")
    op.drop_table("session_version")
    op.drop_table("piece_production_row")
    op.drop_table("periode_attente_row")
    op.drop_table("periode_arret_row")
    op.drop_index("ix_machine_day_day", table_name="machine_day")
    op.drop_table("machine_day")
    op.drop_table("job_profil_row")
    op.drop_table("centre_usinage")
