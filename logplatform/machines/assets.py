"""The assets of machines: raw_machine_logs → machine_events → machine_sessions → machine_anomalies → machine_report,
by production day in the plant's time.

What belongs here: what Dagster shows of each. What does not: the work (`engine`).
"""

from collections.abc import Iterator
from datetime import timedelta

import dagster as dg

from logplatform.machines.deliver import derive_sessions
from logplatform.machines.engine import Step, raw_step, report_step
from logplatform.machines.events import derive_events
from logplatform.machines.job import ANOMALIES, EVENTS, RAW, REPORT, SESSIONS, batch_job, days_job
from logplatform.machines.judge import derive_anomalies
from logplatform.machines.rows import ROWS_VERSION
from logplatform.orchestration.days import DayGroup, DayRun
from logplatform.orchestration.figures import DayReport

_STALE_AFTER = timedelta(days=3)


def assets(group: DayGroup) -> list[dg.AssetsDefinition]:
    """The five assets of the domain."""

    @group.asset(
        RAW,
        kinds={"file"},
        stale_after=_STALE_AFTER,
        description="Logs of machining centres as they came, every version of a growing file, each known by its "
        "SHA-256. Lines are counted here, independently of the parser.",
    )
    def raw_machine_logs(run: DayRun) -> Iterator[DayReport]:
        yield from _reports(run, raw_step)

    @group.asset(
        EVENTS,
        after=[RAW],
        kinds={"parquet"},
        code_version=ROWS_VERSION,
        description="Every event that the machines logged, in plant-local time and UTC, in Parquet by production "
        "day. Versions of one file are merged; lines that are no event are dead letters.",
    )
    def machine_events(run: DayRun) -> Iterator[DayReport]:
        yield from _reports(run, derive_events)

    @group.asset(
        SESSIONS,
        after=[EVENTS],
        kinds={"sql"},
        code_version=ROWS_VERSION,
        description="Production sessions, one for each centre and day: pieces, jobs, waits, stops and what they "
        "leave of the day, in six tables. A session appears as a whole or not at all.",
    )
    def machine_sessions(run: DayRun) -> Iterator[DayReport]:
        yield from _reports(run, derive_sessions)

    @group.asset(
        ANOMALIES,
        after=[SESSIONS],
        kinds={"sql"},
        description="What is odd about a session, with reasons: open stops, silence, unreadable waits, a clock that "
        "went back, repeated piece numbers, rates out of line with the centre's own history.",
    )
    def machine_anomalies(run: DayRun) -> Iterator[DayReport]:
        yield from _reports(run, derive_anomalies)

    @group.asset(
        REPORT,
        after=[ANOMALIES],
        kinds={"html", "excel"},
        description="A page for each centre and day with its timeline, and the workbook of all sessions.",
    )
    def machine_report(run: DayRun) -> Iterator[DayReport]:
        yield from _reports(run, report_step)

    return [raw_machine_logs, machine_events, machine_sessions, machine_anomalies, machine_report]


def _reports(run: DayRun, step: Step) -> Iterator[DayReport]:
    if run.batch_id is not None:
        with batch_job(run.tenancy, run.batch_id, run.run_id) as job:
            yield from step(job)
        return
    with days_job(run.tenancy, tuple(run.days), run.run_id) as job:
        yield from step(job)
