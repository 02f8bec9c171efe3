"""Work of the domain tickets, and the topics it is done on.

What belongs here: a topic into tables, the same by DuckDB alone, and small commits beside many tickets. What does
not: comparing them (`benchmarks.tickets`).
"""

import shutil
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import numpy as np

from logplatform.settings.model import Settings
from logplatform.stores.ticket_ids import ID_BYTES, RECORD_BYTES, SeenIds
from logplatform.stores.ticket_log import Spool
from logplatform.tenancy import open_tenancy
from logplatform.tickets.ingest import Ingest
from logplatform.tickets.produce import Maker, Mix, produce

Piece = Callable[[], dict[str, float]]

_SEED = 20261122
_AT_ONCE = 20_000
_BATCH = 1_000
_BATCHES = 10
_ID_PARTS = 4


def make_topic(folder: Path, count: int) -> None:
    """A topic of `count` tickets, each created 50 µs after the one before; made once and kept."""
    topic = folder / "spool" / "default" / "client_tickets"
    if topic.is_dir():
        return
    made = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(made, ignore_errors=True)
    log, maker, start = (
        Spool.open(made / "client_tickets", 3),
        Maker(Mix(seed=_SEED)),
        datetime(2026, 11, 22, tzinfo=UTC),
    )
    for begin in range(0, count, _AT_ONCE):
        times = range(begin, min(begin + _AT_ONCE, count))
        log.append([maker.make(start + timedelta(microseconds=50 * number)) for number in times])
    topic.parent.mkdir(parents=True)
    (made / "client_tickets").rename(topic)
    made.rmdir()


def make_seen(folder: Path, ids: int) -> None:
    """A database that remembers `ids` random tickets; made once and kept.

    They come in parts, each over all the range of ids, so that the table's pages are as full as after many commits.
    """
    if folder.is_dir():
        return
    made = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(made, ignore_errors=True)
    draw = np.random.default_rng(_SEED)
    with open_tenancy(Settings(data_root=made), "tickets") as tenancy:
        for part in range(_ID_PARTS):
            records = draw.integers(0, 256, (ids // _ID_PARTS, RECORD_BYTES), np.uint8)
            halves = records[:, :ID_BYTES].copy().view(">u8")
            data = records[np.lexsort((halves[:, 1], halves[:, 0]))].tobytes()
            for begin in range(0, len(data), _AT_ONCE * RECORD_BYTES):
                with tenancy.database.write() as connection:
                    chunk = data[begin : begin + _AT_ONCE * RECORD_BYTES]
                    # No commit has this number, and none will.
                    SeenIds("default").add(connection, chunk, -1 - part)
    made.rename(folder)


def batches(root: str) -> Piece:
    """Ten commits of 1,000 new tickets each beside what `root` remembers."""
    settings = Settings.model_validate({"data_root": Path(root), "tickets": {"batch_messages": _BATCH}})
    maker, now = Maker(Mix()), datetime(2026, 11, 22, tzinfo=UTC)
    log = Spool.open(settings.data_root / "spool" / "default" / "client_tickets", 3)
    values = [maker.make(now)[1] for _ in range(_BATCH * _BATCHES)]
    for partition in range(3):
        log.append_to(partition, values[partition::3])

    def run() -> dict[str, float]:
        with open_tenancy(settings, "tickets") as tenancy:
            return {"commits": float(sum(1 for _ in Ingest(tenancy, "benchmark").run()))}

    return run


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
