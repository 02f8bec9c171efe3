"""The sensor of a domain whose input announces itself: asks for a run when something waits.

What belongs here: one tick, and what it tells. What does not: looking into the log or queue (the domain's `waits`),
and naming batches (`backlog`). Domains whose input is files at sources have `sensors.watching_sensor`.

One run of the domain at a time: it takes all that waits, and what comes meanwhile is asked for after it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import dagster as dg
import msgspec

from logplatform.failures import LogplatformError
from logplatform.orchestration.backlog import Backlog, Waits, due
from logplatform.orchestration.batches import Proposal
from logplatform.orchestration.days import DayGroup
from logplatform.orchestration.resources import domain_keys, opened_tenancy
from logplatform.orchestration.runs import last_ended, open_batches, run_request
from logplatform.orchestration.sensors import Cursor, read_cursor, trouble_digest, trouble_observation
from logplatform.tenancy import Tenancy


@dataclass(frozen=True, slots=True)
class Tick:
    """What one tick found: what to ask for, if anything, in a sentence, and the trouble with sources (what → why)."""

    proposal: Proposal | None
    text: str
    trouble: Mapping[str, str]


def backlog_sensor(group: DayGroup, raw: str, waits: Waits, interval_seconds: float) -> dg.SensorDefinition:
    """The sensor `<domain>_backlog`: asks for one run of the domain's job when something waits and none is open.

    A source that cannot be looked at is told as an observation of the asset `raw`, once whenever it changes.
    """

    @dg.sensor(
        name=f"{group.domain}_backlog",
        job_name=group.domain,
        minimum_interval_seconds=max(1, round(interval_seconds)),
        default_status=dg.DefaultSensorStatus.RUNNING,
        required_resource_keys=domain_keys(group.settings, group.domain),
        description=f"Looks at what waits for {group.domain} and asks for one run that takes it all.",
        tags={"domain": group.domain},
    )
    def backlog(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        with opened_tenancy(context.resources, group.settings, group.domain) as tenancy:
            done = tick(context.instance, tenancy, waits)
        context.log.info(done.text)
        told = trouble_digest(done.trouble)
        events = [trouble_observation(group.key(raw), done.trouble)] if told != read_cursor(context.cursor).told else []
        return dg.SensorResult(
            run_requests=[run_request(group.domain, done.proposal)] if done.proposal else None,
            skip_reason=None if done.proposal else done.text,
            cursor=msgspec.json.encode(Cursor(told=told)).decode(),
            asset_events=events,
        )

    return backlog


def tick(instance: dg.DagsterInstance, tenancy: Tenancy, waits: Waits) -> Tick:
    """Look at what waits; nothing is asked for while a run of the domain is open, or too soon after one that failed."""
    try:
        found = waits(tenancy)
    except LogplatformError as failure:
        return Tick(None, f"Nothing to ask for: trouble: {failure}.", {f"source {tenancy.domain}": str(failure)})
    if found is None:
        return Tick(None, "Nothing to ask for: nothing waits.", {})
    trouble = {f"source {name}": reason for name, reason in found.trouble.items()}
    if not found.items:
        return Tick(None, f"Nothing to ask for: {_trouble(found) or 'nothing waits'}.", trouble)
    waiting = ", ".join(part for part in (f"{found.items:,} wait", _trouble(found)) if part)
    if open_batches(instance, tenancy.domain):
        return Tick(None, f"Nothing to ask for: {waiting}, and a run is at work already.", trouble)
    asked, now = due(found, last_ended(instance, tenancy.domain), tenancy.now()), tenancy.now()
    if asked.at is not None and now < asked.at:
        when = f"the run before it did not finish its work: tried again at {asked.at:%H:%M:%S} UTC"
        return Tick(None, f"Nothing to ask for: {waiting}; {when}.", trouble)
    return Tick(asked.proposal, f"Asked for a run of {found.first_day} to {found.last_day}: {waiting}.", trouble)


def _trouble(found: Backlog) -> str:
    return "; ".join(f"trouble: {name}: {reason}" for name, reason in found.trouble.items())
