"""Dagster's own tables in PostgreSQL, saved as of one moment and brought back.

What belongs here: which tables are Dagster's, for others may stand in the same schema. What does not: Dagster's files
(`folders`). It is imported only where Dagster's storage is PostgreSQL.
"""

from contextlib import closing
from pathlib import Path

import sqlalchemy as sa
from dagster._core.storage.event_log.schema import SqlEventLogStorageMetadata
from dagster._core.storage.runs.schema import RunStorageSqlMetadata
from dagster._core.storage.schedules.schema import ScheduleStorageSqlMetadata

from logplatform.backup.postgres_schemas import fill_schema, read_index, save_schema, version_of
from logplatform.failures import PermanentFailure
from logplatform.orchestration.home import opened_instance
from logplatform.settings.model import Settings
from logplatform.settings.stores import SqlStore
from logplatform.stores.places import PostgresSchema

FOLDER = "dagster-postgresql"
_SCHEMA = "public"
_METADATA = (RunStorageSqlMetadata, SqlEventLogStorageMetadata, ScheduleStorageSqlMetadata)


def save_dagster_schema(store: SqlStore, work: Path) -> None:
    """Save Dagster's tables; nothing if it has none yet."""
    names = frozenset(name for metadata in _METADATA for name in metadata.tables)
    with closing(PostgresSchema(store, _SCHEMA).connect()) as database, database.read() as connection:
        save_schema(connection, _SCHEMA, work / FOLDER, names)


def bring_dagster_schema_back(settings: Settings, store: SqlStore, backup: Path) -> None:
    """Have Dagster make its tables, and fill them; PermanentFailure if this Dagster's tables have another form."""
    folder = backup / FOLDER
    with opened_instance(settings):
        # Opening makes the tables.
        pass
    with closing(PostgresSchema(store, _SCHEMA).connect()) as database, database.write() as connection:
        here, saved = version_of(connection, _SCHEMA), read_index(folder).version
        if saved is not None and here != saved:
            raise PermanentFailure(
                f"Dagster's tables were saved in the form {saved}, and the Dagster here makes {here}: restore "
                "with the version of dagster that the backup names (manifest.json), then upgrade it"
            )
        fill_schema(connection, _SCHEMA, folder)


def any_runs(store: SqlStore) -> bool:
    """Whether Dagster has runs there."""
    with closing(PostgresSchema(store, _SCHEMA).connect()) as database, database.read() as connection:
        if connection.execute(sa.text("SELECT to_regclass('public.runs')")).scalar() is None:
            return False
        return connection.execute(sa.text("SELECT EXISTS (SELECT 1 FROM public.runs)")).scalar_one() is True
