"""`logplatform uploads work`: the worker as a command.

What belongs here: signals, arguments, printing, and telling Dagster. What does not: the work (`uploads.worker`).
"""

import atexit
import gc
import uuid
from contextlib import nullcontext

import click

from logplatform.cli.output import print_json
from logplatform.cli.session import Session, pass_session
from logplatform.cli.stopping import until_stopped
from logplatform.orchestration.discovery import look
from logplatform.orchestration.telling import tell_dagster
from logplatform.stores.upload_record import UploadRecord
from logplatform.uploads.chores import Chores
from logplatform.uploads.inbox import watched
from logplatform.uploads.room import UploadRoom, open_uploads
from logplatform.uploads.worker import Chore, announced, work

_TELL_SECONDS = 10.0
_TELL_BUDGET_SECONDS = 5.0
_LOOK_SECONDS = 5.0


@click.command("work")
@click.option("--once", is_flag=True, help="End when no job can be had.")
@click.option("--jobs", type=click.IntRange(1, 64), help="Jobs at the same time; left out: uploads.parallel_jobs.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
@pass_session
@click.pass_context
def work_command(context: click.Context, session: Session, once: bool, jobs: int | None, as_json: bool) -> None:
    """Ingest what was uploaded: validate every record, enrich it, index it; look into the inboxes, too.

    SIGTERM and Ctrl-C end it: a job that is nearly done is finished, one that takes longer is handed back with nothing
    done. A killed worker loses and doubles nothing. Any number of workers may run at once, beside `logplatform up`,
    whose sensor leaves the queue to them.

    Exit code 0: all jobs went well; 1: some failed.
    """
    counts: dict[str, int] = {}
    run_id = f"worker-{uuid.uuid4().hex}"
    parallel = jobs or session.settings.uploads.parallel_jobs
    with until_stopped() as stop, open_uploads(session.ready_for(["uploads"])) as room:
        # All that is loaded by now stays: not looking at it again saves a sixth of the work on a file.
        gc.freeze()
        atexit.register(gc.unfreeze)
        chores = [
            *Chores(room, run_id).all(),
            Chore(_TELL_SECONDS, lambda: tell_dagster(room.tenancy, _TELL_BUDGET_SECONDS)),
        ]
        with nullcontext() if once else announced(room.tenancy, run_id):
            for job_id, outcome in work(room, run_id, stop.is_set, once=once, parallel=parallel, chores=chores):
                counts[outcome] = counts.get(outcome, 0) + 1
                if not as_json:
                    click.echo(f"{job_id} {outcome}{_result(room.uploads.get(job_id))}")
        Chores(room, run_id).derive()
        tell_dagster(room.tenancy, _TELL_BUDGET_SECONDS)
        settling = _settling(room) if once else None
    if as_json:
        print_json(counts)
    elif settling or not counts:
        click.echo(settling or "Nothing to do.")
    context.exit(1 if counts.keys() & {"failed", "retry"} else 0)


def _settling(room: UploadRoom) -> str | None:
    """What the inboxes hold that may still grow: who asks once would take them for forgotten."""
    count = look(room.tenancy.ledger, watched(room.tenancy), _LOOK_SECONDS).left["growing"]
    if not count:
        return None
    files = "1 file" if count == 1 else f"{count} files"
    seconds = room.tenancy.settings.uploads.settle_seconds
    return f"{files} in the inboxes changed less than {seconds:g} s ago (uploads.settle_seconds): try again then."


def _result(record: UploadRecord | None) -> str:
    if record is None:
        return ""
    if record.processed:
        return f": {record.filename}, {record.documents} documents, {record.dead_letters} dead letters"
    return f": {record.filename}" + (f": {record.error_message}" if record.error_message else "")
