"""What a run that died may have left unshown in the folders that people know.

What belongs here: remembering, on disk, which files a step is about to change, until their links are right. What does
not: the links (`views`).

A step's note is written before its first commit and removed after its links are made. A note whose lease nobody
holds is a dead step's: its files are shown by whoever comes next.
"""

import uuid
from collections.abc import Generator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import msgspec

from logplatform.archives.job import Job
from logplatform.archives.places import scratch
from logplatform.archives.views import show
from logplatform.tenancy import Tenancy

_ENDING = ".unshown"


class _Note(msgspec.Struct, frozen=True):
    """Whose files: those of a batch, or of days; `lease` is held as long as the step goes on."""

    lease: str
    batch_id: str | None
    days: tuple[date, ...]


@contextmanager
def shown_after(job: Job) -> Generator[None]:
    """Show the job's files when the context ends well; should it not, the note tells those who come after."""
    with noted(job):
        yield
        show(job.tenancy, job.found())


@contextmanager
def noted(job: Job) -> Generator[None]:
    """Note the job's files for those who come after, should the context not end well; the caller shows them."""
    note = scratch(job.tenancy) / f"{uuid.uuid4().hex}{_ENDING}"
    note.write_bytes(msgspec.json.encode(_Note(job.lease.name, job.batch_id, job.days)))
    yield
    note.unlink(missing_ok=True)


def catch_up(tenancy: Tenancy) -> None:
    """Show the files of steps that died."""
    for path in scratch(tenancy).glob(f"*{_ENDING}"):
        note = _read(path)
        if note is not None and tenancy.ledger.leases.live(note.lease):
            continue
        if note is not None:
            _show_again(tenancy, note)
        path.unlink(missing_ok=True)


def _show_again(tenancy: Tenancy, note: _Note) -> None:
    if note.batch_id is not None:
        show(tenancy, tenancy.ledger.batch(note.batch_id))
    for day in note.days:
        show(tenancy, tenancy.ledger.of_day(day))


def _read(path: Path) -> _Note | None:
    try:
        return msgspec.json.decode(path.read_bytes(), type=_Note)
    except (FileNotFoundError, msgspec.MsgspecError):
        # Gone meanwhile, or cut by a crash while it was written: then nothing was committed after it.
        return None
