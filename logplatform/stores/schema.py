"""Tables that every domain uses: ledger, leases, dead letters, day commits, dataset manifests.

What belongs here: shared tables, with every key carrying domain and tenant. What does not: a domain's own tables
(they stand beside this module), and queries.
"""

import sqlalchemy as sa

from logplatform.stores.sql import UtcDateTime

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite gives rowids only to a column declared exactly INTEGER.
BigId = sa.BigInteger().with_variant(sa.Integer, "sqlite")

# What may still have work in it. As literals: a planner uses a partial index only where the query says its condition
# word for word (https://www.sqlite.org/partialindex.html), and a bound value is no word.
_OPEN = "status IN ('pending', 'copied', 'extracted', 'error')"

observation = sa.Table(
    "observation",
    metadata,
    sa.Column("id", BigId, primary_key=True),
    sa.Column("fingerprint", sa.LargeBinary(16), nullable=False, unique=True),
    sa.Column("domain", sa.Text, nullable=False),
    sa.Column("tenant", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("path", sa.Text, nullable=False),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("mtime_ns", sa.BigInteger, nullable=False),
    sa.Column("day", sa.Date, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("error_kind", sa.Text),
    sa.Column("error_type", sa.Text),
    sa.Column("error", sa.Text),
    sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
    sa.Column("next_attempt_at", UtcDateTime),
    sa.Column("batch_id", sa.Text),
    sa.Column("run_id", sa.Text),
    sa.Column("sha256", sa.Text),
    sa.Column("first_seen", UtcDateTime, nullable=False),
    sa.Column("updated", UtcDateTime, nullable=False),
    # Files are counted, by everything they are told apart by, from the index alone.
    sa.Index("ix_observation_standing", "domain", "tenant", "status", "source", "error_kind", "error_type", "updated"),
    sa.Index("ix_observation_day", "domain", "tenant", "day"),
    sa.Index(
        "ix_observation_open",
        "domain",
        "tenant",
        "day",
        "id",
        sqlite_where=sa.text(_OPEN),
        postgresql_where=sa.text(_OPEN),
    ),
    sa.Index("ix_observation_path", "domain", "tenant", "source", "path"),
    sa.Index("ix_observation_sha256", "domain", "tenant", "sha256"),
    sa.Index("ix_observation_batch_id", "batch_id"),
)

open_observation = sa.text(f"observation.{_OPEN}")
"""The condition by which `ix_observation_open` is found."""

content = sa.Table(
    "content",
    metadata,
    sa.Column("domain", sa.Text, primary_key=True),
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("sha256", sa.Text, primary_key=True),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("object_key", sa.Text, nullable=False),
    sa.Column("landed_at", UtcDateTime, nullable=False),
    sa.Column("removed_at", UtcDateTime),
    sa.Column("lines", sa.BigInteger),
    sa.Column("format", sa.Text),
    sa.Column("content_sha256", sa.Text),
    sa.Column("content_size", sa.BigInteger),
    sa.Column("content_key", sa.Text),
    sa.Column("content_removed_at", UtcDateTime),
    sa.Column("parser_version", sa.Text),
    sa.Index("ix_content_content_sha256", "domain", "tenant", "content_sha256"),
)

lease = sa.Table(
    "lease",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("holder", sa.Text, nullable=False),
    sa.Column("fence", sa.BigInteger, nullable=False),
    sa.Column("expires_at", UtcDateTime, nullable=False),
)

dead_letter = sa.Table(
    "dead_letter",
    metadata,
    sa.Column("id", BigId, primary_key=True),
    sa.Column("domain", sa.Text, nullable=False),
    sa.Column("tenant", sa.Text, nullable=False),
    sa.Column("origin", sa.Text, nullable=False),
    sa.Column("position", sa.BigInteger, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("path", sa.Text, nullable=False),
    sa.Column("sha256", sa.Text, nullable=False),
    sa.Column("day", sa.Date, nullable=False),
    sa.Column("raw", sa.LargeBinary, nullable=False),
    sa.Column("reasons", sa.JSON, nullable=False),
    sa.Column("tags", sa.JSON, nullable=False),
    sa.Column("batch_id", sa.Text),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("replayed_at", UtcDateTime),
    sa.UniqueConstraint("domain", "tenant", "origin", "position"),
    sa.Index("ix_dead_letter_day", "domain", "tenant", "day"),
    # Open letters are counted without reading the records in them.
    sa.Index(
        "ix_dead_letter_open",
        "domain",
        "tenant",
        "source",
        "replayed_at",
        sqlite_where=sa.text("replayed_at IS NULL"),
        postgresql_where=sa.text("replayed_at IS NULL"),
    ),
)

day_commit = sa.Table(
    "day_commit",
    metadata,
    sa.Column("domain", sa.Text, primary_key=True),
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("asset", sa.Text, primary_key=True),
    sa.Column("day", sa.Date, primary_key=True),
    sa.Column("run_id", sa.Text, nullable=False),
    sa.Column("batch_id", sa.Text),
    sa.Column("counts", sa.JSON, nullable=False),
    sa.Column("committed_at", UtcDateTime, nullable=False),
    sa.Column("reported", sa.Boolean, nullable=False),
    sa.Index("ix_day_commit_reported", "domain", "tenant", "reported"),
)

dataset_file = sa.Table(
    "dataset_file",
    metadata,
    sa.Column("id", BigId, primary_key=True),
    sa.Column("dataset", sa.Text, nullable=False),
    sa.Column("tenant", sa.Text, nullable=False),
    sa.Column("partition", sa.Text, nullable=False),
    sa.Column("key", sa.Text, nullable=False, unique=True),
    sa.Column("rows", sa.BigInteger, nullable=False),
    sa.Column("bytes", sa.BigInteger, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("removed_at", UtcDateTime),
    sa.Index("ix_dataset_file_partition", "dataset", "tenant", "partition"),
)

dataset_origin = sa.Table(
    "dataset_origin",
    metadata,
    sa.Column("origin", sa.Text, primary_key=True),
    sa.Column("file_id", sa.ForeignKey("dataset_file.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("rows", sa.BigInteger, nullable=False),
    sa.Index("ix_dataset_origin_file_id", "file_id"),
)
