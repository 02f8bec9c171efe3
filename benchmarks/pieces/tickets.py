"""Work of the domain tickets.

What belongs here: a topic into tables, and the same by DuckDB alone. What does not: making the topic.
"""

import shutil
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from logplatform.settings.model import Settings
from logplatform.stores.ticket_log import Spool
from logplatform.tenancy import open_tenancy
from logplatform.tickets.ingest import Ingest
from logplatform.tickets.produce import Maker, Mix, produce

Piece = Callable[[], dict[str, float]]

_SEED = 20261122
_AT_ONCE = 20_000


def make_topic(folder: Path, count: int) -> None:
    """A topic of `count` tickets, made once and kept."""
    topic = folder / "spool" / "default" / "client_tickets"
    if topic.is_dir():
        return
    made = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(made, ignore_errors=True)
    log, maker, now = Spool.open(made / "client_tickets", 3), Maker(Mix(seed=_SEED)), datetime(2026, 11, 22, tzinfo=UTC)
    for begin in range(0, count, _AT_ONCE):
        log.append([maker.make(now) for _ in range(min(_AT_ONCE, count - begin))])
    topic.parent.mkdir(parents=True)
    (made / "client_tickets").rename(topic)
    made.rmdir()


def ingest(root: str) -> Piece:
    """From the topic to tables that readers see, ids and offsets committed with them."""
    folder = Path(root)
    for name in ("tickets", "datasets", "tmp"):
        shutil.rmtree(folder / name, ignore_errors=True)
    for path in folder.glob("tickets.db*"):
        path.unlink()

    def run() -> dict[str, float]:
        with open_tenancy(Settings(data_root=folder), "tickets") as tenancy:
            return {"tickets": sum(commit.accepted for commit in Ingest(tenancy, "benchmark").run())}

    return run


def duckdb_alone(root: str) -> Piece:
    """The same tables by one DuckDB statement each: nothing refused, no offsets, no ids kept for the next time."""
    source = f"{root}/spool/default/client_tickets/*/*.jsonl"
    target = Path(root) / "alone"
    target.mkdir(exist_ok=True)

    def run() -> dict[str, float]:
        with duckdb.connect() as engine:
            engine.execute(
                f"CREATE TABLE t AS SELECT DISTINCT ON (ticket_id) *, concat(request_type, ' team') AS assigned_team "
                f"FROM read_json('{source}', format = 'newline_delimited')"
            )
            high = "SELECT * FROM t WHERE priority IN ('high', 'critical')"
            figures = "SELECT count(*) AS total, count(DISTINCT client_id) AS clients FROM t"
            for name, query in (("tickets", "FROM t"), ("high", high), ("metrics", figures)):
                engine.execute(f"COPY ({query}) TO '{target / name}.parquet' (FORMAT parquet, COMPRESSION zstd)")
            return {"tickets": float(engine.execute("SELECT count(*) FROM t").fetchall()[0][0])}

    return run


def produced(root: str, rate: str, count: str) -> Piece:
    """`count` tickets at `rate` a second."""

    def wait(seconds: float) -> bool:
        time.sleep(seconds)
        return False

    def run() -> dict[str, float]:
        sent = produce(Spool.open(Path(root) / f"rate-{rate}", 3), Mix(seed=_SEED), float(rate), int(count), wait)
        return {"rate": sent.rate}

    return run
