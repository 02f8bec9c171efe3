"""What the results of archives and machines are made of: events by server and format, production by centre.

What belongs here: counting over what is stored, for the summary of `logplatform run`. What does not: the flow from
source to result, which each domain measures itself, and the results of the domains that count theirs as they go.
"""

from collections.abc import Mapping, Sequence

import sqlalchemy as sa

from logplatform.stores.dataset import VisibleFile
from logplatform.stores.session_schema import centre_usinage, session_production
from logplatform.tenancy import Tenancy

_FILES_AT_ONCE = 500
_EVENTS = "SELECT server, format, count(*), sum(lines) FROM read_parquet($uris) GROUP BY ALL"
_CENTRES = "SELECT centre, '', count(*), 0 FROM read_parquet($uris) GROUP BY ALL"


def archives_results(tenancy: Tenancy) -> list[dict[str, object]]:
    """One row a group: server, format, lines (that the events cover), events; counted in constant memory."""
    from logplatform.archives.deliver import events_dataset  # noqa: PLC0415 (a command needs one domain only)

    counts = _counted(_EVENTS, events_dataset(tenancy).visible())
    return [
        {"server": server, "format": kind, "lines": lines, "events": events}
        for (server, kind), (events, lines) in sorted(counts.items())
    ]


def machines_results(tenancy: Tenancy) -> list[dict[str, object]]:
    """One row a centre: centre, sessions, events, pieces; counted in constant memory."""
    from logplatform.machines.event_table import DATASET, SCHEMA  # noqa: PLC0415 (a command needs one domain only)

    events = _counted(_CENTRES, tenancy.dataset(DATASET, SCHEMA).visible())
    sessions = _sessions(tenancy)
    return [
        {
            "centre": centre,
            "sessions": sessions.get(centre, (0, 0))[0],
            "events": events.get((centre, ""), (0, 0))[0],
            "pieces": sessions.get(centre, (0, 0))[1],
        }
        for centre in sorted(sessions.keys() | {centre for centre, _ in events})
    ]


def _counted(query: str, files: Sequence[VisibleFile]) -> Mapping[tuple[str, str], tuple[int, int]]:
    """(group, kind) -> (rows, lines), some files at a time."""
    import duckdb  # noqa: PLC0415 (the results come last: the run before them need not carry it)

    totals: dict[tuple[str, str], tuple[int, int]] = {}
    with duckdb.connect(config={"threads": 1}) as engine:
        for start in range(0, len(files), _FILES_AT_ONCE):
            uris = [file.uri for file in files[start : start + _FILES_AT_ONCE]]
            for group, kind, rows, lines in engine.execute(query, {"uris": uris}).fetchall():
                before = totals.get((group, kind), (0, 0))
                totals[group, kind] = (before[0] + int(rows), before[1] + int(lines))
    return totals


def _sessions(tenancy: Tenancy) -> Mapping[str, tuple[int, int]]:
    """Centre -> (sessions, pieces)."""
    query = (
        sa.select(centre_usinage.c.nom, sa.func.count(), sa.func.sum(session_production.c.total_pieces))
        .select_from(session_production.join(centre_usinage))
        .where(session_production.c.tenant == tenancy.tenant)
        .group_by(centre_usinage.c.nom)
    )
    with tenancy.database.read() as connection:
        return {nom: (int(sessions), int(pieces)) for nom, sessions, pieces in connection.execute(query)}
