"""New messages become tickets in tables, each exactly once.

What belongs here: one commit after the other, until nothing is new. What does not: judging and transforming messages
(`engine.py`), the folders users read (`views.py`).

A commit is one transaction: ids seen, the tables' manifest, totals, dead letters, conflicts and the new offsets
become visible together, or nothing of them does. Its files are published inside that transaction, so a process that
dies leaves files that nobody sees. Offsets are read from the state and never from the log, so the next process goes
on exactly there. One process at a time holds the lease of the tables; one that lost it cannot commit.
"""

import time
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass

import sqlalchemy as sa

from logplatform.failures import PermanentFailure, Unreachable
from logplatform.landing.leases import Lease, holder_name
from logplatform.settings.tickets import TicketTopic
from logplatform.stores.ticket_ids import SeenIds
from logplatform.stores.ticket_state import CommitRow, TicketState, TopicKey
from logplatform.tenancy import Tenancy
from logplatform.tickets.day_reports import Added, commit_day, refusals
from logplatform.tickets.engine import Taken, TicketEngine, Topic, open_engine
from logplatform.tickets.lag import MADE_AGAIN
from logplatform.tickets.letters import Ranges, conflict_row, keep_refused
from logplatform.tickets.refused import RefusedTopic
from logplatform.tickets.tables import Tables, reject_rows
from logplatform.tickets.topics import lease_name, open_log, topics
from logplatform.tickets.views import Views, tables_root

SWEEP_EVERY = 50


def open_views(tenancy: Tenancy) -> Views:
    """The folders of the tables, as the settings have them."""
    state = TicketState(tenancy.database, tenancy.tenant)
    return Views(tables_root(tenancy), Tables(tenancy, tenancy.settings.tickets.output_format), state)


@dataclass(frozen=True, slots=True)
class Ingest:
    """The ingest of one tenant's topics; one process may be at it at a time.

    Each run opens an engine of its own, unless one is given.
    """

    tenancy: Tenancy
    run_id: str
    engine: TicketEngine | None = None

    def run(self, stopped: Callable[[], bool] = lambda: False) -> Iterator[CommitRow]:
        """Commit all that is new, topic by topic, until nothing is or `stopped()`; yields each commit.

        Raises LeaseHeld if another process is at it. A topic that cannot be read, or whose brokers do not answer, does
        not hold up the others: its failure is raised when they are done. A commit that a dead process did not show to
        readers is shown first.
        """
        tenancy, views = self.tenancy, open_views(self.tenancy)
        holding = tenancy.ledger.leases.hold(lease_name(tenancy), holder_name(self.run_id))
        unreadable: list[PermanentFailure | Unreachable] = []
        with holding as lease, self._engine() as engine:
            views.publish()
            for source in topics(tenancy.settings):
                try:
                    with _opened(tenancy, source, engine, lease, self.run_id) as topic:
                        yield from self._read_on(topic, views, stopped)
                except (PermanentFailure, Unreachable) as failure:
                    unreadable.append(failure)
        if unreadable:
            raise unreadable[0]

    @contextmanager
    def _engine(self) -> Generator[TicketEngine]:
        if self.engine is not None:
            yield self.engine
            return
        with open_engine(self.tenancy) as engine:
            yield engine

    def _read_on(self, topic: "_Topic", views: Views, stopped: Callable[[], bool]) -> Iterator[CommitRow]:
        while not stopped() and (commit := topic.commit_next(views.tables)) is not None:
            views.publish()
            topic.topic.log.tell({int(partition): end for partition, (_, end) in commit.ranges.items()})
            yield commit
            if views.tables.tidy(topic.lease, views.state):
                views.publish()
            if commit.id % SWEEP_EVERY == 0:
                views.tables.sweep()


@contextmanager
def _opened(
    tenancy: Tenancy, source: TicketTopic, engine: TicketEngine, lease: Lease, run_id: str
) -> Generator["_Topic"]:
    with (
        closing(open_log(tenancy, source)) as log,
        closing(RefusedTopic(tenancy, source, log.partitions)) as refused,
    ):
        yield _Topic(tenancy, Topic(source, log), engine, lease, run_id, refused)


@dataclass(frozen=True, slots=True)
class _Topic:
    """One topic, while the lease is held."""

    tenancy: Tenancy
    topic: Topic
    engine: TicketEngine
    lease: Lease
    run_id: str
    refused: RefusedTopic

    @property
    def key(self) -> TopicKey:
        return TopicKey(self.topic.source.name, self.topic.source.topic)

    def commit_next(self, tables: Tables) -> CommitRow | None:
        """Commit the next messages, as many as one commit may have; None if there are none."""
        begun = time.monotonic()
        state = TicketState(self.tenancy.database, self.tenancy.tenant)
        with self.tenancy.database.read() as connection:
            offsets = state.offsets(connection, self.key)
            if not state.is_known(connection, self.key, self.topic.log.identity):
                raise PermanentFailure(f"{self.key.source}/{self.key.topic}: {MADE_AGAIN}")
        wanted = self._wanted(offsets)
        with self.engine.take(self.topic, wanted, self.tenancy.settings.tickets.batch_bytes) as taken:
            if not taken.ranges:
                return None
            if taken.rejects:
                self.refused.send(taken.rejects)
            with self.tenancy.ledger.transaction(self.lease) as connection:
                after = {partition: end for partition, (_, end) in taken.ranges.items()}
                state.advance(connection, self.key, offsets, after)
                state.identify(connection, self.key, self.topic.log.identity)
                row, high = self._commit(connection, state, tables, taken)
                refused = refusals(self.key.topic, [(it.partition, it.offset, it.reasons) for it in taken.rejects[:5]])
                commit_day(connection, self.tenancy, state, Added(row, high, refused, time.monotonic() - begun))
                return row

    def _wanted(self, offsets: Mapping[int, int]) -> Ranges:
        """What is new, of each partition at most its share of one commit."""
        left = self.tenancy.settings.tickets.batch_messages
        wanted: dict[int, tuple[int, int]] = {}
        # What retention removed before the first commit is not there to be read.
        starts, ends = self.topic.log.starts(), self.topic.log.ends()
        for others, (partition, end) in zip(range(len(ends), 0, -1), sorted(ends.items()), strict=True):
            first = offsets.get(partition, starts[partition])
            wanted[partition] = (first, min(end, first + max(1, left // others)))
            left -= max(0, wanted[partition][1] - first)
        return wanted

    def _commit(
        self, connection: sa.Connection, state: TicketState, tables: Tables, taken: Taken
    ) -> tuple[CommitRow, int]:
        now = self.tenancy.now()
        commit_id = state.next_commit(connection)
        made = taken.make(SeenIds(self.tenancy.tenant).add(connection, taken.ids, commit_id), commit_id)
        tables.add(connection, made.rows, reject_rows(self.key.topic, taken.rejects, commit_id))
        state.add_totals(connection, made.rows.counts)
        state.add_clients(connection, made.rows.clients)
        conflicts = (conflict_row(it, self.tenancy.redactor) for it in made.conflicting)
        state.add_conflicts(connection, self.key, commit_id, conflicts)
        keep_refused(connection, self.tenancy, self.key, taken.ranges, taken.rejects, now.date(), self.run_id)
        state.bump_version(connection)
        row = CommitRow(
            id=commit_id,
            source=self.key.source,
            topic=self.key.topic,
            ranges={str(partition): list(range_) for partition, range_ in taken.ranges.items()},
            messages=taken.messages,
            accepted=made.rows.tickets.num_rows,
            rejected=len(taken.rejects),
            duplicates=made.duplicates,
            conflicts=made.conflicts,
            bytes=taken.size,
            run_id=self.run_id,
            day=now.date(),
            committed_at=now,
        )
        state.record(connection, row)
        return row, made.rows.high_priority.num_rows
