"""What the commands of `logplatform archives` do: on the Dagster instance, or reported to it.

What belongs here: running jobs and steps for a command and counting what came of it. What does not: printing
(`archives_output`), and the work itself (`logplatform.archives`).
"""

import uuid
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from logplatform.archives.by_hand import Choice, drop, landed_file, own_batch, reopen_failed, take
from logplatform.archives.deliver import events_dataset
from logplatform.archives.engine import collect_step, deliver_step, unpack_step
from logplatform.archives.job import batch_job
from logplatform.archives.measures import arrows
from logplatform.archives.places import label
from logplatform.archives.sensors import watched
from logplatform.cli.archives_output import SHOWN_FAILURES, FailedFile, Outcome
from logplatform.cli.archives_progress import files_bar
from logplatform.definitions import build_defs
from logplatform.failures import PermanentFailure
from logplatform.landing.observations import Observation
from logplatform.orchestration.discovery import Watched
from logplatform.orchestration.drain import Drained, drain
from logplatform.orchestration.figures import Arrow
from logplatform.orchestration.home import opened_instance
from logplatform.orchestration.reconcile import reconcile
from logplatform.orchestration.runs import Ran
from logplatform.settings.model import Settings
from logplatform.stores.schema import observation as table
from logplatform.tenancy import Tenancy, open_tenancy


def drained(settings: Settings, *, incoming: bool) -> Outcome:
    """Look at every server, then run what is new and due to its end."""
    with open_tenancy(settings, "archives") as tenancy:
        began = tenancy.now()
        done = _drain(settings, tenancy, watched(tenancy, incoming=incoming), began)
        looked = Counter[str]()
        for found in done.found:
            looked.update({"listed": found.listed, "new": found.new, "known": found.known, **found.left})
        outcome = _outcome(tenancy, began, problems=_problems(done.ran))
        return replace(outcome, looked=dict(looked), unreachable=done.unreachable)


def recovered(settings: Settings, choice: Choice) -> Outcome:
    """Reopen failed files and run them; an outcome without files means that there were none."""
    with open_tenancy(settings, "archives") as tenancy:
        began = tenancy.now()
        reopened = reopen_failed(tenancy, choice)
        done = _drain(settings, tenancy, [], began) if reopened else Drained((), ())
        outcome = _outcome(tenancy, began, problems=_problems(done.ran))
        return replace(outcome, looked={"failed before": reopened})


def collected(settings: Settings, server: str, remote_path: str) -> Outcome:
    """Fetch one file; what is here already is told as it stands."""
    with open_tenancy(settings, "archives") as tenancy:
        began = tenancy.now()
        found = take(tenancy, server, remote_path)
        if found.sha256 is None:
            batch_id = own_batch(tenancy, found, "collect")
            with batch_job(tenancy, batch_id, _run_id()) as job:
                list(collect_step(job))
            _report(settings, tenancy)
        return _outcome(tenancy, began, [found])


def extracted(settings: Settings, file: str, server: str | None) -> Outcome:
    """Extract and parse one landed file (one that is done already is told as it stands), or any archive here."""
    with open_tenancy(settings, "archives") as tenancy:
        began = tenancy.now()
        found = landed_file(tenancy, file, server)
        if found is None:
            found = _dropped(tenancy, file, server)
        if found.status not in {"processed", "seen"}:
            batch_id = own_batch(tenancy, found, "extract")
            with batch_job(tenancy, batch_id, _run_id()) as job:
                for step in (collect_step, unpack_step, deliver_step):
                    list(step(job))
            _report(settings, tenancy)
        return _outcome(tenancy, began, [found])


def _dropped(tenancy: Tenancy, file: str, server: str | None) -> Observation:
    path = Path(file)
    if not path.is_file():
        raise PermanentFailure(f"{file}: no collected file that waits for extraction, and no file on this machine")
    if server is None:
        raise PermanentFailure(f"{file}: whose is it? Name the server: `logplatform archives extract {file} SERVER`")
    return drop(tenancy, server, path)


def _drain(settings: Settings, tenancy: Tenancy, sources: list[Watched], began: datetime) -> Drained:
    with opened_instance(settings) as instance, files_bar(tenancy, began):
        return drain(build_defs(settings), instance, tenancy, sources)


def _report(settings: Settings, tenancy: Tenancy) -> None:
    """Tell Dagster of the days that were committed without it."""
    with opened_instance(settings) as instance:
        reconcile(instance, tenancy.days, lambda: False)


def _run_id() -> str:
    return f"command-{uuid.uuid4()}"


def _problems(ran: Iterable[Ran]) -> list[str]:
    return [problem for one in ran if not one.success for problem in one.problems or (f"run {one.run_id} failed",)]


def _outcome(
    tenancy: Tenancy, began: datetime, files: Iterable[Observation] | None = None, problems: Iterable[str] = ()
) -> Outcome:
    """What stands in the ledger now of `files`, or (None) of all that changed since `began`."""
    which = [table.c.updated >= began] if files is None else [table.c.id.in_([found.id for found in files])]
    counts = tenancy.ledger.count(*which)
    failed: list[FailedFile] = []
    for found in tenancy.ledger.find(*which, table.c.status == "error"):
        failed.append(FailedFile(label(found), found.error_kind or "", found.error_type or "", found.error or ""))
        if len(failed) >= SHOWN_FAILURES:
            break
    flow = arrows(tenancy)
    return Outcome(
        files={str(status): count for status, count in sorted(counts.items())},
        failures=counts.get("error", 0),
        failed=failed,
        problems=list(problems),
        totals=_totals(tenancy, flow),
        missing={arrow.name: arrow.missing for arrow in flow},
    )


def _totals(tenancy: Tenancy, flow: Iterable[Arrow]) -> dict[str, int]:
    """The whole store: files by status, lines that came to the parser, events and dead letters."""
    totals = {f"files {status}": count for status, count in sorted(tenancy.ledger.count().items())}
    for arrow in flow:
        if arrow.unit == "lines":
            totals |= {"lines": arrow.came, "lines in events": arrow.out, "dead letters": arrow.dead_letters}
    totals["events"] = sum(file.rows for file in events_dataset(tenancy).visible())
    return totals
