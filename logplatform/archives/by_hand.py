"""Single files that a person asks for: one to collect, one to extract, failed ones to try again.

What belongs here: finding the file that is meant, and giving it to a batch of its own. What does not: the work
(`engine`), and printing (the command line).
"""

import hashlib
import os
import shutil
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal

import sqlalchemy as sa

from logplatform.archives.places import INCOMING, both_sources, incoming_source, label, sources_by_name
from logplatform.failures import PermanentFailure
from logplatform.landing.leases import batch_lease
from logplatform.landing.observations import ErrorKind, Observation
from logplatform.sources.base import Entry, Source, held_mtime
from logplatform.sources.folder import FolderSource
from logplatform.sources.names import name_text
from logplatform.sources.remote import RemoteSource
from logplatform.stores.schema import observation as table
from logplatform.tenancy import Tenancy

RecoverType = Literal["copy", "extract", "quarantine"]
RECOVER_TYPES: dict[RecoverType, ErrorKind] = {"copy": "copy", "extract": "extract", "quarantine": "corruption"}


@dataclass(frozen=True, slots=True)
class Choice:
    """Which failed files are meant; what is None does not matter. `file` is a path, a name, or a shell pattern."""

    error_type: RecoverType | None = None
    server: str | None = None
    file: str | None = None

    def failed(self, tenancy: Tenancy) -> Iterator[Observation]:
        """They, one by one."""
        conditions = [table.c.status == "error"]
        if self.error_type is not None:
            conditions.append(table.c.error_kind == RECOVER_TYPES[self.error_type])
        if self.server is not None:
            conditions.append(table.c.source.in_(both_sources(self.server)))
        for found in tenancy.ledger.find(*conditions):
            if self.file is None or _is_meant(found, self.file):
                yield found


def _is_meant(found: Observation, file: str) -> bool:
    return file in {found.path, found.name} or fnmatchcase(found.path, file)


def reopen_failed(tenancy: Tenancy, choice: Choice) -> int:
    """Give failed files a new set of attempts, from the step that failed; return how many.

    Nothing is removed: what fails again is in error again, with its bytes.
    """
    return tenancy.ledger.reopen_failed(choice.failed(tenancy))


def take(tenancy: Tenancy, server: str, remote_path: str) -> Observation:
    """The file `remote_path` (relative to its source, or absolute) of `server`, recorded as seen.

    Raises PermanentFailure if there is no such server or file, Unreachable if the source cannot be listed.
    """
    source = sources_by_name(tenancy).get(server)
    if source is None:
        known = ", ".join(sorted(sources_by_name(tenancy))) or "none"
        raise PermanentFailure(f"there is no server {server} in the settings (known: {known})")
    wanted = _relative(source, remote_path)
    entry = next((entry for entry in source.list() if entry.path == wanted), None)
    if entry is None:
        raise PermanentFailure(f"{server}: {remote_path}: there is no such file (or no pattern of the source takes it)")
    return _observed(tenancy, source, entry)


def drop(tenancy: Tenancy, server: str, file: Path) -> Observation:
    """Copy `file` into `incoming/<server>/`, recorded as seen there.

    Raises PermanentFailure if it cannot be read, if a name would be hidden or lead out of that folder, or if another
    file waits there under the same name.
    """
    if not server or "/" in server or server.startswith("."):
        raise PermanentFailure(f"{server!r} can be no server's name")
    if file.name.startswith("."):
        raise PermanentFailure(f"{file}: hidden files are not taken: give it another name")
    folder = tenancy.settings.data_root / INCOMING / server
    part = folder / f".{uuid.uuid4().hex}.part"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        shutil.copy2(file, part)
        entry = _entry(part, file.name)
        _give_name(part, folder / file.name, entry)
    except OSError as error:
        raise PermanentFailure(f"{file}: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)
    return _observed(tenancy, incoming_source(folder), entry)


def _entry(path: Path, name: str) -> Entry:
    status = path.stat()
    return Entry(name_text(name), status.st_size, held_mtime(status.st_mtime_ns))


def _give_name(part: Path, target: Path, entry: Entry) -> None:
    """Let `part` stand under `target` too, where nothing else does; a file that is the same already may stay."""
    try:
        os.link(part, target)
    except FileExistsError as error:
        if target.is_symlink() or _entry(target, target.name) != entry:
            raise PermanentFailure(
                f"{target} is there already and waits: `logplatform archives run` takes it; then try again"
            ) from error


def landed_file(tenancy: Tenancy, file: str, server: str | None) -> Observation | None:
    """The newest landed file that `file` means, None if there is none.

    A link under the data root tells by what it leads to, a file on this machine by its bytes, anything else by its
    path or name at its server. Raises PermanentFailure if several servers have one and `server` does not tell which,
    or if the file here cannot be read.
    """
    conditions = [table.c.sha256.is_not(None)]
    if server is not None:
        conditions.append(table.c.source.in_(both_sources(server)))
    path = Path(file)
    if path.is_symlink():
        conditions.append(table.c.sha256 == path.readlink().name)
    elif path.is_file():
        # Another file may have this name at its server: only the bytes tell that it is this one.
        conditions.append(table.c.sha256 == _digest(path))
    else:
        conditions.append(
            sa.or_(table.c.path == file, table.c.path == path.name, table.c.path.endswith(f"/{path.name}"))
        )
    newest: dict[str, Observation] = {}
    for found in tenancy.ledger.find(*conditions):
        newest[found.source] = found
    if len(newest) > 1:
        named = ", ".join(sorted(label(found) for found in newest.values()))
        raise PermanentFailure(f"{file} is on several servers: name one ({named})")
    return next(iter(newest.values()), None)


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as reader:
            return hashlib.file_digest(reader, "sha256").hexdigest()
    except OSError as error:
        raise PermanentFailure(f"{path}: {error.strerror}") from error


def own_batch(tenancy: Tenancy, found: Observation, what: str) -> str:
    """Put one file into a batch of its own; raises PermanentFailure while a run works on it."""
    if found.batch_id is not None and tenancy.ledger.leases.live(batch_lease(found.batch_id)):
        raise PermanentFailure(f"{label(found)} is being worked on by the run of batch {found.batch_id}")
    batch_id = f"{what}-{uuid.uuid4().hex[:12]}"
    with tenancy.ledger.transaction() as connection:
        tenancy.ledger.assign(connection, [found.id], batch_id)
    return batch_id


def _relative(source: Source, path: str) -> str:
    if (
        isinstance(source, FolderSource)
        and Path(path).is_absolute()
        and Path(path).is_relative_to(source.root.absolute())
    ):
        return Path(path).relative_to(source.root.absolute()).as_posix()
    if isinstance(source, RemoteSource):
        return source.relative(path)
    return path


def _observed(tenancy: Tenancy, source: Source, entry: Entry) -> Observation:
    with tenancy.ledger.transaction() as connection:
        tenancy.ledger.record(connection, source.name, [(entry, tenancy.now().astimezone(UTC).date())], None)
    seen = tenancy.ledger.versions(source.name, entry.path)
    return next(found for found in seen if found.entry == entry)
