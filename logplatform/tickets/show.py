"""The tables as rows to look at.

What belongs here: reading the first rows of what users read. What does not: printing.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

import duckdb

from logplatform.settings.model import Settings
from logplatform.stores.ticket_state import TicketState
from logplatform.tenancy import open_tenancy
from logplatform.tickets.ingest import open_views
from logplatform.tickets.tables import Table


@dataclass(frozen=True, slots=True)
class Shown:
    """Some rows of a table of `total` rows."""

    total: int
    rows: Sequence[Mapping[str, object]]

    @property
    def columns(self) -> list[str]:
        """The columns' names."""
        return list(self.rows[0]) if self.rows else []

    def values(self) -> Iterator[Sequence[object]]:
        """The rows without names."""
        return (list(row.values()) for row in self.rows)


def table_rows(settings: Settings, table: Table, limit: int) -> Shown:
    """The first rows of a table; raises PermanentFailure before anything was ingested."""
    with open_tenancy(settings, "tickets") as tenancy:
        files = [str(path) for path in open_views(tenancy).files(table) if path.stat().st_size]
    if not files:
        return Shown(0, [])
    reader = "read_parquet" if files[0].endswith(".parquet") else "read_json"
    with duckdb.connect(config={"threads": 1}) as engine:
        counted = engine.execute(f"SELECT count(*) FROM {reader}($files)", {"files": files}).fetchall()  # noqa: S608 (two fixed names)
        rows = engine.sql(f"SELECT * FROM {reader}($files) LIMIT $limit", params={"files": files, "limit": limit})  # noqa: S608 (two fixed names)
        found = [dict(zip(rows.columns, row, strict=True)) for row in rows.fetchall()]
        return Shown(counted[0][0], found)


def conflict_rows(settings: Settings, limit: int) -> Shown:
    """The newest tickets that contradict the first of their id."""
    with open_tenancy(settings, "tickets") as tenancy:
        state = TicketState(tenancy.database, tenancy.tenant)
        found = [asdict(row) for row in state.conflicts(limit)]
        return Shown(state.sums()["conflicts"], found)
