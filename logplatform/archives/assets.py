"""The assets of archives: raw_archives → extracted_logs → archive_events, by the day landed (UTC).

What belongs here: what Dagster shows of each. What does not: the work (`engine`).
"""

from collections.abc import Iterator
from datetime import timedelta

import dagster as dg

from logplatform.archives.engine import Step, collect_step, deliver_step, landed_step, unpack_step
from logplatform.archives.job import batch_job, days_job, one_day
from logplatform.archives.lines.parse import PARSER_VERSION
from logplatform.archives.reports import EVENTS, EXTRACTED, RAW
from logplatform.orchestration.days import DayGroup, DayRun
from logplatform.orchestration.figures import DayReport

_STALE_AFTER = timedelta(days=2)


def assets(group: DayGroup) -> list[dg.AssetsDefinition]:
    """The three assets of the domain."""

    @group.asset(
        RAW,
        kinds={"file"},
        stale_after=_STALE_AFTER,
        description="Compressed logs as their servers have them, byte for byte, each known by its SHA-256.",
    )
    def raw_archives(run: DayRun) -> Iterator[DayReport]:
        yield from _reports(run, collect_step, landed_step)

    @group.asset(
        EXTRACTED,
        after=[RAW],
        kinds={"file"},
        description="Verified and extracted logs. Corrupt archives stand in quarantine; content that came before "
        "under another name of the same log is recorded and not delivered twice.",
    )
    def extracted_logs(run: DayRun) -> Iterator[DayReport]:
        yield from _reports(run, unpack_step, unpack_step)

    @group.asset(
        EVENTS,
        after=[EXTRACTED],
        kinds={"parquet"},
        code_version=PARSER_VERSION,
        description="Log lines as rows, in Parquet by the events' UTC day: access logs, syslog, JSON lines, log4j and "
        "plain text. Lines that fit nothing are dead letters.",
    )
    def archive_events(run: DayRun) -> Iterator[DayReport]:
        yield from _reports(run, deliver_step, deliver_step)

    return [raw_archives, extracted_logs, archive_events]


def _reports(run: DayRun, step: Step, again: Step) -> Iterator[DayReport]:
    if run.batch_id is not None:
        with batch_job(run.tenancy, run.batch_id, run.run_id) as job:
            yield from step(job)
        return
    with days_job(run.tenancy, tuple(run.days), run.run_id) as job:
        for day in run.days:
            yield from again(one_day(job, day))
