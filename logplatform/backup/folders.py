"""What the platform owns in folders of its own that no ledger tells of: inboxes, spools, Dagster's files, reports.

What belongs here: which folders, in and out of a backup. What does not: databases of domains, and files with keys
that never change.
"""

from collections.abc import Iterator
from pathlib import Path

from logplatform.backup.copying import copy_own, give_file, real_files
from logplatform.backup.sqlite_files import SIDE_FILES, is_database, save
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


def bring_folders_back(backup: Path, root: Path, parts: Path) -> Iterator[Path]:
    """Copy the folders back, with the files' times; yields what was copied."""
    yield from _copied(backup / "folders", root, parts)


def bring_dagster_back(backup: Path, home: Path, parts: Path) -> Iterator[Path]:
    """Copy Dagster's home back."""
    yield from _copied(backup / "dagster", home, parts)


def bring_keys_back(backup: Path, files: Files) -> Iterator[str]:
    """Publish the files of KEYS again."""
    for path in real_files(backup / "objects"):
        yield publish(files, str(path.relative_to(backup / "objects")), path)


def publish(files: Files, key: str, path: Path) -> str:
    """Publish a file of a backup under its key."""
    with path.open("rb") as reader, files.part() as part:
        while block := reader.read(1 << 20):
            part.write(block)
        part.publish(key)
    return key


def _copied(source: Path, target: Path, parts: Path) -> Iterator[Path]:
    for path in real_files(source):
        place = target / path.relative_to(source)
        give_file(path, place, parts)
        yield place
