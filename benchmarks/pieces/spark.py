"""Work of the Spark engine, and the same by a plain Spark script.

What belongs here: a topic into tables by Spark, both ways, started within the time. What does not: comparing
them (`benchmarks.tickets`).
"""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from logplatform.settings.model import Settings
from logplatform.settings.stores import SparkStore
from logplatform.stores.spark_session import options, prepare, start
from logplatform.tenancy import open_tenancy
from logplatform.tickets.ingest import Ingest
from logplatform.tickets.ticket import PRIORITIES, REQUEST_TYPES

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

Piece = Callable[[], dict[str, float]]

STORE = SparkStore(master="local[2]", memory="2g")
_UUID = "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$"
_FIELDS = ("ticket_id", "client_id", "created_at", "request", "request_type", "priority")


def ingest(root: str, batch: str) -> Piece:
    """From the topic to tables that readers see, `batch` messages in a commit, ids and offsets committed with them."""
    folder = Path(root)
    for name in ("tickets", "datasets", "tmp"):
        shutil.rmtree(folder / name, ignore_errors=True)
    for path in folder.glob("tickets.db*"):
        path.unlink()
    tickets = {"engine": "spark", "batch_messages": int(batch)}
    settings = Settings.model_validate({"data_root": folder, "tickets": tickets, "stores": {"spark": STORE}})

    def run() -> dict[str, float]:
        return {"tickets": _ingested(settings, _started())}

    return run


def _started() -> "SparkSession":
    """Spark, which ends with the process: the CPU seconds of workers that are gone cannot be read any more."""
    prepare(STORE, kafka=False)
    return start(options(STORE, kafka=False))


def _ingested(settings: Settings, session: "SparkSession") -> int:
    with open_tenancy(settings, "tickets") as opened:
        tenancy = replace(opened, given_spark=lambda: session)
        return sum(commit.accepted for commit in Ingest(tenancy, "benchmark").run())


def plain(root: str) -> Piece:
    """The same tables as a script of Spark's own functions makes them: no ids or offsets kept for the next time."""
    target = Path(root) / "plain"
    shutil.rmtree(target, ignore_errors=True)

    def run() -> dict[str, float]:
        return {"tickets": _plainly(_started(), f"{root}/spool/default/client_tickets/*/*.jsonl", target)}

    return run


def _plainly(session: "SparkSession", source: str, target: Path) -> int:
    from pyspark.sql import Window  # noqa: PLC0415
    from pyspark.sql import functions as f  # noqa: PLC0415

    lines = session.read.text(source).withColumn("place", f.monotonically_increasing_id())
    schema = ", ".join(f"{name} string" for name in _FIELDS)
    parsed = lines.select("place", "value", f.from_json("value", schema).alias("t")).select("place", "value", "t.*")
    rules = {
        "ticket_id": f.col("ticket_id").rlike(_UUID),
        "client_id": f.col("client_id").rlike("^CLIENT_[0-9]{4}$"),
        "created_at": f.expr("try_to_timestamp(created_at)").isNotNull(),
        "request": f.length("request").between(1, 500),
        "request_type": f.col("request_type").isin(*REQUEST_TYPES),
        "priority": f.col("priority").isin(*PRIORITIES),
    }
    reasons = f.array_compact(
        f.array(*(f.when(~f.coalesce(rule, f.lit(False)), f.lit(f"{name} is wrong")) for name, rule in rules.items()))
    )
    judged = parsed.withColumn("reasons", reasons).persist()
    first = Window.partitionBy(f.lower("ticket_id")).orderBy("place")
    tickets = judged.where(f.size("reasons") == 0).withColumn("nth", f.row_number().over(first)).where("nth = 1")
    teams = session.createDataFrame(
        [(kind, f"{kind} team") for kind in REQUEST_TYPES], "request_type string, team string"
    )
    made = tickets.join(f.broadcast(teams), "request_type").select(
        f.lower("ticket_id").alias("ticket_id"),
        *_FIELDS[1:2],
        f.to_timestamp("created_at").alias("created_at"),
        f.col("created_at").alias("created_at_text"),
        *_FIELDS[3:],
        "team",
    )
    made = made.persist()
    write = {"compression": "zstd", "mode": "overwrite"}
    made.write.parquet(str(target / "tickets"), **write)
    made.where(f.col("priority").isin("high", "critical")).write.parquet(str(target / "high"), **write)
    judged.where(f.size("reasons") > 0).select("place", "value", "reasons").write.parquet(
        str(target / "refused"), **write
    )
    counts = made.groupBy("request_type", "priority").count().collect()
    made.agg(f.countDistinct("client_id")).collect()
    return sum(row["count"] for row in counts)
