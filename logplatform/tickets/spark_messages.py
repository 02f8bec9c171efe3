"""The messages that Spark reads: of a range of offsets, judged where they are read.

What belongs here: Spark's reading of Kafka and of the spool. What does not: judging (`spark_rows.py`), and what is
done with judged messages (`spark_engine.py`).
"""

import json
from functools import partial
from typing import TYPE_CHECKING

from logplatform.settings.stores import KafkaStore
from logplatform.settings.tickets import KafkaTopic
from logplatform.tickets.engine import Topic
from logplatform.tickets.letters import Ranges
from logplatform.tickets.spark_rows import JUDGED_DDL, Judging, Piece, cut_value

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

# A piece begins in the middle of a segment, of which what lies before is read in vain.
LEAST_PIECE = 20_000


def judged_messages(
    session: "SparkSession", topic: Topic, wanted: Ranges, judging: Judging, kafka: KafkaStore
) -> "DataFrame":
    """One row (columns `spark_rows.JUDGED`) for each message in `wanted`.

    Kafka's are read by Spark's connector. Another log is read by the workers, who must reach its folder.
    """
    parallel = int(session._jsparkSession.sparkContext().defaultParallelism())
    if isinstance(topic.source, KafkaTopic):
        reader = session.read.format("kafka").options(**kafka_options(kafka, topic.source.topic, wanted))
        messages = reader.option("minPartitions", str(parallel)).load()
        columns = ("partition", "offset", f"{cut_value(judging.max_line_bytes)} AS value")
        cut = messages.selectExpr(*columns, "coalesce(bigint(length(value)), 0L) AS size")
        return cut.mapInArrow(judging.messages, JUDGED_DDL)
    pieces = split(wanted, parallel)
    # One task for each piece, which is told by its number.
    numbers = session.range(0, len(pieces), 1, len(pieces))
    return numbers.mapInArrow(partial(judging.pieces, topic.log, pieces), JUDGED_DDL)


def split(wanted: Ranges, parallel: int) -> list[Piece]:
    """Ranges in pieces of about one size: two for each task that runs at once, if they are not too small."""
    messages = sum(end - first for first, end in wanted.values())
    most = max(LEAST_PIECE, -(-messages // (2 * parallel)))
    return [
        (partition, begin, min(begin + most, end))
        for partition, (first, end) in sorted(wanted.items())
        for begin in range(first, end, most)
    ]


def kafka_options(store: KafkaStore, topic: str, wanted: Ranges) -> dict[str, str]:
    """The options of Spark's Kafka source for these offsets; as all our readers it sees committed messages only."""
    taken = {str(partition): places for partition, places in sorted(wanted.items())}
    options = {
        "kafka.bootstrap.servers": store.bootstrap_servers,
        "kafka.security.protocol": store.security_protocol.upper(),
        "kafka.isolation.level": "read_committed",
        "kafka.default.api.timeout.ms": _milliseconds(store),
        "kafkaConsumer.pollTimeoutMs": _milliseconds(store),
        "assign": json.dumps({topic: [int(partition) for partition in taken]}),
        "startingOffsets": json.dumps({topic: {partition: first for partition, (first, _) in taken.items()}}),
        "endingOffsets": json.dumps({topic: {partition: end for partition, (_, end) in taken.items()}}),
        "failOnDataLoss": "true",
    }
    if store.security_protocol.startswith("sasl"):
        options |= {"kafka.sasl.mechanism": store.sasl_mechanism, "kafka.sasl.jaas.config": _login(store)}
    if store.ca_file is not None:
        # As a text, so that workers need no file.
        options |= {
            "kafka.ssl.truststore.type": "PEM",
            "kafka.ssl.truststore.certificates": store.ca_file.read_text(),
        }
    return options


def _milliseconds(store: KafkaStore) -> str:
    return str(int(store.timeout_seconds * 1_000))


def _login(store: KafkaStore) -> str:
    module = "plain.Plain" if store.sasl_mechanism == "PLAIN" else "scram.Scram"
    password = store.password.get_secret_value() if store.password else ""
    user = f'username="{_quoted(store.username or "")}" password="{_quoted(password)}"'
    return f"org.apache.kafka.common.security.{module}LoginModule required {user};"


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
