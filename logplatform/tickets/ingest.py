"""New messages become tickets in tables, each exactly once.

What belongs here: one commit after the other, until nothing is new. What does not: judging messages (`intake.py`),
the transformation (`transform.py`), the folders users read (`views.py`).

A commit is one transaction: ids seen, the tables' manifest, totals, dead letters, conflicts and the new offsets
become visible together, or nothing of them does. Its files are published inside that transaction, so a process that
dies leaves files that nobody sees. Offsets are read from the state and never from the log, so the next process goes
on exactly there. One process at a time holds the lease of the tables; one that lost it cannot commit.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import duckdb
import sqlalchemy as sa

from logplatform.failures import PermanentFailure
from logplatform.landing.leases import Lease, holder_name
from logplatform.settings.tickets import TicketTopic
from logplatform.stores.ticket_ids import SeenIds
from logplatform.stores.ticket_log import TicketLog
from logplatform.stores.ticket_state import CommitRow, TicketState, TopicKey
from logplatform.tenancy import Tenancy
from logplatform.tickets.day_reports import Added, commit_day, refusals
from logplatform.tickets.intake import Intake
from logplatform.tickets.letters import Ranges, conflict_row, keep_refused
from logplatform.tickets.refused import send_refused
from logplatform.tickets.tables import Tables, reject_rows
from logplatform.tickets.topics import lease_name, open_log, open_refused_log, topics
from logplatform.tickets.transform import open_engine, transform
from logplatform.tickets.views import Views, tables_root

SWEEP_EVERY = 50


def open_views(tenancy: Tenancy) -> Views:
    """The folders of the tables, as the settings have them."""
    state = TicketState(tenancy.database, tenancy.tenant)
    return Views(tables_root(tenancy), Tables(tenancy, tenancy.settings.tickets.output_format), state)


@dataclass(frozen=True, slots=True)
class Ingest:
    """The ingest of one tenant's topics; one process may be at it at a time."""

    tenancy: Tenancy
    run_id: str

    def run(self, stopped: Callable[[], bool] = lambda: False) -> Iterator[CommitRow]:
        """Commit all that is new, topic by topic, until nothing is or `stopped()`; yields each commit.

        Raises LeaseHeld if another process is at it. A topic that cannot be read does not hold up the others: its
        PermanentFailure is raised when they are done. A commit that a dead process did not show to readers is shown
        first.
        """
        tenancy, views = self.tenancy, open_views(self.tenancy)
        holding = tenancy.ledger.leases.hold(lease_name(tenancy), holder_name(self.run_id))
        unreadable: list[PermanentFailure] = []
        with holding as lease, open_engine() as engine:
            views.publish()
            for source in topics(tenancy.settings):
                topic = _Topic(tenancy, source, open_log(tenancy.settings, source), engine, lease, self.run_id)
                try:
                    yield from self._read_on(topic, views, stopped)
                except PermanentFailure as failure:
                    unreadable.append(failure)
        if unreadable:
            raise unreadable[0]

    def _read_on(self, topic: "_Topic", views: Views, stopped: Callable[[], bool]) -> Iterator[CommitRow]:
        while not stopped() and (commit := topic.commit_next(views.tables)) is not None:
            views.publish()
            yield commit
            if views.tables.tidy(topic.lease, views.state):
                views.publish()
            if commit.id % SWEEP_EVERY == 0:
                views.tables.sweep()


@dataclass(frozen=True, slots=True)
class _Topic:
    """One topic, while the lease is held."""

    tenancy: Tenancy
    source: TicketTopic
    log: TicketLog
    engine: duckdb.DuckDBPyConnection
    lease: Lease
    run_id: str

    @property
    def key(self) -> TopicKey:
        return TopicKey(self.source.name, self.source.topic)

    def commit_next(self, tables: Tables) -> CommitRow | None:
        """Commit the next messages, as many as one commit may have; None if there are none."""
        begun = time.monotonic()
        state = TicketState(self.tenancy.database, self.tenancy.tenant)
        with self.tenancy.database.read() as connection:
            offsets = state.offsets(connection, self.key)
        intake = Intake(self.tenancy.settings.landing.max_line_bytes, self.tenancy.redactor)
        ranges = self._read(intake, offsets)
        if not ranges:
            return None
        if intake.rejects:
            refused = open_refused_log(self.tenancy.settings, self.source, self.log.partitions)
            send_refused(refused, self.source.topic, self.log.partitions, intake.rejects, intake.max_line_bytes)
        with self.tenancy.ledger.transaction(self.lease) as connection:
            after = {partition: end for partition, (_, end) in ranges.items()}
            state.advance(connection, self.key, offsets, after)
            row, high = self._commit(connection, state, tables, intake, ranges)
            refused = refusals(self.source.topic, [(it.partition, it.offset, it.reasons) for it in intake.rejects[:5]])
            commit_day(connection, self.tenancy, state, Added(row, high, refused, time.monotonic() - begun))
            return row

    def _read(self, intake: Intake, offsets: Mapping[int, int]) -> dict[int, tuple[int, int]]:
        """Take in what is new, each partition its share of one commit; return what was taken."""
        settings = self.tenancy.settings.tickets
        ranges: dict[int, tuple[int, int]] = {}
        # What retention removed before the first commit is not there to be read.
        starts, ends = self.log.starts(), self.log.ends()
        for left, (partition, end) in zip(range(len(ends), 0, -1), sorted(ends.items()), strict=True):
            first = after = offsets.get(partition, starts[partition])
            share = max(1, (settings.batch_messages - intake.messages) // left)
            allowed = intake.size + max(1, (settings.batch_bytes - intake.size) // left)
            for block in self.log.read(partition, first, min(end, first + share), intake.max_line_bytes):
                intake.take(block)
                after = block.next
                if intake.size >= allowed or intake.crowded:
                    break
            if after > first:
                ranges[partition] = (first, after)
        return ranges

    def _commit(
        self, connection: sa.Connection, state: TicketState, tables: Tables, intake: Intake, ranges: Ranges
    ) -> tuple[CommitRow, int]:
        settings, now = self.tenancy.settings.tickets, self.tenancy.now()
        commit_id = state.next_commit(connection)
        found = intake.grouped()
        settled = found.settle(SeenIds(self.tenancy.tenant).add(connection, found.ids, commit_id))
        made = transform(self.engine, settled.tickets, settings.teams, settings.high_priorities, commit_id)
        tables.add(connection, made, reject_rows(self.source.topic, intake.rejects, commit_id))
        state.add_totals(connection, made.counts)
        state.add_clients(connection, made.clients)
        conflicts = (conflict_row(it, self.tenancy.redactor) for it in settled.conflicting())
        state.add_conflicts(connection, self.key, commit_id, conflicts)
        keep_refused(connection, self.tenancy, self.key, ranges, intake.rejects, now.date(), self.run_id)
        state.bump_version(connection)
        row = CommitRow(
            id=commit_id,
            source=self.source.name,
            topic=self.source.topic,
            ranges={str(partition): list(taken) for partition, taken in ranges.items()},
            messages=intake.messages,
            accepted=settled.tickets.num_rows,
            rejected=len(intake.rejects),
            duplicates=settled.duplicates,
            conflicts=settled.conflicts.num_rows,
            bytes=intake.size,
            run_id=self.run_id,
            day=now.date(),
            committed_at=now,
        )
        state.record(connection, row)
        return row, made.high_priority.num_rows
