"""Single files that a person asks for: one to collect, one to extract, failed ones to try again.

What belongs here: finding the file that is meant, and giving it to a batch of its own. What does not: the work
(`engine`), and printing (the command line).
"""

import shutil
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Literal

import sqlalchemy as sa

from logplatform.archives.places import INCOMING, both_sources, incoming_sources, label, sources_by_name
from logplatform.failures import PermanentFailure
from logplatform.landing.leases import batch_lease
from logplatform.landing.observations import ErrorKind, Observation
from logplatform.sources.base import Entry, Source
from logplatform.sources.folder import FolderSource
from logplatform.stores.schema import observation as table
from logplatform.stores.sql import chunks
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
    reopened = 0
    for chunk in chunks(choice.failed(tenancy)):
        unfetched = [found for found in chunk if found.sha256 is None]
        fetched = [found for found in chunk if found.sha256 is not None]
        with tenancy.ledger.transaction() as connection:
            tenancy.ledger.reopen(connection, unfetched, "pending")
            tenancy.ledger.reopen(connection, fetched, "copied")
        reopened += len(chunk)
    return reopened


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
    """Copy `file` into `incoming/<server>/`, recorded as seen there; raises PermanentFailure if it cannot be read."""
    target = tenancy.settings.data_root / INCOMING / server / file.name
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(f".{uuid.uuid4().hex}.part")
        shutil.copy2(file, part)
        part.rename(target)
    except OSError as error:
        raise PermanentFailure(f"{file}: {error.strerror}") from error
    (source,) = (one for one in incoming_sources(tenancy) if one.name == f"{INCOMING}/{server}")
    entry = next(entry for entry in source.list() if entry.path == file.name)
    return _observed(tenancy, source, entry)


def landed_file(tenancy: Tenancy, file: str, server: str | None) -> Observation | None:
    """The newest landed file that `file` (a path, a name, a link under the data root) means, None if there is none.

    Raises PermanentFailure if several servers have one and `server` does not tell which.
    """
    conditions = [table.c.sha256.is_not(None)]
    if server is not None:
        conditions.append(table.c.source.in_(both_sources(server)))
    path = Path(file)
    if path.is_symlink():
        conditions.append(table.c.sha256 == path.readlink().name)
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
    return path


def _observed(tenancy: Tenancy, source: Source, entry: Entry) -> Observation:
    with tenancy.ledger.transaction() as connection:
        tenancy.ledger.record(connection, source.name, [(entry, tenancy.now().astimezone(UTC).date())], None)
    seen = tenancy.ledger.versions(source.name, entry.path)
    return next(found for found in seen if found.entry == entry)
