"""`logplatform uploads add|queue|list|retry|tidy`: files in, and what became of them.

What belongs here: reading arguments and printing. What does not: receiving (`uploads.intake`), the worker
(`upload_work`).
"""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click

from logplatform.cli.output import print_json, print_table
from logplatform.cli.session import Session, pass_session
from logplatform.failures import PermanentFailure
from logplatform.stores.job_queue import UnreadableJob
from logplatform.stores.upload_record import UploadRecord
from logplatform.uploads.intake import Received, receive
from logplatform.uploads.reading import chunks_of
from logplatform.uploads.room import UploadRoom, open_uploads
from logplatform.uploads.upkeep import tidy

_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_RAW_BYTES = 200
_limit = click.option("--limit", type=click.IntRange(1, 10_000), default=20, show_default=True, help="At most so many.")


@click.command("add")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True, dir_okay=False))
@_json
@pass_session
@click.pass_context
def add(context: click.Context, session: Session, files: Sequence[Path], as_json: bool) -> None:
    """Take files in, as an upload over HTTP does; `uploads work` then makes them searchable.

    Exit code 0: all were taken (a file whose bytes are known already, too); 1: some were refused.
    """
    with open_uploads(session.settings) as room:
        found = [(file, _receive(room, file)) for file in files]
    if as_json:
        print_json([_told(file, received) for file, received in found])
    else:
        for file, received in found:
            click.echo(f"{file}: {_line(received)}")
    context.exit(1 if any(received.error for _, received in found) else 0)


@click.command("queue")
@click.argument("action", type=click.Choice(["list", "clear"]), default="list")
@_limit
@_json
@pass_session
def queue(session: Session, action: str, limit: int, as_json: bool) -> None:
    """Show the jobs that wait, and what was pushed that is none; or clear all of it.

    Uploads whose jobs are cleared stay pending, and the next worker queues them again.
    """
    with open_uploads(session.settings) as room:
        if action == "clear":
            removed = room.queue.clear() + room.queue.forget_unreadable()
            print_json({"removed": removed}) if as_json else click.echo(f"{removed} jobs removed.")
            return
        jobs, length, unreadable = room.queue.waiting(limit), len(room.queue), room.queue.unreadable(limit)
    rows = [{"job_id": job.job_id, "created_at": job.created_at, "claims": job.claims} for job in jobs]
    if as_json:
        print_json({"length": length, "jobs": rows, "unreadable": [_unreadable(job) for job in unreadable]})
    else:
        print_table(f"{length} jobs", ("job", "created", "claimed"), [tuple(row.values()) for row in rows])
        if unreadable:
            told = [tuple(_unreadable(job).values()) for job in unreadable]
            print_table("No jobs, and set aside", ("pushed", "reason", "what it is"), told)


@click.command("list")
@_limit
@_json
@pass_session
def list_command(session: Session, limit: int, as_json: bool) -> None:
    """The newest uploads and what became of them."""
    with open_uploads(session.settings) as room:
        records = room.uploads.recent(limit)
    rows = [
        {
            "job_id": one.job_id,
            "filename": one.filename,
            "file_path": one.file_path,
            "status": one.status,
            "total_lines": one.total_lines,
            "documents": one.documents,
            "dead_letters": one.dead_letters,
            "uploaded_at": one.uploaded_at,
            "duplicate_of": one.duplicate_of,
            "error_message": one.error_message,
        }
        for one in records
    ]
    if as_json:
        print_json(rows)
    else:
        columns = ("job", "file", "status", "records", "documents", "dead letters", "uploaded", "same as", "error")
        shown = ((value for name, value in row.items() if name != "file_path") for row in rows)
        print_table("Uploads", columns, [tuple(values) for values in shown])


@click.command("retry")
@click.argument("job")
@pass_session
def retry(session: Session, job: str) -> None:
    """Ingest the failed upload JOB again."""
    with open_uploads(session.settings) as room:
        _refuse(job, room.uploads.get(job), room)
        status = room.uploads.retry(job)
        if status == "pending":
            room.queue.push(job)
    click.echo(f"{job} is queued again." if status == "pending" else f"{job}: the same bytes were sent again since.")


def _unreadable(job: UnreadableJob) -> dict[str, object]:
    return {"at": job.at, "reason": job.reason, "raw": job.raw[:_RAW_BYTES].decode(errors="replace")}


def _refuse(job: str, record: UploadRecord | None, room: UploadRoom) -> None:
    """Raise PermanentFailure for an upload that cannot be ingested again, with the reason."""
    if record is None:
        raise PermanentFailure(f"{job}: no such upload")
    if record.status != "failed":
        raise PermanentFailure(f"{job}: is {record.status}, not failed")
    if not record.object_key:
        raise PermanentFailure(f"{job}: nothing of it was taken ({record.error_message}); send the file again")
    if not room.tenancy.files.exists(record.object_key):
        raise PermanentFailure(f"{job}: retention has removed its bytes; send the file again")


@click.command("tidy")
@_json
@pass_session
def tidy_command(session: Session, as_json: bool) -> None:
    """Merge small files of the index, remove event days that are too old (index_days), free their disk space."""
    with open_uploads(session.settings) as room:
        done = tidy(room, session.settings.uploads.index_days)
    if as_json:
        print_json(asdict(done))
    else:
        click.echo(f"{done.merged_days} days merged, {done.expired_files} files too old, {done.swept_files} removed.")


def _receive(room: UploadRoom, file: Path) -> Received:
    try:
        with file.open("rb") as stream:
            return receive(room, file.name, chunks_of(stream))
    except OSError as error:
        raise PermanentFailure(f"{file}: {error.strerror}") from error


def _told(file: Path, received: Received) -> dict[str, object]:
    record = received.record
    if record is None:
        return {"file": str(file), "success": False, "error": received.error}
    return {
        "file": str(file),
        "success": True,
        "job_id": record.job_id,
        "file_id": record.file_id,
        "total_lines": record.total_lines,
        "status": record.status,
        "duplicate_of": record.duplicate_of,
    }


def _line(received: Received) -> str:
    record = received.record
    if record is None:
        return f"refused: {received.error}"
    if record.duplicate_of:
        return f"the same bytes as job {record.duplicate_of}: nothing to do"
    return f"{record.total_lines} records, job {record.job_id}"
