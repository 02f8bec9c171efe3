"""Taking a backup while everything runs.

What belongs here: the order, which keeps every reference valid. What does not: how each part is saved.

What people put in comes first: a file that is taken in meanwhile is in the backup twice, and known by its content.
Dagster comes before the domains: what it tells as materialized is then committed in their databases. Each database is
saved as of one moment, then the files that its rows speak of. Where retention or compaction has removed one of these
meanwhile, that domain is saved again. Spools come after the offsets that are committed in a database.
"""

import shutil
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path

from logplatform.backup.copying import copy_own, sha256_of, take_file
from logplatform.backup.databases import snapshot
from logplatform.backup.file_list import FileList, new_list
from logplatform.backup.folders import INBOXES, SPOOLS, save_dagster, save_folders, save_keys, save_spools
from logplatform.backup.kinds import kinds_of
from logplatform.backup.layout import FILES, OWN, TOLD_EVERY, Manifest, Progress, Target, new_id, seal
from logplatform.backup.references import referenced, still_promised
from logplatform.backup.servers import freezing
from logplatform.backup.verify import write_own
from logplatform.databases import DATABASES, DatabaseName, database_of
from logplatform.failures import TransientFailure
from logplatform.landing.leases import utc_now
from logplatform.orchestration.storage import store_of
from logplatform.settings.model import Settings
from logplatform.stores.file_places import open_files
from logplatform.stores.files import Files
from logplatform.stores.places import Place
from logplatform.stores.sql import chunks, head

_TRIES = 5
_MISSING_TOLD = 100
_CHECKED_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Sources:
    """What is saved: the settings, the file they were read from, further files with secrets, Dagster's home."""

    settings: Settings
    dagster_home: Path
    settings_files: tuple[Path, ...] = ()

    @property
    def files(self) -> Files:
        """The platform's files."""
        return open_files(self.settings.stores.files, self.settings.data_root)


def take(sources: Sources, target: Target, progress: Progress, now: Callable[[], datetime] = utc_now) -> Manifest:
    """Make a new backup in `target`, the newest when this returns.

    Raises TransientFailure if another is being made there, if a store cannot be reached, or if files go faster than
    they can be saved.
    """
    began = now()
    name = new_id(began)
    with target.making(name) as work, new_list(work / FILES) as wanted:
        # Not before: the newest one of a moment ago may have been followed and dropped.
        former = target.newest()
        if former is not None:
            wanted.learn(former / FILES)
        missing = _save_all(sources, target, work, wanted, former, progress)
        count, size = wanted.sums()
        wanted.finish()
        progress("checksums", 0)
        lists = {OWN: write_own(work), FILES: sha256_of(work / FILES)}
        manifest = Manifest(
            id=name,
            made_at=began,
            version=version("logplatform"),
            tenant=sources.settings.tenant,
            stores=kinds_of(sources.settings),
            revisions={one: head() or "" for one in DATABASES if database_of(sources.settings, one).exists()},
            missing=missing,
            lists=lists,
            files=count,
            bytes=size,
            dagster=version("dagster"),
        )
        seal(work, manifest)
    return manifest


def _save_all(
    sources: Sources, target: Target, work: Path, wanted: FileList, former: Path | None, progress: Progress
) -> list[str]:
    root = sources.settings.data_root
    for path in sources.settings_files:
        copy_own(path, work / "settings" / path.name, None)
    progress("inboxes", 0)
    save_folders(root, INBOXES, work, former)
    progress("dagster", 0)
    save_dagster(sources.dagster_home, work, former)
    if (store := store_of(sources.settings)) is not None:
        from logplatform.backup.dagster_schema import save_dagster_schema  # noqa: PLC0415 (Dagster, a second)

        save_dagster_schema(store, work)
    missing: list[str] = []
    for name in DATABASES:
        missing += _save_domain(sources, target, work, wanted, name, progress)
    progress("spools", 0)
    save_folders(root, SPOOLS, work, former)
    save_spools(sources.settings, work, former)
    save_keys(sources.files, work)
    return missing[:_MISSING_TOLD]


def _save_domain(
    sources: Sources, target: Target, work: Path, wanted: FileList, name: DatabaseName, progress: Progress
) -> list[str]:
    """Save a database and its files; returns the keys of files that its rows speak of and nobody has."""
    place = database_of(sources.settings, name)
    if not place.exists():
        return []
    place.open().close()
    for _ in range(_TRIES):
        progress(f"{name}: rows", 0)
        _forget(work, wanted, name)
        with (
            freezing(sources.settings, name, place, work / "servers") as frozen,
            snapshot(place, name, work / "databases", frozen.moment) as connection,
        ):
            wanted.want(name, referenced(connection))
            frozen.save()
        gone = _fetch(sources.files, target, wanted, name, progress)
        lost = _still_promised(place, gone)
        if len(lost) == len(gone):
            wanted.drop(gone)
            return sorted(lost)
    raise TransientFailure(f"{name}: files go faster than they can be saved; try again when less is going on")


def _forget(work: Path, wanted: FileList, name: DatabaseName) -> None:
    """Drop what an earlier try has saved of a domain's rows."""
    wanted.forget(name)
    (work / "databases" / f"{name}.db").unlink(missing_ok=True)
    shutil.rmtree(work / "databases" / name, ignore_errors=True)


def _fetch(files: Files, target: Target, wanted: FileList, name: DatabaseName, progress: Progress) -> list[str]:
    """Bring a domain's files into the target; the keys of those that are not there."""
    gone: list[str] = []
    for count, key in enumerate(wanted.open_ones(name), start=1):
        try:
            wanted.have(key, *_fetched(files, target, wanted, key))
        except FileNotFoundError:
            gone.append(key)
        if count % TOLD_EVERY == 0:
            progress(f"{name}: files", count)
    return gone


def _fetched(files: Files, target: Target, wanted: FileList, key: str) -> tuple[int, str]:
    """Size and sha256 of a file, which is in the target then."""
    place, known = target.files / key, wanted.known(key)
    if place.is_file() and known is not None and known[0] == place.stat().st_size:
        return known
    if not place.is_file():
        take_file(files, key, place, target.parts)
    return place.stat().st_size, sha256_of(place)


def _still_promised(place: Place, keys: list[str]) -> set[str]:
    """Those of the keys that the rows promise now: they are lost, the others were removed since the rows were saved."""
    found: set[str] = set()
    with closing(place.connect()) as database:
        for chunk in chunks(keys, _CHECKED_AT_ONCE):
            with database.read() as connection:
                found |= still_promised(connection, chunk)
    return found
