"""Checking that a backup is what was written: every byte of it.

What belongs here: the list of a backup's own files, and comparing. What does not: making and bringing back.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from logplatform.backup.copying import real_files, sha256_of
from logplatform.backup.file_list import opened_list
from logplatform.backup.layout import (
    FILES,
    MANIFEST,
    OWN,
    SEAL,
    TOLD_EVERY,
    Manifest,
    OwnFile,
    Progress,
    Target,
    read_manifest,
)
from logplatform.failures import PermanentFailure

_NOT_LISTED = {MANIFEST, SEAL, OWN, FILES}


@dataclass(frozen=True, slots=True)
class Fault:
    """A file of a backup that is not what was written, and how."""

    path: str
    what: str


def write_own(work: Path) -> str:
    """List the files of a backup's folder; returns the list's sha256."""
    listed = sorted(str(path.relative_to(work)) for path in real_files(work))
    with (work / OWN).open("wb") as file:
        for name in listed:
            if name not in _NOT_LISTED:
                path = work / name
                file.write(msgspec.json.encode(OwnFile(name, path.stat().st_size, sha256_of(path))) + b"\n")
    return sha256_of(work / OWN)


def verify(target: Target, backup: Path, progress: Progress) -> Iterator[Fault]:
    """Read the whole backup; what is damaged or missing, as it is found. PermanentFailure as `check_lists`."""
    check_lists(backup)
    for one in own_files(backup):
        yield from _fault(backup / one.path, one.path, one.bytes, one.sha256)
    with opened_list(backup / FILES) as listed:
        for count, one in enumerate(listed.all(), start=1):
            yield from _fault(target.files / one.key, f"files/{one.key}", one.bytes or 0, one.sha256 or "")
            if count % TOLD_EVERY == 0:
                progress("files checked", count)


def check_lists(backup: Path) -> None:
    """PermanentFailure if the manifest of a backup, or a list of its files, is not what was written."""
    for name, digest in read_manifest(backup).lists.items():
        path = backup / name
        if not path.is_file() or sha256_of(path) != digest:
            raise PermanentFailure(f"{path} is damaged: it is not what was written")


def require_whole(target: Target, backup: Path, progress: Progress) -> Manifest:
    """The manifest of a backup that is whole; PermanentFailure that names what is not."""
    faults = list(_first(verify(target, backup, progress), 20))
    if faults:
        told = "; ".join(f"{fault.path} {fault.what}" for fault in faults)
        raise PermanentFailure(f"{backup} is damaged, nothing was restored: {told}")
    return read_manifest(backup)


def own_files(backup: Path) -> Iterator[OwnFile]:
    """The files of a backup's folder, as they were listed."""
    with (backup / OWN).open("rb") as file:
        for line in file:
            yield msgspec.json.decode(line, type=OwnFile)


def _fault(path: Path, name: str, size: int, digest: str) -> Iterator[Fault]:
    if not path.is_file():
        yield Fault(name, "is missing")
    elif path.stat().st_size != size:
        yield Fault(name, f"has {path.stat().st_size} bytes, not {size}")
    elif sha256_of(path) != digest:
        yield Fault(name, "has other bytes than were written")


def _first(faults: Iterator[Fault], most: int) -> Iterator[Fault]:
    for _, fault in zip(range(most), faults, strict=False):
        yield fault
