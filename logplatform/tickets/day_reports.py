"""What each asset of tickets holds of a day, recorded with every commit in the commit's own transaction.

What belongs here: adding a commit to the day's reports. What does not: telling Dagster of them (`assets.py`, the
reconciler), and what a commit is (`ingest.py`).

A day has many commits, so its report is the sum of theirs: what stands there already and one commit more. The
aggregate tables have no days; their reports are of all tickets.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import sqlalchemy as sa

from logplatform.landing.days import DayCommit
from logplatform.orchestration.figures import FIRST_FAILURES, NO_DAY, Cell, DayReport, FailureNote
from logplatform.stores.ticket_state import CommitRow, TicketState, Totals
from logplatform.tenancy import Tenancy
from logplatform.tickets.metrics import by_priority, by_type, metrics

RAW, ASSIGNED, HIGH, REJECTED = (
    "raw_tickets",
    "tickets_with_assignment",
    "high_priority_tickets",
    "rejected_tickets",
)
METRICS, BY_TYPE, BY_PRIORITY = "metrics", "tickets_by_type", "tickets_by_priority"
DAY_ASSETS = (RAW, ASSIGNED, HIGH, REJECTED)
MOST_PARTITIONS_TOLD = 12


@dataclass(frozen=True, slots=True)
class Added:
    """What a day gets: a commit, rows of `high_priority_tickets`, the first refusals, seconds of work.

    A day that is derived again gets no new commits (`commits` 0): the commit's counts are what it has more or, below
    zero, less; its refusals take the place of those that were told before.
    """

    commit: CommitRow
    high: int
    refused: Sequence[FailureNote]
    seconds: float
    commits: int = 1


def commit_day(connection: sa.Connection, tenancy: Tenancy, state: TicketState, added: Added) -> None:
    """Add a commit to the reports of its day, and tell the aggregates anew; the totals hold the commit already."""
    commit = added.commit
    for asset, report in _of_commit(added).items():
        name = f"{tenancy.domain}/{asset}"
        before = tenancy.days.committed(connection, name, commit.day)
        summed = report if before is None else plus(_without_refused(before, added), report)
        tenancy.days.commit(connection, name, commit.day, commit.run_id, summed.counts())
    commit_whole(connection, tenancy, state, commit.run_id)


def commit_whole(connection: sa.Connection, tenancy: Tenancy, state: TicketState, run_id: str) -> None:
    """Tell the aggregate tables anew, as the transaction of `connection` leaves them."""
    for asset, report in whole_reports(state.totals_in(connection)).items():
        tenancy.days.commit(connection, f"{tenancy.domain}/{asset}", NO_DAY, run_id, report.counts())


def _without_refused(before: DayCommit, added: Added) -> DayReport:
    report = DayReport.restore(before.day, before.counts)
    return report if added.commits else replace(report, failures=())


def plus(before: DayReport, more: DayReport) -> DayReport:
    """A day's report and one commit more; of failures the first are kept, of facts the newest, but counts add up."""
    return replace(
        before,
        came=before.came + more.came,
        out=before.out + more.out,
        duplicates=before.duplicates + more.duplicates,
        dead_letters=before.dead_letters + more.dead_letters,
        bytes=before.bytes + more.bytes,
        seconds=before.seconds + more.seconds,
        failures=tuple([*before.failures, *more.failures][:FIRST_FAILURES]),
        facts={**before.facts, **more.facts, **_added_up(before.facts, more.facts)},
    )


_COUNTED = ("commits", "conflicts")


def _added_up(before: Mapping[str, Cell], more: Mapping[str, Cell]) -> dict[str, Cell]:
    counts = {name: (before.get(name), more.get(name)) for name in _COUNTED}
    return {name: a + b for name, (a, b) in counts.items() if isinstance(a, int) and isinstance(b, int)}


def _of_commit(added: Added) -> dict[str, DayReport]:
    """The reports of a day that has this commit alone."""
    it = added.commit
    raw = DayReport(it.day, "messages", it.messages, it.messages, bytes=it.bytes, seconds=added.seconds)
    assigned = DayReport(
        it.day,
        "messages",
        came=it.messages,
        out=it.accepted,
        duplicates=it.duplicates,
        dead_letters=it.rejected,
        bytes=it.bytes,
        seconds=added.seconds,
        failures=added.refused,
        facts={"conflicts": it.conflicts},
    )
    return {
        RAW: replace(raw, facts={"commits": added.commits, **_offsets(it)}),
        ASSIGNED: assigned,
        HIGH: DayReport(it.day, "records", it.accepted, added.high, used=added.high),
        REJECTED: DayReport(it.day, "messages", it.rejected, it.rejected, failures=added.refused),
    }


def _offsets(commit: CommitRow) -> dict[str, Cell]:
    """Where the log is read up to, by partition; of topics with very many nothing is told."""
    if len(commit.ranges) > MOST_PARTITIONS_TOLD:
        return {}
    return {f"{commit.topic}/{partition} up to offset": end for partition, (_, end) in commit.ranges.items()}


def whole_reports(totals: Totals) -> dict[str, DayReport]:
    """The reports of the aggregate tables, which are of all tickets."""
    row = metrics(totals.counts, totals.unique_clients)
    tickets = row["total_tickets"]
    facts: dict[str, Cell] = {name: int(str(value)) for name, value in row.items()}
    types, priorities = by_type(totals.counts), by_priority(totals.counts)

    def ranking(rows: Sequence[tuple[str, int]]) -> DayReport:
        counts: dict[str, Cell] = dict(rows)
        return DayReport(NO_DAY, "records", tickets, len(rows), used=tickets, facts=counts)

    return {
        METRICS: DayReport(NO_DAY, "records", tickets, 1, used=tickets, facts=facts),
        BY_TYPE: ranking(types),
        BY_PRIORITY: ranking(priorities),
    }


def refusals(topic: str, places: Sequence[tuple[int, int, Sequence[str]]]) -> list[FailureNote]:
    """The first refusals of a commit, given as (partition, offset, reasons)."""
    return [
        FailureNote(f"{topic}/{partition}: offset {offset:,}", "; ".join(reasons))
        for partition, offset, reasons in places[:FIRST_FAILURES]
    ]
