"""The platform's databases saved as of one moment each, and brought back.

What belongs here: a domain's rows, SQLite or PostgreSQL. What does not: the files that rows speak of (`references`),
and what is kept on other servers (`servers`).
"""

from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from pathlib import Path

import sqlalchemy as sa

from logplatform.backup.copying import give_file
from logplatform.backup.postgres_schemas import fill_schema, save_schema
from logplatform.backup.sqlite_files import reading, save
from logplatform.landing.leases import utc_now
from logplatform.stores.places import Place, SqliteFile
from logplatform.stores.schema import lease
from logplatform.stores.sql import Database

_MOMENT = sa.text("SELECT 1 FROM alembic_version")


@contextmanager
def snapshot(place: Place, name: str, folder: Path, moment: Callable[[], object]) -> Generator[sa.Connection]:
    """Save the rows of `place` in `folder`; the connection reads them as they were saved.

    `moment` is called once it is fixed which rows these are, before they are all saved.
    """
    if isinstance(place, SqliteFile):
        target = folder / f"{name}.db"
        save(place.path, target)
        moment()
        with reading(target) as connection:
            yield connection
        return
    with closing(place.connect()) as database, database.read() as connection:
        connection.execute(_MOMENT)
        moment()
        save_schema(connection, place.schema, folder / name)
        yield connection


def bring_back(place: Place, name: str, folder: Path, revision: str, parts: Path) -> None:
    """Put the saved rows of `name` where `place` is; done again it is the same.

    The work that was going on when they were saved is nobody's any more.
    """
    if isinstance(place, SqliteFile):
        part = parts / f"{name}.db"
        part.unlink(missing_ok=True)
        give_file(folder / f"{name}.db", part, parts)
        with closing(SqliteFile(part).connect()) as database:
            _end_leases(database)
            with database.engine.connect() as connection:
                connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)")
        give_file(part, place.path, parts)
        for left in parts.glob(f"{name}.db*"):
            left.unlink()
        return
    with closing(place.connect()) as database:
        database.upgrade(revision)
        with database.write() as connection:
            fill_schema(connection, place.schema, folder / name)
        _end_leases(database)


def _end_leases(database: Database) -> None:
    with database.write() as connection:
        connection.execute(lease.update().values(expires_at=utc_now()))
