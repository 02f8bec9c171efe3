"""What is derived from the index: alerts of suspicious transactions, and each event day's figures, as datasets.

What belongs here: deriving them for the days that have changed. What does not: the score (`fraud`), the figures
(`figures`), and marking days as changed (`ingest`).

A score looks back: a transaction of an earlier day changes those of later ones. So alerts are derived for every day
from the first that has changed, in one pass over the transactions; figures only for the days that have changed.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa

from logplatform.landing.leases import Lease
from logplatform.orchestration.figures import PREVIEW_ROWS, Cell, DayReport
from logplatform.stores.dataset import Dataset
from logplatform.stores.dataset_writer import NewFile
from logplatform.stores.log_query import Filters
from logplatform.stores.stale_days import StaleDay
from logplatform.tenancy import Tenancy
from logplatform.uploads.day_reports import ALERTS, METRICS
from logplatform.uploads.figures.dashboard import kpis
from logplatform.uploads.figures.fraud import alerts
from logplatform.uploads.figures.groups import count
from logplatform.uploads.fraud import FraudRules, Scored
from logplatform.uploads.room import UploadRoom

ALERT_ROWS = pa.schema(
    [
        pa.field("id", pa.string(), nullable=False),
        pa.field("transaction_id", pa.string()),
        pa.field("user_id", pa.string(), nullable=False),
        pa.field("timestamp", pa.timestamp("us", "UTC"), nullable=False),
        pa.field("amount", pa.float64()),
        pa.field("ip", pa.string()),
        pa.field("country_code", pa.string()),
        pa.field("status", pa.string()),
        pa.field("fraud_score", pa.int64(), nullable=False),
        pa.field("reasons", pa.list_(pa.string()), nullable=False),
        pa.field("origin", pa.string(), nullable=False),
    ]
)
"""One row a transaction whose score is at the threshold or above; `id` is its document's, `origin` its event day."""

METRIC_ROWS = pa.schema(
    [
        pa.field("documents", pa.int64(), nullable=False),
        pa.field("transactions", pa.int64(), nullable=False),
        pa.field("revenue", pa.float64()),
        pa.field("average_order_value", pa.float64()),
        pa.field("success_rate", pa.float64()),
        pa.field("error_rate", pa.float64()),
        pa.field("active_users", pa.int64(), nullable=False),
        pa.field("p95_response_time", pa.float64()),
        pa.field("suspicious", pa.int64(), nullable=False),
        pa.field("origin", pa.string(), nullable=False),
    ]
)
"""One row an event day, which is `origin`; rates are 0 to 1, times in milliseconds, `revenue` in the currencies as
they came; `suspicious` counts events to which their sender gave a fraud score at the threshold or above."""

_BATCH_ROWS = 5_000
_LEASE = "derive"


@dataclass(slots=True)
class Derived:
    """What one pass made: `came` in, `out` rows, of `days` event days; `preview` are some of the rows."""

    files: Sequence[NewFile] = ()
    days: Collection[str] = ()
    came: int = 0
    out: int = 0
    preview: list[dict[str, Cell]] = field(default_factory=list)


def alerts_dataset(tenancy: Tenancy) -> Dataset:
    """Suspicious transactions by event day, see ALERT_ROWS."""
    return tenancy.dataset(ALERTS, ALERT_ROWS)


def metrics_dataset(tenancy: Tenancy) -> Dataset:
    """Figures of event days, see METRIC_ROWS."""
    return tenancy.dataset(METRICS, METRIC_ROWS)


def derive_alerts(room: UploadRoom, holder: str, run_id: str, batch_id: str | None = None) -> list[DayReport]:
    """Derive the alerts of all days from the first stale one on; a report for each day of uploads that changed any.

    Raises LeaseHeld if somebody else is at it.
    """
    dataset = alerts_dataset(room.tenancy)
    with room.tenancy.ledger.leases.hold(f"{_LEASE}/{room.tenancy.tenant}/{ALERTS}", holder) as lease:
        stale = room.stale.all(ALERTS)
        if not stale:
            return []
        began = room.tenancy.now()
        first = stale[0].event_day
        with dataset.writer() as writer:
            made = Derived(days={file.partition for file in dataset.visible(first)})
            for day, batch in _alert_batches(room, first, made):
                writer.write(day, day, batch)
            made.files = writer.finish()
        made.days = {*made.days, *(file.partition for file in made.files)}
        facts: dict[str, Cell] = {"derived from event day": first, "threshold": _rules(room).threshold}
        return _commit(_Pass(room, lease, dataset, ALERTS, stale, run_id, batch_id, began), made, facts)


def derive_metrics(room: UploadRoom, holder: str, run_id: str, batch_id: str | None = None) -> list[DayReport]:
    """Derive the figures of all stale days; a report for each day of uploads that changed any.

    Raises LeaseHeld if somebody else is at it.
    """
    dataset = metrics_dataset(room.tenancy)
    with room.tenancy.ledger.leases.hold(f"{_LEASE}/{room.tenancy.tenant}/{METRICS}", holder) as lease:
        stale = room.stale.all(METRICS)
        if not stale:
            return []
        began = room.tenancy.now()
        made = Derived(days=list(dict.fromkeys(day.event_day for day in stale)))
        with dataset.writer() as writer:
            for day in made.days:
                row = _metrics_of(room, day)
                if row["documents"]:
                    writer.write(day, day, pa.RecordBatch.from_pylist([row | {"origin": day}], METRIC_ROWS))
                    made.came += row["documents"]
                    made.out += 1
                    if len(made.preview) < PREVIEW_ROWS:
                        made.preview.append({"event day": day, **row})
            made.files = writer.finish()
        facts: dict[str, Cell] = {"event days derived": len(made.days)}
        return _commit(_Pass(room, lease, dataset, METRICS, stale, run_id, batch_id, began), made, facts)


@dataclass(frozen=True, slots=True)
class _Pass:
    room: UploadRoom
    lease: Lease
    dataset: Dataset
    asset: str
    stale: Sequence[StaleDay]
    run_id: str
    batch_id: str | None
    began: datetime

    def report(self, day: date, made: Derived, facts: dict[str, Cell]) -> DayReport:
        seconds = (self.room.tenancy.now() - self.began).total_seconds()
        return DayReport(
            day=day,
            unit="records",
            unit_out="records",
            came=made.came,
            out=made.out,
            used=made.came,
            seconds=seconds,
            preview=made.preview,
            facts=facts,
        )


def _commit(one: _Pass, made: Derived, facts: dict[str, Cell]) -> list[DayReport]:
    """Make what was derived visible, and take the marks of the days away that it was derived for."""
    tenancy = one.room.tenancy
    change = one.dataset.change(frozenset(made.days), made.files)
    reports = [one.report(day, made, facts) for day in sorted({stale.received_day for stale in one.stale})]
    with tenancy.ledger.transaction(one.lease) as connection:
        one.dataset.apply(connection, change)
        one.room.stale.clear(connection, one.asset, one.stale)
        for report in reports:
            name = f"{tenancy.domain}/{one.asset}"
            tenancy.days.commit(connection, name, report.day, one.run_id, report.counts(), one.batch_id)
    return reports


def _alert_batches(room: UploadRoom, first: str, made: Derived) -> Iterator[tuple[str, pa.RecordBatch]]:
    """The alerts from a day on, by event day, some rows at a time; counts into `made`."""
    rules = _rules(room)
    rows: dict[str, list[dict[str, Any]]] = defaultdict(list)
    waiting = 0
    for one in alerts(room.index, Filters(since=_begin(first)), rules):
        made.came += 1
        if one.score < rules.threshold:
            continue
        row = _alert_row(one)
        rows[row["origin"]].append(row)
        waiting += 1
        made.out += 1
        if len(made.preview) < PREVIEW_ROWS:
            made.preview.append(_shown(row))
        if waiting >= _BATCH_ROWS:
            yield from _batches(rows)
            rows.clear()
            waiting = 0
    yield from _batches(rows)


def _batches(rows: dict[str, list[dict[str, Any]]]) -> Iterable[tuple[str, pa.RecordBatch]]:
    return ((day, pa.RecordBatch.from_pylist(some, ALERT_ROWS)) for day, some in sorted(rows.items()))


def _alert_row(one: Scored) -> dict[str, Any]:
    return {**one.told(), "timestamp": one.at, "origin": one.at.date().isoformat()}


def _shown(row: dict[str, Any]) -> dict[str, Cell]:
    names = ("transaction_id", "user_id", "amount", "fraud_score")
    return {**{name: row[name] for name in names}, "reasons": "; ".join(row["reasons"])}


def _metrics_of(room: UploadRoom, day: str) -> dict[str, Any]:
    filters = Filters(since=_begin(day), until=_begin(day) + timedelta(days=1))
    return {"documents": count(room.index, filters), **kpis(room.index, filters, _rules(room).threshold)}


def _begin(day: str) -> datetime:
    return datetime.fromisoformat(day).replace(tzinfo=UTC)


def _rules(room: UploadRoom) -> FraudRules:
    return FraudRules(threshold=room.tenancy.settings.uploads.fraud_threshold)
