"""Tickets become enriched tickets: the transformation itself, as SQL, and DuckDB running it.

What belongs here: what is computed from a commit's tickets. What does not: validation (`validate.py`), storing, and
Spark running the same (`spark_rows.py`).

The statements are plain SQL on the tables `tickets` and `teams`, which both engines read the same way.
"""

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import duckdb
import pyarrow as pa

from logplatform.tickets.files import Format
from logplatform.tickets.judge import ROWS
from logplatform.tickets.ticket import RequestType

ENRICH = """
SELECT t.ticket_id, t.client_id, t.created_at, t.created_at_text, t.request, t.request_type, t.priority,
       teams.assigned_team, t.commit_id
FROM tickets AS t JOIN teams ON teams.request_type = t.request_type
"""
COUNT = "SELECT request_type, priority, count(*) AS tickets FROM tickets GROUP BY request_type, priority"
CLIENTS = "SELECT DISTINCT client_id FROM tickets"

TICKETS = pa.schema(
    [
        *(field for field in ROWS if field.name not in {"partition", "offset"}),
        pa.field("assigned_team", pa.string(), nullable=False),
        pa.field("commit_id", pa.int64(), nullable=False),
    ]
)
"""Columns of `tickets_with_assignment` and `high_priority_tickets`; `commit_id` tells the commit that brought it."""


class Written(NamedTuple):
    """A file that was published."""

    key: str
    rows: int
    bytes: int


class Spread(Protocol):
    """Rows that are too many for this process; they have the columns `TICKETS`, and lie where they were computed."""

    @property
    def num_rows(self) -> int:
        """How many there are."""
        ...

    def table(self) -> pa.Table:
        """All of them in this process: at most one commit's."""
        ...

    def publish(self, folder: str, format_: Format) -> list[Written]:
        """Write them, where they lie, to files of the store that nobody sees yet, their keys below `folder`."""
        ...


Fresh = pa.Table | Spread


def gathered(rows: Fresh) -> pa.Table:
    """Rows in this process."""
    return rows if isinstance(rows, pa.Table) else rows.table()


@dataclass(frozen=True, slots=True)
class Transformed:
    """What a commit adds: rows, counts by (request_type, priority), and its clients."""

    tickets: Fresh
    high_priority: Fresh
    counts: dict[tuple[str, str], int]
    clients: list[str]


@contextmanager
def open_duckdb() -> Generator[duckdb.DuckDBPyConnection]:
    """DuckDB, in memory."""
    with duckdb.connect(config={"threads": 1}) as engine:
        yield engine


def transform(
    engine: duckdb.DuckDBPyConnection,
    tickets: pa.Table,
    teams: Mapping[RequestType, str],
    high: Sequence[str],
    commit_id: int,
) -> Transformed:
    """Enrich and count `tickets` (columns `judge.ROWS`); `high` are the priorities of `high_priority_tickets`."""
    commit = pa.repeat(pa.scalar(commit_id, pa.int64()), tickets.num_rows)
    engine.register("tickets", tickets.append_column("commit_id", commit))
    engine.register("teams", pa.table({"request_type": list(teams), "assigned_team": list(teams.values())}))
    try:
        enriched = _typed(engine.sql(ENRICH).to_arrow_table())
        engine.register("enriched", enriched)
        marks = ", ".join("?" * len(high))
        chosen = engine.sql(f"SELECT * FROM enriched WHERE priority IN ({marks})", params=list(high))  # noqa: S608 (question marks only)
        return Transformed(
            tickets=enriched,
            high_priority=_typed(chosen.to_arrow_table()),
            counts={(kind, priority): count for kind, priority, count in engine.execute(COUNT).fetchall()},
            clients=[client for (client,) in engine.execute(CLIENTS).fetchall()],
        )
    finally:
        # What stays registered stays in memory.
        for name in ("tickets", "teams", "enriched"):
            engine.unregister(name)


def _typed(table: pa.Table) -> pa.Table:
    # DuckDB gives times the session's zone and makes every column nullable.
    return table.cast(TICKETS)
