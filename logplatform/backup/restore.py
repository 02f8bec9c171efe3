"""Bringing a backup back onto an empty place.

What belongs here: what must be true before, and the order. What does not: how each part is brought back.

Rows come last: bytes without rows are nothing, rows that speak of bytes which are not there would be a lie. A note
under the data root says that a restore has begun; until it is taken away, the same restore may be done again, and goes
on where it was.
"""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from logplatform.backup.databases import bring_back
from logplatform.backup.file_list import opened_list
from logplatform.backup.folders import (
    bring_dagster_back,
    bring_folders_back,
    bring_keys_back,
    bring_spools_back,
    filled_spools,
    publish,
)
from logplatform.backup.kinds import require_same
from logplatform.backup.layout import FILES, RESTORING, TOLD_EVERY, Manifest, Progress, Target
from logplatform.backup.servers import bring_servers_back
from logplatform.backup.shown import show_again
from logplatform.backup.verify import require_whole
from logplatform.databases import DATABASES, database_of
from logplatform.erasing import erasable
from logplatform.failures import PermanentFailure
from logplatform.orchestration.storage import store_of
from logplatform.settings.model import Settings
from logplatform.stores.file_places import open_files
from logplatform.stores.files import TEMPORARY
from logplatform.stores.folders import fsync_folder
from logplatform.stores.sql import is_known

_NOTHING = {"logs", "cache", "tmp"}
_FOLDERS = ("spool", "incoming", "inbox")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a backup is brought back to."""

    settings: Settings
    dagster_home: Path

    @property
    def note(self) -> Path:
        """Says which backup is being brought back here."""
        return self.settings.data_root / RESTORING


def restore(place: Place, target: Target, backup: Path, progress: Progress) -> Manifest:
    """Bring a backup back; it is checked first, and nothing is done if it is damaged or fits not.

    Raises PermanentFailure if the place holds something that is not of this restore.
    """
    progress("checking", 0)
    manifest = require_whole(target, backup, progress)
    require_same(manifest, place.settings)
    _require_known(manifest)
    require_empty(place, manifest)
    parts = _begin(place, manifest)
    _bring_files(place, target, backup, progress)
    progress("folders", 0)
    bring_folders_back(backup, place.settings.data_root, parts)
    bring_dagster_back(backup, place.dagster_home, parts)
    bring_spools_back(place.settings, backup, parts)
    if (store := store_of(place.settings)) is not None:
        from logplatform.backup.dagster_schema import bring_dagster_schema_back  # noqa: PLC0415 (Dagster, a second)

        bring_dagster_schema_back(place.settings, store, backup)
    bring_keys_back(backup, open_files(place.settings.stores.files, place.settings.data_root))
    bring_servers_back(place.settings, backup / "servers")
    for name in DATABASES:
        if name in manifest.revisions:
            progress(f"{name}: rows", 0)
            bring_back(database_of(place.settings, name), name, backup / "databases", manifest.revisions[name], parts)
    progress("links and tables", 0)
    show_again(place.settings)
    place.note.unlink()
    fsync_folder(place.settings.data_root)
    return manifest


def require_empty(place: Place, manifest: Manifest) -> None:
    """Raise PermanentFailure, naming what is there, unless the place is empty or this restore has begun there."""
    with suppress(FileNotFoundError):
        begun = place.note.read_text()
        if begun != manifest.id:
            raise PermanentFailure(
                f"{place.settings.data_root}: the restore of another backup ({begun}) has begun here and not ended; "
                "do it again, or empty the place"
            )
        return
    there = [it.name for it in erasable(place.settings) if it.name not in _NOTHING]
    root = place.settings.data_root
    there += [name for name in _FOLDERS if (root / name).is_dir() and any((root / name).iterdir())]
    there += filled_spools(place.settings)
    if (store := store_of(place.settings)) is not None:
        from logplatform.backup.dagster_schema import any_runs  # noqa: PLC0415 (Dagster, a second)

        there += ["runs of Dagster (dagster.storage)"] if any_runs(store) else []
    if there:
        raise PermanentFailure(
            f"a restore needs an empty place, and {root} or its stores hold {', '.join(there)}; name another "
            "data_root, or make it empty (`logplatform reset`)"
        )


def _require_known(manifest: Manifest) -> None:
    for name, revision in manifest.revisions.items():
        if not is_known(revision):
            raise PermanentFailure(
                f"{name} was saved with schema {revision} by logplatform {manifest.version}, which is newer; upgrade "
                "logplatform first"
            )


def _begin(place: Place, manifest: Manifest) -> Path:
    parts = place.settings.data_root / TEMPORARY
    parts.mkdir(parents=True, exist_ok=True)
    fresh = parts / RESTORING
    fresh.write_text(manifest.id)
    fresh.rename(place.note)
    fsync_folder(place.settings.data_root)
    return parts


def _bring_files(place: Place, target: Target, backup: Path, progress: Progress) -> None:
    files = open_files(place.settings.stores.files, place.settings.data_root)
    with opened_list(backup / FILES) as listed:
        for count, one in enumerate(listed.all(), start=1):
            # What is there is whole, and of this restore.
            if not files.exists(one.key):
                publish(files, one.key, target.files / one.key)
            if count % TOLD_EVERY == 0:
                progress("files", count)
