"""Apache Kafka, one node that is broker and controller (KRaft), from its jars.

What belongs here: getting and running Kafka. What does not: topics of single tests (`isolation`).
"""

import base64
import subprocess
import uuid
from pathlib import Path

from logplatform_tests.servers.java import get_with_dependencies, java_home
from logplatform_tests.servers.place import NotHad, cache_folder, locked
from logplatform_tests.servers.ports import LOOPBACK, free_port
from logplatform_tests.servers.processes import Launch
from logplatform_tests.servers.server import Server

VERSION = "4.2.1"
_HEAP = "512m"
_POM = f"""<project xmlns="http://maven.apache.org/POM/4.0.0">
  <modelVersion>4.0.0</modelVersion>
  <groupId>local</groupId><artifactId>kafka-broker</artifactId><version>1</version><packaging>pom</packaging>
  <dependencies>
    <dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>{VERSION}</version>
    </dependency>
    <dependency><groupId>org.slf4j</groupId><artifactId>slf4j-simple</artifactId><version>1.7.36</version></dependency>
  </dependencies>
</project>
"""


class Kafka(Server):
    name = "kafka"
    variable = "LOGPLATFORM_TEST_KAFKA"
    patience_seconds = 120

    def __init__(self, advertised_port: int | None = None) -> None:
        """`advertised_port`: where clients are sent, if not where it listens (a proxy)."""
        self._advertised_port = advertised_port

    def get(self) -> None:
        with locked(cache_folder() / "kafka.lock"):
            get_with_dependencies(_libraries(), _POM)

    def prepare(self, folder: Path, port: int) -> Launch:
        properties = folder / "server.properties"
        properties.write_text(_configuration(folder, port, self._advertised_port or port))
        if not (folder / "data" / "meta.properties").exists():
            cluster = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
            _run([*_java("256m"), "kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(properties)])
        return Launch([*_java(_HEAP), "kafka.Kafka", str(properties)])

    def ready(self, folder: Path, port: int) -> bool:
        from confluent_kafka import KafkaException  # noqa: PLC0415 (slow to load, and only this needs it)
        from confluent_kafka.admin import AdminClient  # noqa: PLC0415

        admin = AdminClient({"bootstrap.servers": f"{LOOPBACK}:{port}", "log_level": 0})
        try:
            return bool(admin.list_topics(timeout=2).brokers)
        except KafkaException:
            return False

    def address(self, folder: Path, port: int) -> str:
        return f"{LOOPBACK}:{port}"


def _libraries() -> Path:
    return cache_folder() / f"kafka-{VERSION}"


def _java(heap: str) -> list[str]:
    logger = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"
    program = str(java_home() / "bin" / "java")
    # It lives for minutes: what the second compiler would make faster is not worth its own time.
    quick = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
    memory = (f"-Xms{heap}", f"-Xmx{heap}")
    return [program, *memory, *quick, "-Djava.awt.headless=true", logger, "-cp", f"{_libraries()}/*"]


def _configuration(folder: Path, port: int, advertised: int) -> str:
    controller = free_port()
    settings = {
        "process.roles": "broker,controller",
        "node.id": 1,
        "controller.quorum.voters": f"1@{LOOPBACK}:{controller}",
        "listeners": f"PLAINTEXT://{LOOPBACK}:{port},CONTROLLER://{LOOPBACK}:{controller}",
        "advertised.listeners": f"PLAINTEXT://{LOOPBACK}:{advertised}",
        "controller.listener.names": "CONTROLLER",
        "inter.broker.listener.name": "PLAINTEXT",
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
        "log.dirs": folder / "data",
        "num.partitions": 3,
        "auto.create.topics.enable": "false",
        "offsets.topic.replication.factor": 1,
        "offsets.topic.num.partitions": 5,
        "transaction.state.log.replication.factor": 1,
        "transaction.state.log.min.isr": 1,
        "transaction.state.log.num.partitions": 5,
        "share.coordinator.state.topic.replication.factor": 1,
        "share.coordinator.state.topic.min.isr": 1,
        "group.initial.rebalance.delay.ms": 0,
    }
    return "".join(f"{name}={value}\n" for name, value in settings.items())


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    if done.returncode != 0:
        raise NotHad(f"Kafka could not format its folder: {(done.stdout + done.stderr)[-500:]}")
