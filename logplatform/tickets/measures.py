"""Measuring the store of tickets: is everything accounted for, what is still broken, where it stands.

What belongs here: counting over the offsets, the commits, the tables' manifest and the dead letters. What does not:
Dagster's checks, which show it (`checks`).
"""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from itertools import islice

import msgspec
import sqlalchemy as sa

from logplatform.landing.dead_letters import StoredLetter
from logplatform.orchestration.figures import Arrow, Broken, Fault
from logplatform.settings.tickets import SpoolTopic
from logplatform.standing import WAITING, SourceStanding, Standing, Trouble, standing_with, told_of
from logplatform.stores.schema import dataset_file, dead_letter
from logplatform.stores.ticket_state import IDENTITY, TicketState
from logplatform.stores.ticket_tables import ticket_commit, ticket_offset
from logplatform.tenancy import Tenancy
from logplatform.tickets.lag import TopicLag, look

SAMPLE = 20
STALLED_AFTER = timedelta(minutes=15)
_PUT_BACK = "put a spool's folder back as it was, or give the source another `name` in the settings (tickets.topics)"
_REACH = "see that the brokers run, that the topic is there, and stores.kafka in the settings"


def arrows(tenancy: Tenancy) -> list[Arrow]:
    """Every arrow of the flow, over the whole store.

    What came is counted by the offsets of a spool; other logs skip offsets, and what was read of them is counted. What
    came out is counted in the tables' manifest, not by the commits. What waits in a topic that cannot be looked at is
    on neither side.
    """
    state = TicketState(tenancy.database, tenancy.tenant)
    found = look(tenancy).lags
    with tenancy.database.read() as connection:
        taken, duplicates = _taken(connection, tenancy), _duplicates(connection, tenancy)
        tickets = _rows(connection, tenancy, "tickets_with_assignment")
        refused = _rows(connection, tenancy, "rejected_tickets")
        letters = _open_letters(connection, tenancy)
        counted = sum(state.totals_in(connection).counts.values())
        waiting = sum(_waiting_now(connection, state, lag) for lag in found)
    return [
        Arrow(
            "log → tickets",
            "messages",
            came=taken + waiting,
            out=tickets,
            duplicates=duplicates,
            dead_letters=refused,
            waiting=waiting,
        ),
        Arrow("tickets → metrics", "records", came=tickets, out=counted),
        Arrow("rejected_tickets → dead letters", "messages", came=refused, out=letters),
    ]


def broken(tenancy: Tenancy) -> Broken:
    """Gaps in the logs, topics that nobody reads on, and refused messages, the first ones with what helps."""
    faults = [*_log_faults(tenancy)]
    letters = tenancy.letters.count()
    sample = [*faults, *(_letter_fault(it) for it in islice(tenancy.letters.find(), SAMPLE))]
    recovery = (
        "Refused messages: `logplatform dead-letters show` tells why; have the sender correct and send them again, or "
        "correct the settings and judge them again with `logplatform dead-letters replay --domain tickets`. Topics "
        "that are not read on: `logplatform up`, `tickets stream` or `tickets run`."
    )
    return Broken(len(faults) + letters, sample[:SAMPLE], recovery)


def standing(tenancy: Tenancy) -> Standing:
    """Where the domain stands, in messages."""
    looked = look(tenancy)
    sums, found = TicketState(tenancy.database, tenancy.tenant).sums(), looked.lags
    gaps = [gap for lag in found for gap in lag.gaps()]
    counts = {
        "taken in": sums["accepted"],
        "refused": sums["rejected"],
        "duplicates": sums["duplicates"],
        WAITING: sum(lag.waiting for lag in found),
    }
    away = [f"{name}: {failure}" for name, failure in looked.failures.items()]
    troubles = [Trouble("gap", "permanent", len(gaps), gaps[:SAMPLE], _PUT_BACK)] if gaps else []
    troubles += [Trouble("topic", "transient", len(away), away[:SAMPLE], _REACH)] if away else []
    return standing_with(tenancy, counts, _sources(tenancy, found), troubles, unit="messages")


def results(tenancy: Tenancy) -> list[dict[str, object]]:
    """One row a type of request: its team, its tickets, those of them that are critical."""
    totals = TicketState(tenancy.database, tenancy.tenant).totals()
    return [
        {
            "request_type": kind,
            "assigned_team": team,
            "tickets": sum(count for (of, _), count in totals.counts.items() if of == kind),
            "critical": totals.counts.get((kind, "critical"), 0),
        }
        for kind, team in tenancy.settings.tickets.teams.items()
    ]


def _waiting_now(connection: sa.Connection, state: TicketState, lag: TopicLag) -> int:
    """What waits in view of the snapshot's offsets, which may be further than those that the lag was told by."""
    taken = state.offsets(connection, lag.key)
    return sum(max(0, end - taken.get(partition, lag.first(partition))) for partition, end in lag.ends.items())


def _taken(connection: sa.Connection, tenancy: Tenancy) -> int:
    """What was ever taken, over all topics: of a spool the offsets behind the committed ones, from the first on."""
    offset, commit = ticket_offset, ticket_commit
    spools = [source.name for source in tenancy.settings.tickets.topics if isinstance(source, SpoolTopic)]
    offsets = sa.select(offset).where(
        offset.c.tenant == tenancy.tenant, offset.c.source.in_(spools), offset.c.partition != IDENTITY
    )
    read = sa.select(sa.func.coalesce(sa.func.sum(commit.c.messages), 0)).where(
        commit.c.tenant == tenancy.tenant, commit.c.source.not_in(spools)
    )
    counted = sum(row.next_offset - _first_taken(connection, row) for row in connection.execute(offsets).all())
    return counted + int(connection.execute(read).scalar_one())


def _first_taken(connection: sa.Connection, offset: "sa.Row[tuple[object, ...]]") -> int:
    row = offset._mapping
    # As text: what a commit did not take is no JSON null then, but no value.
    taken = ticket_commit.c.ranges[str(row["partition"])].as_string()
    query = (
        sa.select(taken)
        .where(*(ticket_commit.c[name] == row[name] for name in ("tenant", "source", "topic")))
        .where(taken.is_not(None))
        .order_by(ticket_commit.c.id)
        .limit(1)
    )
    return msgspec.json.decode(connection.execute(query).scalar_one(), type=tuple[int, int])[0]


def _duplicates(connection: sa.Connection, tenancy: Tenancy) -> int:
    total = sa.func.coalesce(sa.func.sum(ticket_commit.c.duplicates), 0)
    return int(connection.execute(sa.select(total).where(ticket_commit.c.tenant == tenancy.tenant)).scalar_one())


def _rows(connection: sa.Connection, tenancy: Tenancy, dataset: str) -> int:
    table = dataset_file
    query = sa.select(sa.func.coalesce(sa.func.sum(table.c.rows), 0)).where(
        table.c.dataset == dataset, table.c.tenant == tenancy.tenant, table.c.removed_at.is_(None)
    )
    return int(connection.execute(query).scalar_one())


def _open_letters(connection: sa.Connection, tenancy: Tenancy) -> int:
    mine = sa.and_(dead_letter.c.domain == tenancy.domain, dead_letter.c.tenant == tenancy.tenant)
    query = sa.select(sa.func.count()).where(mine, dead_letter.c.replayed_at.is_(None))
    return connection.execute(query).scalar_one()


def _log_faults(tenancy: Tenancy) -> Iterator[Fault]:
    last = told_of(tenancy).last_commit
    looked = look(tenancy)
    for name, failure in looked.failures.items():
        yield Fault(f"source {name}", str(failure), recover=_REACH)
    for lag in looked.lags:
        for gap in lag.gaps():
            yield Fault(lag.source.topic, gap, recover=_PUT_BACK)
        since = _stalled_since(tenancy, lag, last)
        if since is not None:
            why = f"{lag.waiting:,} messages wait and nothing was taken in for {STALLED_AFTER.seconds // 60} minutes"
            yield Fault(lag.source.topic, why, f"{since:%Y-%m-%d %H:%M} UTC", "logplatform tickets run")


def _stalled_since(tenancy: Tenancy, lag: TopicLag, last: datetime | None) -> datetime | None:
    """Since when a topic is not read on, None if it is: no commit for a while, and its next message is as old.

    A message that tells no time is taken to have come just after the last commit.
    """
    if not lag.waiting or (last is not None and tenancy.now() - last < STALLED_AFTER):
        return None
    since = lag.waits_since(tenancy.settings.landing.max_line_bytes) or last
    return since if since is not None and tenancy.now() - since >= STALLED_AFTER else None


def _letter_fault(letter: StoredLetter) -> Fault:
    return Fault(
        what=f"{letter.path}: offset {letter.position:,}",
        reason="; ".join(letter.reasons),
        since=f"{letter.created_at:%Y-%m-%d %H:%M} UTC",
        recover=f"logplatform dead-letters show tickets:{letter.id}",
    )


def _sources(tenancy: Tenancy, found: Sequence[TopicLag]) -> list[SourceStanding]:
    """Every topic of the settings, with what was taken of it and what waits; its errors are refused messages."""
    table = ticket_commit
    query = (
        sa.select(
            table.c.source,
            table.c.topic,
            sa.func.sum(table.c.messages),
            sa.func.sum(table.c.rejected),
            sa.func.max(table.c.committed_at),
        )
        .where(table.c.tenant == tenancy.tenant)
        .group_by(table.c.source, table.c.topic)
    )
    with tenancy.database.read() as connection:
        done = {(source, topic): rest for source, topic, *rest in connection.execute(query)}
    waiting = {(lag.source.name, lag.source.topic): lag.waiting for lag in found}
    told = []
    for source in tenancy.settings.tickets.topics:
        messages, refused, last = done.get((source.name, source.topic), (0, 0, None))
        lag = waiting.get((source.name, source.topic), 0)
        name = f"{source.name}/{source.topic}"
        told.append(SourceStanding(name, int(messages) + lag, lag, int(refused), last, source.enabled))
    return told
