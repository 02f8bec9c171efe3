"""Days of tickets derived again from the log: their messages judged and transformed anew, rows replaced.

What belongs here: the commits of days that are made already. What does not: new messages (`ingest.py`), and replacing
rows in files (`replacing.py`).

A commit keeps its number, its messages and its day; what became of its messages may change (other teams, other rules,
a larger line allowed). An id belongs to the commit that brought it: a ticket that is valid only now counts unless a
later commit has its id already. What is refused only now is not sent to the dead-letter topic: that is in the order
of the offsets, and others may have read on.

Some commits at a time are one transaction, as in the ingest, so a process that dies leaves each commit as it was or as
it is now; derived again once more, nothing changes.
"""

import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import date

import pyarrow as pa
import sqlalchemy as sa

from logplatform.failures import PermanentFailure
from logplatform.landing.leases import Lease, holder_name
from logplatform.orchestration.figures import NO_DAY, FailureNote
from logplatform.stores.ticket_history import TicketHistory
from logplatform.stores.ticket_ids import SeenIds
from logplatform.stores.ticket_state import CommitRow, TopicKey
from logplatform.tenancy import Tenancy
from logplatform.tickets.day_reports import METRICS, RAW, Added, commit_day, commit_whole, refusals
from logplatform.tickets.engine import Taken, TicketEngine, Topic, open_engine
from logplatform.tickets.ingest import open_views
from logplatform.tickets.lag import MADE_AGAIN
from logplatform.tickets.letters import Ranges, conflict_row, keep_refused
from logplatform.tickets.replacing import Held, all_rows, clients_elsewhere, held, replace_rows
from logplatform.tickets.tables import REJECTS, reject_rows
from logplatform.tickets.topics import existing_logs, lease_name
from logplatform.tickets.transform import TICKETS, Transformed, gathered
from logplatform.tickets.views import Views

AT_ONCE = 200_000
_WAIT_SECONDS = 60.0
UNFINISHED = "/unfinished"


def derive_again(tenancy: Tenancy, days: Sequence[date], run_id: str) -> Iterator[CommitRow]:
    """Derive days again, oldest first; yields each commit as it is now. Days that this run has done are left alone.

    Raises PermanentFailure, before anything is changed, if the log no longer holds a message of these days, and
    LeaseHeld if another process is at the tables for longer than a minute.
    """
    history = TicketHistory(tenancy.database, tenancy.tenant)
    found = [day for day in history.days(days) if not _is_done(tenancy, day, run_id)]
    if not found:
        return
    views = open_views(tenancy)
    holding = tenancy.ledger.leases.hold(lease_name(tenancy), holder_name(run_id), _WAIT_SECONDS)
    with holding as lease, open_engine(tenancy) as engine:
        logs = {TopicKey(it.name, it.topic): Topic(it, log) for it, log in existing_logs(tenancy)}
        work = _Again(tenancy, run_id, history, views, engine, lease, logs)
        for day in found:
            work.require(day)
        for day in found:
            for commits, last in _chunks(history.commits(day)):
                yield from work.derive(commits, last=last)
                views.publish()
                if views.tables.tidy(lease, views.state):
                    views.publish()


def count_again(tenancy: Tenancy, run_id: str) -> None:
    """Count the aggregate tables anew from the tickets themselves, and show them; raises LeaseHeld as above."""
    history, views = TicketHistory(tenancy.database, tenancy.tenant), open_views(tenancy)
    if _is_done(tenancy, NO_DAY, run_id, METRICS):
        return
    with tenancy.ledger.leases.hold(lease_name(tenancy), holder_name(run_id), _WAIT_SECONDS) as lease:
        counts: Counter[tuple[str, str]] = Counter()
        clients: set[str] = set()
        for batch in all_rows(views.tables, "tickets_with_assignment"):
            counts.update(zip(batch["request_type"].to_pylist(), batch["priority"].to_pylist(), strict=True))
            clients.update(batch["client_id"].to_pylist())
        with tenancy.ledger.transaction(lease) as connection:
            history.forget_totals(connection)
            views.state.add_totals(connection, counts)
            views.state.add_clients(connection, clients)
            views.state.bump_version(connection)
            commit_whole(connection, tenancy, views.state, run_id)
        views.publish()


@dataclass(frozen=True, slots=True)
class _Judged:
    """A commit's messages, read and judged again; `row` is the commit as it stands."""

    row: CommitRow
    taken: Taken


@dataclass(frozen=True, slots=True)
class _Made:
    """A commit as it becomes, with the rows that it brings."""

    row: CommitRow
    rows: Transformed
    rejects: pa.Table


@dataclass(frozen=True, slots=True)
class _Again:
    """The work, while the lease is held."""

    tenancy: Tenancy
    run_id: str
    history: TicketHistory
    views: Views
    engine: TicketEngine
    lease: Lease
    topics: Mapping[TopicKey, Topic]

    def require(self, day: date) -> None:
        """Raise PermanentFailure unless the log holds every message of a day."""
        starts = {key: topic.log.starts() for key, topic in self.topics.items()}
        with self.tenancy.database.read() as connection:
            for key, topic in self.topics.items():
                if not self.views.state.is_known(connection, key, topic.log.identity):
                    raise PermanentFailure(f"{day} cannot be derived again: {key.source}/{key.topic}: {MADE_AGAIN}")
        for commit in self.history.commits(day):
            begins = starts.get(TopicKey(commit.source, commit.topic))
            if begins is None:
                raise PermanentFailure(
                    f"{day} cannot be derived again: no source that is switched on has {commit.topic}"
                )
            for partition, (first, _) in commit.ranges.items():
                if first < begins[int(partition)]:
                    gone = f"offset {first:,} of {commit.topic}/{partition}"
                    raise PermanentFailure(f"{day} cannot be derived again: {gone} is gone from the log (retention)")

    def derive(self, commits: Sequence[CommitRow], *, last: bool) -> Iterator[CommitRow]:
        """Derive some commits of a day again, in one transaction; `last`: they are the last ones of their day."""
        begun = time.monotonic()
        with ExitStack() as reading:
            judged = [_Judged(commit, self._read(commit, reading)) for commit in commits]
            yield from self._derive(judged, begun, last=last)

    def _derive(self, judged: Sequence[_Judged], begun: float, *, last: bool) -> Iterator[CommitRow]:
        commits = [it.row for it in judged]
        ids = [commit.id for commit in commits]
        tables = self.views.tables
        with self.tenancy.ledger.transaction(self.lease) as connection:
            before = held(tables, ids)
            self.history.forget(connection, ids, before.ids)
            made = [self._commit(connection, it) for it in judged]
            high = self._replace(connection, ids, made)
            self._count(connection, ids, before, made)
            self.views.state.bump_version(connection)
            run_id = self.run_id if last else f"{self.run_id}{UNFINISHED}"
            added = _changed(commits, made, high, run_id, time.monotonic() - begun)
            commit_day(connection, self.tenancy, self.views.state, replace(added, refused=_first_refused(judged)))
        yield from (it.row for it in made)

    def _read(self, commit: CommitRow, reading: ExitStack) -> Taken:
        topic = self.topics[TopicKey(commit.source, commit.topic)]
        taken = reading.enter_context(self.engine.take(topic, _ranges(commit), None))
        if taken.messages != commit.messages:
            found = f"{taken.messages:,} messages where there were {commit.messages:,}"
            raise PermanentFailure(f"{commit.day} cannot be derived again: commit {commit.id} finds {found}")
        return taken

    def _commit(self, connection: sa.Connection, judged: _Judged) -> _Made:
        before, taken = judged.row, judged.taken
        key = TopicKey(before.source, before.topic)
        made = taken.make(SeenIds(self.tenancy.tenant).add(connection, taken.ids, before.id), before.id)
        conflicts = (conflict_row(it, self.tenancy.redactor) for it in made.conflicting)
        self.views.state.add_conflicts(connection, key, before.id, conflicts)
        keep_refused(connection, self.tenancy, key, _ranges(before), taken.rejects, before.day, self.run_id)
        row = replace(
            before,
            accepted=made.rows.tickets.num_rows,
            rejected=len(taken.rejects),
            duplicates=made.duplicates,
            conflicts=made.conflicts,
        )
        self.history.correct(connection, row)
        return _Made(row, made.rows, reject_rows(before.topic, taken.rejects, before.id))

    def _replace(self, connection: sa.Connection, ids: Sequence[int], made: Sequence[_Made]) -> int:
        """Put the new rows in the place of the old ones; return how many more are in `high_priority_tickets`."""
        tables = self.views.tables
        tickets = pa.concat_tables([TICKETS.empty_table(), *(gathered(it.rows.tickets) for it in made)])
        high = pa.concat_tables([TICKETS.empty_table(), *(gathered(it.rows.high_priority) for it in made)])
        rejects = pa.concat_tables([REJECTS.empty_table(), *(it.rejects for it in made)])
        replace_rows(connection, tables, "tickets_with_assignment", ids, tickets)
        replace_rows(connection, tables, "rejected_tickets", ids, rejects)
        return high.num_rows - replace_rows(connection, tables, "high_priority_tickets", ids, high)

    def _count(self, connection: sa.Connection, ids: Sequence[int], before: Held, made: Sequence[_Made]) -> None:
        counts = Counter({kind: -count for kind, count in before.counts.items()})
        for it in made:
            counts.update(it.rows.counts)
        clients = {client for it in made for client in it.rows.clients}
        self.views.state.add_totals(connection, {kind: count for kind, count in counts.items() if count})
        self.views.state.add_clients(connection, clients)
        if gone := before.clients - clients:
            self.history.forget_clients(connection, gone - clients_elsewhere(self.views.tables, gone, ids))


def _changed(before: Sequence[CommitRow], after: Sequence[_Made], high: int, run_id: str, seconds: float) -> Added:
    """What the day has more (or, below zero, less) than before."""
    more = {name: sum(getattr(it.row, name) for it in after) for name in _BECAME}
    less = {name: sum(getattr(it, name) for it in before) for name in _BECAME}
    changed = {name: more[name] - less[name] for name in _BECAME}
    nothing_came = {"messages": 0, "bytes": 0, "ranges": {}}
    return Added(replace(before[0], **nothing_came, **changed, run_id=run_id), high, (), seconds, commits=0)


_BECAME = ("accepted", "rejected", "duplicates", "conflicts")


def _first_refused(judged: Sequence[_Judged]) -> list[FailureNote]:
    topic = judged[0].row.topic
    return refusals(topic, [(it.partition, it.offset, it.reasons) for one in judged for it in one.taken.rejects[:5]])


def _ranges(commit: CommitRow) -> Ranges:
    return {int(partition): (first, end) for partition, (first, end) in commit.ranges.items()}


def _chunks(commits: Iterable[CommitRow]) -> Iterator[tuple[list[CommitRow], bool]]:
    """Commits in pieces of about AT_ONCE messages, and whether a piece is the last."""
    chunk: list[CommitRow] = []
    messages = 0
    for commit in commits:
        if chunk and messages + commit.messages > AT_ONCE:
            yield chunk, False
            chunk = list[CommitRow]()
            messages = 0
        chunk.append(commit)
        messages += commit.messages
    if chunk:
        yield chunk, True


def _is_done(tenancy: Tenancy, day: date, run_id: str, asset: str = RAW) -> bool:
    newest = tenancy.days.newest(f"{tenancy.domain}/{asset}", day)
    return newest is not None and newest.run_id == run_id
