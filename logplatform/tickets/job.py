"""One step of a run of tickets: its work, if no step before it did it, and what it tells of its asset.

What belongs here: which work a run asks for. What does not: the work (`ingest.py`, `again.py`), and Dagster
(`assets.py`).
"""

from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date

from logplatform.orchestration.figures import PREVIEW_ROWS, Cell, DayReport
from logplatform.tenancy import Tenancy
from logplatform.tickets.again import count_again, derive_again
from logplatform.tickets.day_reports import BY_PRIORITY, BY_TYPE, RAW
from logplatform.tickets.files import read_batches
from logplatform.tickets.ingest import Ingest, open_views
from logplatform.tickets.tables import GROWING, SCHEMAS

_TEXT = 200


def do(tenancy: Tenancy, asset: str, batch_id: str | None, days: Sequence[date], run_id: str) -> None:
    """Do what the run of `run_id` asks for, as far as it is not done.

    With a batch: take in all that is new, in the step of `raw_tickets`. Without one: derive `days` again from the log,
    or, if there are none, the aggregate tables from the tickets. Raises LeaseHeld while somebody else is at it, and
    PermanentFailure if the log no longer holds the days' messages.
    """
    if batch_id is not None:
        if asset == RAW:
            deque(Ingest(tenancy, run_id).run(), maxlen=0)
    elif days:
        deque(derive_again(tenancy, days, run_id), maxlen=0)
    else:
        count_again(tenancy, run_id)


def tell(tenancy: Tenancy, asset: str, run_id: str) -> Iterator[DayReport]:
    """What this run committed of an asset and Dagster does not know yet, by day, with a look at its rows."""
    for commit in tenancy.days.unreported(run_id, f"{tenancy.domain}/{asset}"):
        report = DayReport.restore(commit.day, commit.counts)
        yield replace(report, preview=_preview(tenancy, asset, report))


def _preview(tenancy: Tenancy, asset: str, report: DayReport) -> Sequence[Mapping[str, Cell]]:
    ranked = {BY_TYPE: "request_type", BY_PRIORITY: "priority"}
    if asset in ranked:
        return [{ranked[asset]: name, "count": count} for name, count in report.facts.items()]
    return [_cells(tenancy.redactor.record(row)) for row in _newest_rows(tenancy, asset)]


def _newest_rows(tenancy: Tenancy, asset: str) -> list[dict[str, object]]:
    """The first rows of a table's newest file."""
    for table in GROWING:
        if table == asset and (files := open_views(tenancy).tables.dataset(table).visible()):
            batch = next(read_batches(files[-1].uri, SCHEMAS[table]), None)
            return [] if batch is None else batch.slice(0, PREVIEW_ROWS).to_pylist()
    return []


def _cells(row: Mapping[str, object]) -> dict[str, Cell]:
    """A row for people: bytes are left out (their text stands beside them), lists become one text."""
    told: dict[str, Cell] = {}
    for name, value in row.items():
        if isinstance(value, list):
            told[name] = "; ".join(map(str, value))
        elif value is None or isinstance(value, int):
            told[name] = value
        elif not isinstance(value, bytes):
            told[name] = str(value)[:_TEXT]
    return told
