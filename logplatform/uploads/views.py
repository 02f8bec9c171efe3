"""The folder `uploads/` that people know: a link for each upload, under the name it is kept by.

What belongs here: making, reading and sweeping these links. What does not: any state; the ledger is the truth.

A link leads to the landed bytes (in an object store it says their address). What other producers have put there
themselves are real files: they are adopted (`adopt`), and then a link takes their place.
"""

import os
import uuid
from contextlib import suppress
from pathlib import Path

from logplatform.failures import TransientFailure
from logplatform.stores.files import TEMPORARY, Files
from logplatform.stores.links import is_lost, target
from logplatform.stores.upload_record import UploadRecord
from logplatform.tenancy import Tenancy

FOLDER = "uploads"
"""Below the data root."""


def show(tenancy: Tenancy, record: UploadRecord) -> None:
    """Put the upload's link where it belongs; a real file that stands there stays.

    Raises TransientFailure if the disk refuses.
    """
    place = tenancy.settings.data_root / record.file_path
    if os.path.lexists(place):
        return
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        # Two may do so at once: who comes second finds it done.
        with suppress(FileExistsError):
            place.symlink_to(target(tenancy.files, record.object_key, place.parent))
    except OSError as error:
        raise TransientFailure(f"{place}: the link was not made: {error.strerror}") from error


def replace_original(tenancy: Tenancy, record: UploadRecord, original: Path, seen: os.stat_result) -> None:
    """Put the link in place of a real file whose bytes are landed, if it is the file that was `seen`."""
    place = tenancy.settings.data_root / record.file_path
    fresh = tenancy.settings.data_root / TEMPORARY / f"{uuid.uuid4().hex}.view"
    now = original.lstat()
    if (now.st_ino, now.st_size, now.st_mtime_ns) != (seen.st_ino, seen.st_size, seen.st_mtime_ns):
        return
    fresh.symlink_to(target(tenancy.files, record.object_key, place.parent))
    fresh.replace(original)


def sweep_views(files: Files, root: Path) -> int:
    """Remove links whose bytes retention has taken; return how many."""
    removed = 0
    with suppress(FileNotFoundError), os.scandir(root / FOLDER) as found:
        for entry in found:
            if entry.is_symlink() and is_lost(files, Path(entry)):
                Path(entry).unlink(missing_ok=True)
                removed += 1
    return removed
