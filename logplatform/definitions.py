"""What Dagster loads: every domain that is switched on, from the settings.

What belongs here: naming the domains. What does not: how a domain's parts become definitions
(`logplatform.orchestration.assembly`). This module and the command line alone know every domain.
"""

import os

import dagster as dg

import logplatform.archives.assets
import logplatform.archives.checks
import logplatform.archives.measures
import logplatform.archives.sensors
import logplatform.machines.assets
import logplatform.machines.checks
import logplatform.machines.measures
import logplatform.machines.sensors
import logplatform.tickets.assets
import logplatform.tickets.checks
import logplatform.tickets.measures
import logplatform.tickets.sensors
import logplatform.uploads.assets
import logplatform.uploads.checks
import logplatform.uploads.measures
import logplatform.uploads.sensors
from logplatform.archives.reports import EVENTS as ARCHIVE_EVENTS
from logplatform.archives.reports import RAW as RAW_ARCHIVES
from logplatform.logs import configure
from logplatform.machines.job import RAW as RAW_MACHINE_LOGS
from logplatform.machines.job import SESSIONS as MACHINE_SESSIONS
from logplatform.orchestration.assembly import DomainParts, assemble
from logplatform.orchestration.backlog_sensor import backlog_sensor
from logplatform.orchestration.days import DayGroup, day_partitions
from logplatform.orchestration.sensors import watching_sensor
from logplatform.pruning import pruned
from logplatform.settings.load import load
from logplatform.settings.model import Settings
from logplatform.tickets.day_reports import ASSIGNED as ASSIGNED_TICKETS
from logplatform.tickets.day_reports import RAW as RAW_TICKETS
from logplatform.uploads.day_reports import INDEXED as INDEXED_DOCUMENTS
from logplatform.uploads.day_reports import RAW as UPLOADED_FILES


def build_defs(settings: Settings, **overrides: object) -> dg.Definitions:
    """The definitions for `settings`; `overrides` replace resources by key, so that a test needs no environment."""
    domains = [parts for parts, enabled in _domains(settings) if enabled]
    return assemble(settings, domains, pruned, **overrides)


@dg.definitions
def defs() -> dg.Definitions:
    """The definitions for the settings file and the environment; raises SettingsError with every mistake.

    The process that loads them (the daemon, a run) writes the platform's log from then on.
    """
    loaded = load(None, os.environ)
    configure(loaded.settings, loaded.variables, quiet=True)
    return build_defs(loaded.settings)


def _domains(settings: Settings) -> list[tuple[DomainParts, bool]]:
    return [
        (_archives(settings), settings.archives.enabled),
        (_machines(settings), settings.machines.enabled),
        (_uploads(settings), settings.uploads.enabled),
        (_tickets(settings), settings.tickets.enabled),
    ]


def _archives(settings: Settings) -> DomainParts:
    # The day landed is ours and not the servers': UTC.
    group = DayGroup("archives", settings, day_partitions(settings))
    return DomainParts(
        group=group,
        assets=logplatform.archives.assets.assets(group),
        checks=logplatform.archives.checks.checks(group),
        raw=RAW_ARCHIVES,
        sensor=watching_sensor(
            group, RAW_ARCHIVES, logplatform.archives.sensors.watched, settings.archives.interval_seconds
        ),
        told_at=ARCHIVE_EVENTS,
        broken=logplatform.archives.measures.broken,
        description="Collect, verify and extract compressed logs, then parse them into events.",
    )


def _machines(settings: Settings) -> DomainParts:
    # The production day is the plant's; sources in other zones are dated by their own.
    group = DayGroup("machines", settings, day_partitions(settings, settings.timezone))
    return DomainParts(
        group=group,
        assets=logplatform.machines.assets.assets(group),
        checks=logplatform.machines.checks.checks(group),
        raw=RAW_MACHINE_LOGS,
        sensor=watching_sensor(
            group, RAW_MACHINE_LOGS, logplatform.machines.sensors.watched, settings.machines.interval_seconds
        ),
        told_at=MACHINE_SESSIONS,
        broken=logplatform.machines.measures.broken,
        description="Read machine logs, compute production sessions, find anomalies and publish reports.",
    )


def _uploads(settings: Settings) -> DomainParts:
    group = DayGroup("uploads", settings, day_partitions(settings))
    return DomainParts(
        group=group,
        assets=logplatform.uploads.assets.assets(group),
        checks=logplatform.uploads.checks.checks(group),
        raw=UPLOADED_FILES,
        sensor=backlog_sensor(
            group, UPLOADED_FILES, logplatform.uploads.sensors.waits, settings.uploads.interval_seconds
        ),
        told_at=INDEXED_DOCUMENTS,
        broken=logplatform.uploads.measures.broken,
        description="Take uploads in, make their records searchable, find suspicious transactions, count each day.",
    )


def _tickets(settings: Settings) -> DomainParts:
    group = DayGroup("tickets", settings, day_partitions(settings))
    return DomainParts(
        group=group,
        assets=logplatform.tickets.assets.assets(group),
        checks=logplatform.tickets.checks.checks(group),
        raw=RAW_TICKETS,
        sensor=backlog_sensor(group, RAW_TICKETS, logplatform.tickets.sensors.waits, settings.tickets.interval_seconds),
        told_at=ASSIGNED_TICKETS,
        broken=logplatform.tickets.measures.broken,
        description="Take in new messages, each ticket once, and keep the six tables.",
    )
