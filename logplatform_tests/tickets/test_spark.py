"""The Spark engine where it differs from the other: it reads Kafka by itself, and its JVM may die."""

import multiprocessing
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytest

from logplatform.settings.model import Settings
from logplatform.settings.stores import KafkaStore, SparkStore
from logplatform.settings.tickets import KafkaTopic
from logplatform.stores.kafka_topics import KafkaTopics
from logplatform.stores.spark_session import open_session
from logplatform.tenancy import open_tenancy
from logplatform.tickets.engine import Taken, TicketEngine, Topic, open_engine
from logplatform.tickets.report import Progress
from logplatform.tickets.transform import gathered
from logplatform.tickets.views import Views
from logplatform_tests.tickets.messages import numbered
from logplatform_tests.tickets.outcome import outcome, settings_in
from logplatform_tests.tickets.test_ingest import fill, ingest, made

pytest.importorskip("pyspark")

pytestmark = pytest.mark.slow

SPAWN = multiprocessing.get_context("spawn")
LIMIT = 4_000
QUICK = {"spark.driver.defaultJavaOptions": "-XX:TieredStopAtLevel=1"}
LOCAL = {"spark": {"master": "local[2]", "memory": "1g", "conf": QUICK}}
Moment = Literal["written", "committed"]


@pytest.fixture
def on_kafka(tmp_path: Path, kafka_store: KafkaStore, kafka_prefix: str) -> tuple[Settings, Topic]:
    """Settings for Spark on a topic of Kafka, and the topic: offsets are skipped in it, and messages aborted."""
    source = KafkaTopic(topic=f"{kafka_prefix}tickets")
    log = KafkaTopics.of(kafka_store, "logplatform.test", 1).make(source.topic, 2)
    _in_transaction(kafka_store, source.topic, [numbered(9_000)], commit=False)
    log.append_to(0, [*made(40), numbered(1), b"", b"\xff", numbered(2, note="y" * LIMIT)])
    _in_transaction(kafka_store, source.topic, [numbered(1, request="漢字"), None], commit=True)
    log.append_to(1, [numbered(n) for n in range(30, 60)])
    settings = Settings.model_validate(
        {
            "data_root": tmp_path,
            "landing": {"max_line_bytes": LIMIT},
            "stores": {"kafka": kafka_store},
            "tickets": {"topics": [source.model_dump()]},
        }
    )
    return settings, Topic(source, log)


def _in_transaction(store: KafkaStore, topic: str, values: "list[bytes | None]", *, commit: bool) -> None:
    from confluent_kafka import Producer  # noqa: PLC0415

    producer = Producer({"bootstrap.servers": store.bootstrap_servers, "transactional.id": f"{topic}-test"})
    producer.init_transactions(30)
    producer.begin_transaction()
    for value in values:
        producer.produce(topic, value=value, partition=0)
    producer.flush(30)
    producer.commit_transaction(30) if commit else producer.abort_transaction(30)


def _told(taken: Taken) -> dict[str, Any]:
    made_ = taken.make({}, 3)
    return {
        "counts": (taken.messages, taken.size, made_.duplicates, made_.conflicts, made_.rows.counts),
        "rejects": [(it.partition, it.offset, it.raw, it.size, it.reasons) for it in taken.rejects],
        "ids": taken.ids,
        "rows": sorted(gathered(made_.rows.tickets).to_pylist(), key=lambda row: row["ticket_id"]),
        "conflicts": [(row["partition"], row["offset"]) for row in made_.conflicting],
    }


def _take(
    settings: Settings, topic: Topic, engine: str, after: "Callable[[TicketEngine], object]" = lambda _: 0
) -> Any:
    chosen = settings.model_copy(update={"tickets": settings.tickets.model_copy(update={"engine": engine})})
    wanted = {partition: (0, end) for partition, end in topic.log.ends().items()}
    with open_tenancy(chosen, "tickets") as tenancy, open_engine(tenancy) as opened:
        with opened.take(topic, wanted, 1 << 30) as taken:
            told = {"ranges": dict(taken.ranges), **_told(taken)}
        after(opened)
        return told


def test_kafka_is_read_as_by_our_own_reader_and_a_jvm_that_died_is_followed_by_another(
    on_kafka: tuple[Settings, Topic], spark_store: SparkStore
) -> None:
    """Aborted messages are left out, skipped offsets are no messages, a message without a value is an empty one."""
    settings, topic = on_kafka
    stores = settings.stores.model_copy(
        update={"spark": spark_store.model_copy(update={"master": "local[2]", "conf": QUICK})}
    )
    settings = settings.model_copy(update={"stores": stores})
    expected = _take(settings, topic, "duckdb")
    assert (len(expected["rejects"]), expected["counts"][3]) == (4 + _refused_of_made(), 1)

    def again(engine: TicketEngine) -> None:
        _kill_jvm()
        wanted = {1: (0, topic.log.ends()[1])}
        with engine.take(topic, wanted, None) as taken:
            assert taken.messages == 30

    # A JVM that was started for a topic in a folder has no connector.
    with open_session(stores.spark, kafka=False) as session:
        assert session.range(3).count() == 3
    assert _take(settings, topic, "spark", again) == expected


def _refused_of_made() -> int:
    from logplatform.tickets.ticket import Ticket  # noqa: PLC0415
    from logplatform.tickets.validate import parse_ticket  # noqa: PLC0415

    return sum(not isinstance(parse_ticket(value), Ticket) for value in made(40))


def _kill_jvm() -> None:
    from pyspark.core.context import SparkContext  # noqa: PLC0415

    gateway: Any = SparkContext._gateway
    process = gateway.proc
    os.kill(process.pid, signal.SIGKILL)
    process.wait()


def _child(settings: Settings, moment: Moment) -> None:
    """Ingest, and be killed when the workers have written a commit's files, or when a commit is not shown yet."""
    from logplatform.tickets import spark_engine  # noqa: PLC0415

    def die(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    spark_engine.SMALL_ROWS = 20  # ty: ignore[invalid-assignment]
    if moment == "written":
        spark_engine.Written = die  # ty: ignore[invalid-assignment] (called for each file that was written)
    else:
        publish, seen = Views.publish, list[int]()

        def second(views: Views) -> int:
            seen.append(1)
            return die() or 0 if len(seen) == 2 else publish(views)

        Views.publish = second  # ty: ignore[invalid-assignment]
    Progress(settings).run(lambda: False, lambda _: None)


@pytest.mark.faults
def test_a_killed_ingest_loses_and_doubles_nothing(tmp_path: Path) -> None:
    values = [*made(300), *(numbered(n, priority=("low", "high")[n % 2]) for n in range(50))]
    for name in ("one", "two"):
        fill(tmp_path / name, values)
    ingest(settings_in(tmp_path / "one", batch_messages=120))
    tickets = {"engine": "spark", "batch_messages": 120}
    on_spark = Settings.model_validate({"data_root": tmp_path / "two", "tickets": tickets, "stores": LOCAL})
    for moment in ("written", "committed"):
        child = SPAWN.Process(target=_child, args=(on_spark, moment))
        child.start()
        child.join()
        assert child.exitcode == -signal.SIGKILL
    assert outcome(on_spark).sums["messages"] == 120
    # What the other engine left is gone on with.
    ingest(settings_in(tmp_path / "two", batch_messages=120))
    assert outcome(on_spark) == outcome(settings_in(tmp_path / "one"))
