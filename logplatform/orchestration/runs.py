"""Runs of a domain's job: which are open, how one is asked for, and how a command runs one in its own process.

What belongs here: run requests, tags, execution on the Dagster instance. What does not: what goes into a batch
(`batches`), and which instance it is (`home`).
"""

import os
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime

import dagster as dg
import psutil

from logplatform.orchestration.backlog import Ended
from logplatform.orchestration.batches import Proposal
from logplatform.orchestration.days import BATCH_TAG, DOMAIN_TAG, range_tags
from logplatform.settings.model import Domain

PROCESS_TAG = "logplatform/process"
ITEMS_TAG = "logplatform/items"
BYTES_TAG = "logplatform/bytes"
ATTEMPT_TAG = "logplatform/attempt"

UNFINISHED = (
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
    dg.DagsterRunStatus.CANCELING,
)
_MOST_OPEN = 1_000
_NEWEST = 50
_DAEMON_SILENCE_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Ran:
    """What became of one run in this process: `problems` are the messages of steps that failed."""

    run_id: str
    success: bool
    problems: tuple[str, ...] = ()


def open_batches(instance: dg.DagsterInstance, domain: Domain) -> set[str]:
    """The batches that runs of a domain have in hand: of commands in their process, and of a daemon that is alive.

    Without a daemon nobody starts what is queued, and what it had started has ended with it.
    """
    wanted = dg.RunsFilter(tags={DOMAIN_TAG: domain}, statuses=list(UNFINISHED))
    runs = [run for run in instance.get_runs(filters=wanted, limit=_MOST_OPEN) if BATCH_TAG in run.tags]
    alive = bool(runs) and daemon_is_alive(instance)
    return {run.tags[BATCH_TAG] for run in runs if alive or PROCESS_TAG in run.tags}


def last_ended(instance: dg.DagsterInstance, domain: Domain) -> Ended | None:
    """The batch of a domain whose run ended last, None if none did; re-derivations are no batches.

    Runs stand in the order they were made; of one domain's backlog there is never more than one at a time.
    """
    wanted = dg.RunsFilter(
        tags={DOMAIN_TAG: domain},
        statuses=[dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED],
    )
    for record in instance.get_run_records(filters=wanted, limit=_NEWEST):
        run = record.dagster_run
        if BATCH_TAG in run.tags:
            at = record.update_timestamp if record.end_time is None else datetime.fromtimestamp(record.end_time, UTC)
            return Ended(run.tags[BATCH_TAG], run.status == dg.DagsterRunStatus.SUCCESS, at)
    return None


def daemon_is_alive(instance: dg.DagsterInstance) -> bool:
    """Whether any daemon of this instance was heard of in the last minutes (they write every half minute)."""
    beats = instance.get_daemon_heartbeats().values()
    return any(beat.timestamp > time.time() - _DAEMON_SILENCE_SECONDS for beat in beats)


def proposal_tags(domain: Domain, proposal: Proposal) -> dict[str, str]:
    """The tags by which a run knows its batch and its days."""
    return {
        **range_tags(proposal.first_day, proposal.last_day),
        DOMAIN_TAG: domain,
        BATCH_TAG: proposal.batch_id,
        ITEMS_TAG: str(proposal.items),
        BYTES_TAG: str(proposal.bytes),
        ATTEMPT_TAG: str(proposal.attempt),
    }


def run_request(domain: Domain, proposal: Proposal) -> dg.RunRequest:
    """The request for a proposal's run; its key tells content and attempt, as the batch's identity does."""
    return dg.RunRequest(run_key=proposal.batch_id, tags=proposal_tags(domain, proposal))


def derive_tags(domain: Domain, first: date, last: date) -> dict[str, str]:
    """The tags of a run that derives days again from landed bytes."""
    return {**range_tags(first, last), DOMAIN_TAG: domain}


def run_here(definitions: dg.Definitions, instance: dg.DagsterInstance, domain: Domain, tags: Mapping[str, str]) -> Ran:
    """Run a domain's job in this process, on `instance`, so that the UI shows it like any other run.

    The run carries this process's name: should the process be killed, the reconciler closes the run. Its failures
    are in the result, not raised.
    """
    job = definitions.resolve_job_def(domain)
    here = {PROCESS_TAG: process_name(), "dagster/max_retries": "0"}
    # The events are in the UI; a command's own output must stay readable.
    quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    result = job.execute_in_process(quiet, instance, tags={**tags, **here}, raise_on_error=False)
    problems = tuple(
        event.step_failure_data.error_display_string.strip().splitlines()[0]
        for event in result.all_events
        if event.is_step_failure
    )
    return Ran(result.run_id, result.success, problems)


def process_name() -> str:
    """This process: host, process id and its start (a process id is used again)."""
    return f"{socket.gethostname()}/{os.getpid()}/{psutil.Process().create_time():.0f}"


def is_gone(process: str) -> bool:
    """Whether the process of this name ended; False where it cannot be told (another host)."""
    host, _, rest = process.partition("/")
    number, _, started = rest.partition("/")
    if host != socket.gethostname() or not number.isdecimal():
        return False
    try:
        return f"{psutil.Process(int(number)).create_time():.0f}" != started
    except psutil.NoSuchProcess:
        return True
