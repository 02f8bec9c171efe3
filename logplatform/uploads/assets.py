"""The assets of uploads: uploaded_files → upload_documents → indexed_documents → fraud_alerts, ecommerce_metrics, by
the day received (UTC).

What belongs here: what Dagster shows of each. What does not: the work (`steps`).
"""

from collections.abc import Callable, Iterator
from datetime import timedelta

import dagster as dg

from logplatform.orchestration.days import DayGroup, DayRun
from logplatform.orchestration.figures import DayReport
from logplatform.uploads.day_reports import ALERTS, DOCUMENTS, INDEXED, METRICS, RAW
from logplatform.uploads.steps import Asked, alert, arrive, index, measure, work_off

_STALE_AFTER = timedelta(days=2)


def assets(group: DayGroup) -> list[dg.AssetsDefinition]:
    """The five assets of the domain."""
    return [
        group.asset(
            RAW,
            kinds={"file"},
            stale_after=_STALE_AFTER,
            description="Files that came over HTTP, through inboxes or by hand, byte for byte, each content once.",
        )(_step(arrive)),
        group.asset(
            DOCUMENTS,
            after=[RAW],
            kinds={"python"},
            description="Records of uploads, validated and enriched: times in UTC, typed fields, places of addresses. "
            "Records that cannot be used are dead letters; named events that came before are duplicates.",
        )(_step(work_off)),
        group.asset(
            INDEXED,
            after=[DOCUMENTS],
            kinds={"parquet", "duckdb"},
            description="Documents that can be searched, by the events' own UTC day. They become visible with their "
            "upload as a whole.",
        )(_step(index)),
        group.asset(
            ALERTS,
            after=[INDEXED],
            kinds={"parquet"},
            description="Transactions whose fraud score is at `uploads.fraud_threshold` or above, with the reasons, by "
            "event day. Derived for every day from the first that has changed; the counts are of that pass.",
        )(_step(alert)),
        group.asset(
            METRICS,
            after=[INDEXED],
            kinds={"parquet"},
            description="Each event day's figures: documents, transactions, revenue, rates, users. Derived for the "
            "days that have changed; the counts are of that pass.",
        )(_step(measure)),
    ]


def _step(work: Callable[[Asked], Iterator[DayReport]]) -> Callable[[DayRun], Iterator[DayReport]]:
    def step(run: DayRun) -> Iterator[DayReport]:
        yield from work(Asked(run.tenancy, run.run_id, run.batch_id, run.days))

    return step
