"""Erasing a data root: which of its entries the platform made, whether it is in use, and removing them.

What belongs here: the list of what the platform makes in its data root. What does not: anything else that lies
there, `incoming/` and `inbox/` above all: people put files into them, and those are theirs.
"""

import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import sqlalchemy as sa

from logplatform.databases import DATABASES, database_of
from logplatform.landing.leases import utc_now
from logplatform.settings.model import DOMAINS, Settings
from logplatform.stores.file_places import open_files
from logplatform.stores.files import Files
from logplatform.stores.places import Place, PostgresSchema, SqliteFile
from logplatform.stores.schema import lease

FOLDERS = (
    "landing",
    "contents",
    "datasets",
    "extracted",
    "processed",
    "error",
    "reports",
    "tickets",
    "uploads",
    "cache",
    "tmp",
    "dagster",
    "logs",
)
"""Folders that the platform makes under the data root. Databases stand beside them, one a domain and the alerts'.

`spool/` is not among them: the topics in it are a source, and may exist nowhere else."""

_KEYS = ("landing", "contents", "datasets", "reports", "error")
"""Folders of keys in an object store."""

_SCHEMA_SIZE = sa.text(
    "SELECT count(*), coalesce(sum(pg_total_relation_size(oid)), 0) FROM pg_class "
    "WHERE relnamespace = to_regnamespace(:schema) AND relkind = 'r'"
)


@dataclass(frozen=True, slots=True)
class Erasable:
    """One thing that is stored: its files and their bytes (of a folder: all below it; of a schema: its tables).

    `remove` may be stopped at any point and done again.
    """

    name: str
    files: int
    bytes: int
    remove: Callable[[], object]


def erasable(settings: Settings) -> list[Erasable]:
    """What the platform has stored, databases first: the order in which it is erased."""
    places = (database_of(settings, name) for name in DATABASES)
    folders = [settings.data_root / name for name in FOLDERS]
    found = [_database(place) for place in places if place.exists()]
    kept = [path for path in folders if path.is_dir() and any(path.iterdir())]
    found += _on_servers(settings)
    found += [Erasable(path.name, *_measured([path]), partial(_erase, path)) for path in kept]
    return found + ([] if settings.stores.files.type == "folder" else list(_objects(settings)))


def in_use(settings: Settings) -> str:
    """Who is at work on what is stored, as a sentence; empty if nobody holds a lease.

    A file that cannot be read is not in use: to erase it is the way out.
    """
    for domain in DOMAINS:
        place = database_of(settings, domain)
        if not place.exists():
            continue
        try:
            found = _live_file(place) if isinstance(place, SqliteFile) else _live_schema(place)
        except sqlite3.DatabaseError:
            continue
        if found is not None:
            return f"{domain}: {found[0]} is being worked on by {found[1]}"
    return ""


def erase(found: list[Erasable]) -> None:
    """Remove the entries, in order. The databases go first: bytes without a ledger are nothing, a ledger that speaks
    of bytes which are gone would be a lie. May be stopped at any point and done again.
    """
    for entry in found:
        entry.remove()


def _on_servers(settings: Settings) -> Iterator[Erasable]:
    """Uploads, jobs and documents that are neither in the SQL store nor in files."""
    stores, tenant = settings.stores, settings.tenant
    uploads, queue, index = stores.uploads, stores.queue, stores.index
    if uploads.type == "mongodb":
        from logplatform.stores.mongo_client import address, count_uploads, forget_uploads  # noqa: PLC0415 (an extra)

        if count := count_uploads(uploads, tenant):
            yield Erasable(f"uploads at {address(uploads.url)}", count, 0, partial(forget_uploads, uploads, tenant))
    if queue.type == "redis":
        from logplatform.stores.redis_queue import RedisJobQueue  # noqa: PLC0415 (an extra)

        jobs = RedisJobQueue(queue, tenant, utc_now)
        if count := len(jobs) + len(jobs.unreadable(1)):
            yield Erasable(f"jobs in {queue.key}", count, 0, lambda: (jobs.clear(), jobs.forget_unreadable()))

    if index.type == "elasticsearch":
        from logplatform.stores.elasticsearch_client import address as at  # noqa: PLC0415 (an extra)
        from logplatform.stores.elasticsearch_template import forget, held  # noqa: PLC0415

        count, size = held(index, tenant)
        if count:
            yield Erasable(f"documents at {at(index.url)}", count, size, partial(forget, index, tenant))


def _objects(settings: Settings) -> Iterator[Erasable]:
    files = open_files(settings.stores.files, settings.data_root)
    for folder in _KEYS:
        count, size = files.usage(folder)
        if count:
            yield Erasable(files.address(folder), count, size, partial(_remove_all, files, folder))


def _remove_all(files: Files, folder: str) -> None:
    for key in files.keys(folder):
        files.remove(key)


def _database(place: Place) -> Erasable:
    if isinstance(place, SqliteFile):
        files = _with_log(place.path)
        return Erasable(place.path.name, *_measured(files), lambda: [_erase(file) for file in files])
    with closing(place.connect()) as database, database.read() as connection:
        count, size = connection.execute(_SCHEMA_SIZE, {"schema": place.schema}).one()
    return Erasable(str(place), int(count), int(size), partial(_empty, place))


def _empty(place: PostgresSchema) -> None:
    """Remove the platform's tables and nothing else: what others have put into the schema, and it itself, stay."""
    with closing(place.connect()) as database:
        database.downgrade("base")
        with database.write() as connection:
            connection.execute(sa.text("DROP TABLE IF EXISTS alembic_version"))


def _live_file(place: SqliteFile) -> tuple[str, str] | None:
    now = utc_now().strftime("%Y-%m-%d %H:%M:%S.%f")
    with closing(sqlite3.connect(f"{place.path.absolute().as_uri()}?mode=ro", uri=True)) as connection:
        rows = connection.execute("SELECT name, holder, expires_at FROM lease").fetchall()
    return next(((name, holder) for name, holder, expires_at in rows if str(expires_at) > now), None)


def _live_schema(place: PostgresSchema) -> tuple[str, str] | None:
    query = sa.select(lease.c.name, lease.c.holder).where(lease.c.expires_at > utc_now()).limit(1)
    with closing(place.connect()) as database, database.read() as connection:
        row = connection.execute(query).first()
    return None if row is None else (row.name, row.holder)


def _erase(path: Path) -> None:
    if path.is_symlink() and path.is_dir():
        # Somebody keeps this folder on another disk: the link is theirs, what lies behind it is ours.
        for child in path.iterdir():
            _erase(child)
    elif path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _with_log(database: Path) -> list[Path]:
    # The log goes before the database: a log that is left behind would be played into the next one of that name.
    return [database.with_name(f"{database.name}{suffix}") for suffix in ("-wal", "-shm", "")]


def _measured(paths: Sequence[Path]) -> tuple[int, int]:
    """How many files, and how many bytes in them."""
    files = size = 0
    for path in paths:
        found = (Path(root, name) for root, _, names in os.walk(path) for name in names) if path.is_dir() else [path]
        for file in found:
            if file.is_file():
                files += 1
                size += file.stat().st_size
    return files, size
