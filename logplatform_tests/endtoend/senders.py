"""Who sends: clients of the HTTP API, and a producer of Kafka, neither of them the platform's own.

What belongs here: bringing files and messages in from outside. What does not: folders that are only copied (`places`).
"""

from collections import Counter
from pathlib import Path

import httpx
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient, NewTopic

from logplatform.demo import tickets, uploads
from logplatform_tests.endtoend.stage import Stage

_LARGEST_MESSAGE = 8 * 1024**2


def send_uploads(stage: Stage) -> Counter[str]:
    """Send every file of the web shop; how often the API answered what."""
    files = sorted(path for path in (stage.input / uploads.FOLDER).rglob("*") if path.is_file())
    answers: Counter[str] = Counter()
    with stage.api() as address, httpx.Client(base_url=address, timeout=120) as client:
        for path in files:
            answer = client.post("/api/logs/upload", files={"file": (path.name, path.read_bytes())})
            answers[f"answered {answer.status_code}"] += 1
    return answers


def produce_tickets(bootstrap_servers: str, topic: str, made: Path) -> int:
    """Every message of the spool, in the same partition and order; how many."""
    admin = AdminClient({"bootstrap.servers": bootstrap_servers})
    admin.create_topics([NewTopic(topic, num_partitions=tickets.PARTITIONS)])[topic].result(timeout=30)
    # A message longer than the broker takes fits compressed, as producers of long ones send it.
    producer = Producer(
        {
            "bootstrap.servers": bootstrap_servers,
            "compression.type": "zstd",
            "message.max.bytes": _LARGEST_MESSAGE,
            "enable.idempotence": True,
        }
    )
    failed: list[str] = []
    count = 0
    for partition in range(tickets.PARTITIONS):
        for line in (made / tickets.partition_file(partition)).read_bytes().splitlines():
            producer.produce(
                topic,
                line,
                partition=partition,
                on_delivery=lambda error, _: failed.append(str(error)) if error else None,
            )
            producer.poll(0)
            count += 1
    producer.flush(60)
    assert not failed, failed[:3]
    return count
