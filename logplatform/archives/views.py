"""The folders that people know: links and notes that show where each file stands.

What belongs here: `incoming`, `extracted`, `processed` and `error/{copy,extract,quarantine}` under the data root, each
with a folder a server. What does not: any state; the ledger is the truth, and a view can always be made again from it.

A view is a relative link to the bytes (in an object store: a link that says their address); an error has a note (JSON)
beside its link: reason, attempts, first and last time, origin. A state change moves no bytes, it changes links. What
people put into these folders themselves is never touched. What a run left unshown when it died is shown by the next
one (`unshown`).
"""

import os
import uuid
from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path

import msgspec

from logplatform.archives.formats import without_ending
from logplatform.archives.places import ZSTD_ENDING, is_recompressed, label, server_of
from logplatform.failures import TransientFailure
from logplatform.landing.observations import Content, ErrorKind, Observation
from logplatform.stores.files import TEMPORARY, Files
from logplatform.stores.links import is_lost, target
from logplatform.stores.sql import chunks
from logplatform.tenancy import Tenancy

_ERROR_FOLDERS: dict[ErrorKind, str] = {
    "copy": "error/copy",
    "extract": "error/extract",
    "corruption": "error/quarantine",
}
_LEFT_AGAIN = ("incoming", *_ERROR_FOLDERS.values())
FOLDERS = ("extracted", "processed", *_LEFT_AGAIN)
"""Below the data root."""

_NAME_BYTES = 235


class ErrorNote(msgspec.Struct, frozen=True):
    """What stands beside a file that failed; times in UTC, `next_attempt` None: it is not tried again by itself."""

    server: str
    origin: str
    error_kind: str
    error_type: str
    reason: str
    attempts: int
    first_time: datetime
    last_time: datetime
    next_attempt: datetime | None
    size: int
    sha256: str | None
    observation: int


def show(tenancy: Tenancy, files: Iterable[Observation]) -> None:
    """Put the files' links and notes where their status wants them; raises TransientFailure if the disk refuses."""
    root = tenancy.settings.data_root
    try:
        for chunk in chunks(files):
            contents = tenancy.ledger.contents(found.sha256 for found in chunk if found.sha256)
            for found in chunk:
                _show(tenancy, found, contents.get(found.sha256 or ""))
    except OSError as error:
        raise TransientFailure(f"the folders under {root} cannot be written: {error}") from error


def sweep_views(files: Files, root: Path) -> int:
    """Remove links whose bytes retention has taken, with the notes beside them; return how many."""
    removed = 0
    for path in (path for folder in FOLDERS for path in _files_below(root / folder)):
        if path.is_symlink() and is_lost(files, path):
            path.unlink(missing_ok=True)
            _note(path).unlink(missing_ok=True)
            removed += 1
    return removed


def _files_below(folder: Path) -> Iterator[Path]:
    for place, _, names in os.walk(folder):
        for name in names:
            yield Path(place) / name


def _show(tenancy: Tenancy, found: Observation, content: Content | None) -> None:
    root = tenancy.settings.data_root
    wanted = dict(_wanted(found, content))
    for folder, key in wanted.items():
        ending = ZSTD_ENDING if key is not None and is_recompressed(key) else ""
        place = _place(root, folder, found, ending)
        if key is not None:
            _link(root, place, target(tenancy.files, key, place.parent))
        if folder == "extracted":
            for other in _names(root, folder, found, "" if ending else ZSTD_ENDING):
                _unlink(other, found)
        if folder in _ERROR_FOLDERS.values():
            place.parent.mkdir(parents=True, exist_ok=True)
            _replace(root, _note(place), msgspec.json.format(msgspec.json.encode(_error_note(found))))
    for folder in _LEFT_AGAIN:
        if folder not in wanted:
            for place in _names(root, folder, found):
                _take_away(place, found)


def _wanted(found: Observation, content: Content | None) -> Iterator[tuple[str, str | None]]:
    """Which folders show the file, and the key of the bytes there (None: there are none)."""
    landed = content.object_key if content is not None and content.removed_at is None else None
    if found.status == "error" and found.error_kind is not None:
        yield _ERROR_FOLDERS[found.error_kind], landed
    elif found.status == "copied" and landed is not None:
        yield "incoming", landed
    elif found.status in {"extracted", "processed"} and content is not None:
        if content.content_key is not None and content.content_removed_at is None:
            yield "extracted", content.content_key
        if found.status == "processed" and landed is not None:
            yield "processed", landed


def _names(root: Path, folder: str, found: Observation, ending: str = "") -> tuple[Path, Path]:
    """The two names under which a folder may show the file: its path, and one that tells its content too.

    `ending` is what the form of the bytes adds to both.
    """
    top = root / folder / server_of(found.source)
    parts = [part for part in found.path.split("/") if part not in {"", ".", ".."}] or ["unnamed"]
    if folder == "extracted":
        parts[-1] = without_ending(parts[-1])
    flat = "_".join(parts).encode()[:_NAME_BYTES].decode(errors="ignore")
    parts[-1] += ending
    return top.joinpath(*parts), top / f"{flat}.{(found.sha256 or f'{found.id:012}')[:12]}{ending}"


def _place(root: Path, folder: str, found: Observation, ending: str) -> Path:
    """Where a folder shows the file: under its path, or under a name of its own if something else stands there."""
    place, other = _names(root, folder, found, ending)
    return place if _is_free(place, root / folder, found) else other


def _is_free(place: Path, top: Path, found: Observation) -> bool:
    """Whether the name is usable: not too long, not in the way of a folder, nobody else's."""
    if place.is_symlink():
        return place.readlink().name == found.sha256
    parent = place.parent
    while parent != top:
        if parent.is_symlink() or parent.is_file():
            return False
        parent = parent.parent
    note = _read_note(place)
    usable = len(place.name.encode()) <= _NAME_BYTES and not place.exists()
    return usable and (note is None or note.observation == found.id)


def _link(root: Path, place: Path, wanted: str) -> None:
    if place.is_symlink() and os.readlink(place) == wanted:  # noqa: PTH115 (a Path drops a slash of s3://)
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    fresh = _fresh(root)
    fresh.symlink_to(wanted)
    fresh.replace(place)


def _take_away(place: Path, found: Observation) -> None:
    """Remove the file's link and note; whatever else stands there stays."""
    _unlink(place, found)
    note = _read_note(place)
    if note is not None and note.observation == found.id:
        _note(place).unlink(missing_ok=True)


def _unlink(place: Path, found: Observation) -> None:
    if place.is_symlink() and place.readlink().name == found.sha256:
        place.unlink(missing_ok=True)


def _fresh(root: Path) -> Path:
    """A name for what replaces something: among the temporary files, where a dead process's leavings are swept."""
    return root / TEMPORARY / f"{uuid.uuid4().hex}.view"


def _replace(root: Path, path: Path, data: bytes) -> None:
    fresh = _fresh(root)
    fresh.write_bytes(data)
    fresh.replace(path)


def _note(place: Path) -> Path:
    return place.with_name(f"{place.name}.json")


def _read_note(place: Path) -> ErrorNote | None:
    try:
        return msgspec.json.decode(_note(place).read_bytes(), type=ErrorNote)
    except (FileNotFoundError, NotADirectoryError, msgspec.MsgspecError):
        return None


def _error_note(found: Observation) -> ErrorNote:
    return ErrorNote(
        server=server_of(found.source),
        origin=label(found),
        error_kind=found.error_kind or "",
        error_type=found.error_type or "",
        reason=found.error or "",
        attempts=found.attempts,
        first_time=found.first_seen,
        last_time=found.updated,
        next_attempt=found.next_attempt_at,
        size=found.size,
        sha256=found.sha256,
        observation=found.id,
    )
