"""What the platform owns in folders of its own that no ledger tells of: inboxes, spools, Dagster's files, reports.

What belongs here: which folders, in and out of a backup. What does not: databases of domains, and files with keys
that never change.
"""

from collections.abc import Iterator
from pathlib import Path

from logplatform.backup.copying import copy_own, give_file, real_files
from logplatform.backup.sqlite_files import SIDE_FILES, is_database, save
from logplatform.settings.model import Settings
from logplatform.settings.tickets import SpoolTopic
from logplatform.stores.files import Files

INBOXES = ("incoming", "inbox", "uploads")
"""What people and other producers have put there themselves; links are views, and are made again."""
SPOOLS = ("spool",)
KEYS = ("reports", "error/uploads")
"""Keys that may be published again with other bytes, or that no row names."""

_NO_RUN = {".lock"}
_LAST = ("index.db", "runs.db", "schedules.db")


def save_folders(root: Path, names: tuple[str, ...], work: Path, former: Path | None) -> None:
    """Copy the real files of folders below `root`; what has not changed since the former backup is linked to it."""
    for name in names:
        for path in real_files(root / name):
            place = Path("folders") / path.relative_to(root)
            copy_own(path, work / place, former and former / place)


def save_keys(files: Files, work: Path) -> None:
    """Copy the files below KEYS."""
    for prefix in KEYS:
        for key in files.keys(prefix):
            target = work / "objects" / key
            target.parent.mkdir(parents=True, exist_ok=True)
            try:
                with files.open(key) as reader, target.open("wb") as writer:
                    while block := reader.read(1 << 20):
                        writer.write(block)
            except FileNotFoundError:
                target.unlink(missing_ok=True)


def save_spools(settings: Settings, work: Path, former: Path | None) -> None:
    """Copy the topics of spools that are elsewhere than under the data root."""
    for place, folder in _spools(settings):
        for path in real_files(folder):
            where = Path("spools") / place / path.relative_to(folder)
            copy_own(path, work / where, former and former / where)


def filled_spools(settings: Settings) -> list[str]:
    """Those of them that hold something, as people call them."""
    return [f"the topic {folder}" for _, folder in _spools(settings) if any(real_files(folder))]


def bring_spools_back(settings: Settings, backup: Path, parts: Path) -> None:
    """Copy them back to where the settings have them now."""
    for place, folder in _spools(settings):
        _bring(backup / "spools" / place, folder, parts)


def _spools(settings: Settings) -> Iterator[tuple[str, Path]]:
    for source in settings.tickets.topics:
        if isinstance(source, SpoolTopic) and source.path is not None:
            for topic in (source.topic, source.refused):
                yield f"{source.name}/{topic}", source.path / topic


def save_dagster(home: Path, work: Path, former: Path | None) -> None:
    """Save Dagster's home: databases as of one moment each, other files as they are.

    What tells of a run's end is saved after its events, so that no event is told that was not saved.
    """
    paths = sorted(real_files(home), key=lambda path: _LAST.index(path.name) if path.name in _LAST else -1)
    for path in paths:
        if path.name in _NO_RUN or path.name.endswith(SIDE_FILES):
            continue
        place = Path("dagster") / path.relative_to(home)
        if path.suffix == ".db" and is_database(path):
            save(path, work / place)
        else:
            copy_own(path, work / place, former and former / place)


def bring_folders_back(backup: Path, root: Path, parts: Path) -> None:
    """Copy the folders back, with the files' times."""
    _bring(backup / "folders", root, parts)


def bring_dagster_back(backup: Path, home: Path, parts: Path) -> None:
    """Copy Dagster's home back."""
    _bring(backup / "dagster", home, parts)


def bring_keys_back(backup: Path, files: Files) -> None:
    """Publish the files of KEYS again."""
    for path in real_files(backup / "objects"):
        publish(files, str(path.relative_to(backup / "objects")), path)


def publish(files: Files, key: str, path: Path) -> None:
    """Publish a file of a backup under its key."""
    with path.open("rb") as reader, files.part() as part:
        while block := reader.read(1 << 20):
            part.write(block)
        part.publish(key)


def _bring(source: Path, target: Path, parts: Path) -> None:
    for path in real_files(source):
        give_file(path, target / path.relative_to(source), parts)
