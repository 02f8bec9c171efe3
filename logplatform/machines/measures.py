"""Measuring the store of machines: is everything accounted for, and what is still broken.

What belongs here: counting over the ledger, the dead letters, the event files and the sessions. What does not:
Dagster's checks, which show it (`checks`).
"""

from collections import Counter
from datetime import date
from itertools import islice

import sqlalchemy as sa

from logplatform.failures import TransientFailure
from logplatform.landing.ledger_reader import SAME_CONTENT
from logplatform.landing.observations import Observation
from logplatform.machines.parse import KIND_NAMES, PIECE
from logplatform.machines.unit_events import events_dataset
from logplatform.orchestration.figures import Arrow, Broken, Fault
from logplatform.stores.dataset import VisibleFile
from logplatform.stores.machine_days import MachineDays
from logplatform.stores.schema import content, observation
from logplatform.stores.session_schema import session_production
from logplatform.stores.tally import count_of
from logplatform.tenancy import Tenancy

SAMPLE = 20
_SNAPSHOTS = 5

_landed = observation.c.sha256.is_not(None)
_refused = sa.and_(observation.c.status == "error", observation.c.error_type == "permanent")
_waiting = sa.and_(sa.not_(_refused), observation.c.status.in_(["copied", "error"]))


def arrows(tenancy: Tenancy) -> list[Arrow]:
    """Every arrow of the flow, over the whole store.

    Lines are counted by the landing as they come in; events are those in the manifest, pieces are counted in the
    event files themselves. Raises TransientFailure if commits never pause long enough to count.
    """
    dataset = events_dataset(tenancy)
    for _ in range(_SNAPSHOTS):
        visible = dataset.visible()
        with tenancy.database.read() as connection:
            files, lines = _files(connection, tenancy), _lines(connection, tenancy, visible)
            sessions, busy = _sessions(connection, tenancy), _busy_days(connection, tenancy)
        pieces = _pieces(visible)
        # The manifest and the ledger change in one transaction: an unchanged list means that all was read between two.
        if dataset.visible() == visible:
            return [files, lines, _pieces_arrow(pieces, sessions, busy)]
    raise TransientFailure("machines: days were committed all the time while they were counted")


def broken(tenancy: Tenancy) -> Broken:
    """Files that failed and were not made good since, the first ones with what helps."""
    failed = (observation.c.status == "error",)
    count = sum(tenancy.ledger.count(*failed).values())
    sample = [_fault(tenancy, found) for found in islice(tenancy.ledger.find(*failed), SAMPLE)]
    recovery = (
        "Files that will be tried again come by themselves. For the others, remove the cause, then "
        "`logplatform machines run --retry` gives every failed file new attempts. Lines that were refused: "
        "`logplatform dead-letters list --domain machines`."
    )
    return Broken(count, sample, recovery)


def _fault(tenancy: Tenancy, found: Observation) -> Fault:
    again = found.error_type == "transient"
    when = "" if found.next_attempt_at is None else f", tried again after {found.next_attempt_at:%Y-%m-%d %H:%M} UTC"
    return Fault(
        what=tenancy.redactor.text(f"{found.source}/{found.path}"),
        reason=f"{found.error_kind}: {tenancy.redactor.text(found.error or '')}{when}",
        since=f"{found.first_seen:%Y-%m-%d %H:%M} UTC",
        recover="none needed" if again else "logplatform machines run --retry",
    )


def _mine(tenancy: Tenancy) -> tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]]:
    return observation.c.domain == tenancy.domain, observation.c.tenant == tenancy.tenant


def _files(connection: sa.Connection, tenancy: Tenancy) -> Arrow:
    def counted(*conditions: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
        return sa.func.coalesce(sa.func.sum(sa.case((sa.and_(*conditions), 1), else_=0)), 0)

    unlanded = sa.not_(_landed)
    query = sa.select(
        sa.func.count(),
        counted(_landed),
        counted(unlanded, observation.c.status == "superseded"),
        counted(unlanded, _refused),
        counted(unlanded, sa.not_(_refused), observation.c.status != "superseded"),
    ).where(*_mine(tenancy))
    seen, landed, replaced, refused, waiting = map(int, connection.execute(query).one())
    return Arrow("seen → landed", "files", seen, landed, replaced, refused, waiting)


def _lines(connection: sa.Connection, tenancy: Tenancy, visible: list[VisibleFile]) -> Arrow:
    came, refused, waiting = (_content_lines(connection, tenancy, *which) for which in ((), (_refused,), (_waiting,)))
    totals = MachineDays(tenancy.database, tenancy.tenant).totals(connection)
    return Arrow(
        "landed → events",
        "lines",
        came=came,
        out=sum(file.rows for file in visible),
        duplicates=totals["duplicates"],
        dead_letters=tenancy.letters.count_in(connection) + refused,
        waiting=waiting + totals["unended"],
    )


def _content_lines(connection: sa.Connection, tenancy: Tenancy, *which: sa.ColumnElement[bool]) -> int:
    query = (
        sa.select(sa.func.coalesce(sa.func.sum(content.c.lines), 0))
        .select_from(observation.join(content, SAME_CONTENT))
        .where(*_mine(tenancy), *which)
    )
    return int(connection.execute(query).scalar_one())


def _sessions(connection: sa.Connection, tenancy: Tenancy) -> Counter[date]:
    """The pieces in the sessions of each day."""
    columns = session_production.c
    query = (
        sa.select(columns.date_production, sa.func.sum(columns.total_pieces))
        .where(columns.tenant == tenancy.tenant)
        .group_by(columns.date_production)
    )
    return Counter({day: int(pieces) for day, pieces in connection.execute(query)})


def _busy_days(connection: sa.Connection, tenancy: Tenancy) -> set[date]:
    """Days whose events are there and that a run is still making the rest of."""
    query = sa.select(observation.c.day).distinct().where(*_mine(tenancy), observation.c.status == "extracted")
    return set(connection.execute(query).scalars())


def _pieces(files: list[VisibleFile]) -> Counter[date]:
    """The pieces in the event files of each day, a file at a time."""
    found: Counter[date] = Counter()
    for file in files:
        found[date.fromisoformat(file.partition)] += count_of(file.uri, "event", KIND_NAMES[PIECE])
    return found


def _pieces_arrow(events: Counter[date], sessions: Counter[date], busy: set[date]) -> Arrow:
    """Pieces logged against pieces in sessions; a day in work may be behind, any other difference is missing."""
    waiting = sum(max(events[day] - sessions[day], 0) for day in busy)
    return Arrow("events → sessions", "records", events.total(), sessions.total(), waiting=waiting)
