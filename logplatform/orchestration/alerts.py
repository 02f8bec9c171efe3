"""What is told to people without their asking: the sensors that find out what is wrong, and that tell it.

What belongs here: the two sensors, failed runs and silent daemons as signals. What does not: how a domain stands
(`alert_signals`), keeping and sending (`logplatform.alerts`).

Both are apart from the sensors that ask for work and keep Dagster's picture true, so a receiver that is slow or away
keeps nobody from work.
"""

import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

import dagster as dg
from sqlalchemy.exc import SQLAlchemyError

from logplatform.alerts.book import AlertBook
from logplatform.alerts.dispatch import Dispatched, dispatch
from logplatform.alerts.incident import Signal
from logplatform.databases import database_of
from logplatform.failures import LogplatformError
from logplatform.landing.leases import utc_now
from logplatform.landing.redaction import Redactor
from logplatform.orchestration.alert_signals import (
    DISK,
    PLATFORM,
    STANDING,
    STORE,
    disk_signals,
    domain_signals,
    store_signal,
)
from logplatform.orchestration.checks import Standing, source_trouble
from logplatform.orchestration.days import DOMAIN_TAG
from logplatform.orchestration.resources import FILES, domain_keys, opened_tenancy
from logplatform.settings.model import Domain, Settings

INTERVAL_SECONDS = 20
SENDING_SECONDS = 20.0
SILENCE_SECONDS = 180.0


@contextmanager
def opened_book(settings: Settings) -> Generator[AlertBook]:
    """The book of incidents of these settings' tenant; it is made if missing."""
    database = database_of(settings, "alerts").open()
    try:
        yield AlertBook(database, settings.tenant, utc_now)
    finally:
        database.close()


def run_failure_sensor(settings: Settings) -> dg.SensorDefinition:
    """The sensor that writes down every failed run, of every job."""

    @dg.run_failure_sensor(
        name="run_failures",
        minimum_interval_seconds=INTERVAL_SECONDS,
        # Also the runs of commands, which belong to no code location.
        monitor_all_code_locations=True,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Writes down every run that failed, so that the sensor `alerts` tells of it.",
    )
    def run_failures(context: dg.RunFailureSensorContext) -> None:
        signal = failed_run(context.dagster_run, _failures(context), settings.redaction.redactor())
        record = context.instance.get_run_record_by_id(context.dagster_run.run_id)
        # When it ended, not when it is seen: a run may have succeeded since.
        ended = record.update_timestamp if record is not None else utc_now()
        with opened_book(settings) as book:
            book.happened(signal, f"run/{context.dagster_run.run_id}", ended)

    return run_failures


def alert_sensor(settings: Settings, domains: Mapping[Domain, Standing]) -> dg.SensorDefinition:
    """The sensor that writes down what is wrong in every domain and what is good again, and sends what is due."""

    @dg.sensor(
        name="alerts",
        minimum_interval_seconds=INTERVAL_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,
        required_resource_keys=set().union(*(domain_keys(settings, domain) for domain in domains)),
        description="Sends alerts to the webhook of the settings: what needs somebody, and when it is good again.",
    )
    def alerts(context: dg.SensorEvaluationContext) -> dg.SensorResult:
        deadline = time.monotonic() + SENDING_SECONDS
        now = utc_now()
        with opened_book(settings) as book:
            note_silence(book, context.cursor, now)
            book.stands(PLATFORM, ("daemon_silent",), silent_daemons(context.instance, now))
            if domains:
                files = getattr(context.resources, FILES).open(settings.stores.files)
                book.stands(PLATFORM, (DISK,), disk_signals(settings, files))
            for domain, standing in domains.items():
                look(book, context, settings, domain, standing)
            resolve_runs(book, context.instance)
            done = dispatch(book, settings.alerts, lambda: time.monotonic() >= deadline)
            text = _told(done, len(book.firing()), settings)
        return dg.SensorResult(skip_reason=text, cursor=now.isoformat())

    return alerts


def look(
    book: AlertBook, context: dg.SensorEvaluationContext, settings: Settings, domain: Domain, standing: Standing
) -> None:
    """Write down how a domain stands; one whose store cannot be asked keeps the incidents it has."""
    try:
        with opened_tenancy(context.resources, settings, domain) as tenancy:
            trouble = source_trouble(context.instance, standing.raw)
            signals = domain_signals(tenancy, standing.find(tenancy), trouble)
    except (SQLAlchemyError, OSError, LogplatformError) as error:
        book.stands(domain, (STORE,), [store_signal(domain, error, settings.redaction.redactor())])
    else:
        book.stands(domain, (STORE, *STANDING), signals)


def failed_run(run: dg.DagsterRun, failures: Sequence[tuple[str, str, str]], redactor: Redactor) -> Signal:
    """A failed run as a signal; `failures` are (step, type of error, message), the first tells the reason."""
    step, kind, message = failures[0]
    sample = [redactor.text(f"run {run.run_id[:8]}, {step}: {_first_line(text)}") for step, _, text in failures]
    return Signal(
        domain_of(run),
        "run_failed",
        f"{step}: {kind}",
        "error",
        redactor.text(f"runs fail in {step}: {_first_line(message)}"),
        sample=sample,
        recovery="The run's page tells all; a run that succeeds ends this.",
    )


def resolve_runs(book: AlertBook, instance: dg.DagsterInstance) -> None:
    """End the incidents of failed runs whose domain has had a run since that succeeded."""
    for incident in book.firing("run_failed"):
        good, after = [dg.DagsterRunStatus.SUCCESS], incident.last_at
        tagged = dg.RunsFilter(tags={DOMAIN_TAG: incident.domain}, statuses=good, updated_after=after)
        named = dg.RunsFilter(job_name=incident.domain, statuses=good, updated_after=after)
        if instance.get_runs_count(tagged) or instance.get_runs_count(named):
            book.resolve(incident)


def domain_of(run: dg.DagsterRun) -> str:
    """The domain whose work a run does; of a run that was asked for by hand, that of its assets; else its job."""
    prefixes = {key.path[0] for key in run.asset_selection or ()}
    return run.tags.get(DOMAIN_TAG) or (prefixes.pop() if len(prefixes) == 1 else run.job_name)


def silent_daemons(instance: dg.DagsterInstance, now: datetime) -> list[Signal]:
    """The daemons of the instance that have not been heard of for SILENCE_SECONDS, the one that ticks us apart."""
    beats = instance.get_daemon_heartbeats()
    found: list[Signal] = []
    for name in sorted(instance.get_required_daemon_types()):
        beat = beats.get(name)
        silent = now.timestamp() - beat.timestamp if beat is not None else 0.0
        if silent > SILENCE_SECONDS:
            found.append(
                Signal(
                    PLATFORM,
                    "daemon_silent",
                    name,
                    "error",
                    f"Dagster's daemon {name} is silent",
                    recovery="See daemon.log in the log folder; start `logplatform up` again.",
                )
            )
    return found


def note_silence(book: AlertBook, cursor: str | None, now: datetime) -> None:
    """Write down a time in which this sensor did not tick, so nothing was watched; it is over as it is told."""
    try:
        last = datetime.fromisoformat(cursor) if cursor else None
    except ValueError:
        last = None
    if last is None or last.tzinfo is None or (now - last).total_seconds() <= SILENCE_SECONDS:
        return
    told = f"{last.astimezone(UTC):%Y-%m-%d %H:%M:%S} to {now:%Y-%m-%d %H:%M:%S} UTC"
    signal = Signal(PLATFORM, "daemon_silent", "all", "warning", f"nothing was watched from {told}")
    book.happened(signal, f"silence/{last.isoformat()}", now)


def _failures(context: dg.RunFailureSensorContext) -> list[tuple[str, str, str]]:
    """(step, type of error, message) of each failed step; of a run that failed as a whole, its own."""
    found: list[tuple[str, str, str]] = []
    for event in context.get_step_failure_events():
        error = event.step_failure_data.error
        # Dagster wraps what a step raised; the cause of that may say less again.
        error = error.cause or error if error is not None else None
        kind = (error.cls_name if error is not None else None) or "Error"
        found.append((event.step_key or "run", kind, error.message if error is not None else event.message or ""))
    return found or [("run", "RunFailure", context.failure_event.message or "it ended without a word")]


def _first_line(text: str) -> str:
    line = text.strip().splitlines()[0] if text.strip() else "no message"
    head, _, rest = line.partition(": ")
    # An exception's text begins with where its type lives, which tells nobody anything.
    return rest if rest and "." in head and " " not in head else line


def _told(done: Dispatched, firing: int, settings: Settings) -> str:
    """One tick in a sentence."""
    if settings.alerts.webhook_url is None:
        return f"{firing:,} incidents; none is sent: alerts.webhook_url is not set."
    failure = f"; the receiver did not take one: {done.failure}" if done.failure else ""
    return f"{firing:,} incidents, {done.sent:,} messages sent{failure}."
