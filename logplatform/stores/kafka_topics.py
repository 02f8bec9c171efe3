"""Topics of Kafka: whether they are there, opening and making them; and what a user of the brokers may do.

What belongs here: questions about topics and the cluster. What does not: messages (`kafka_log.py`).
"""

import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field

from confluent_kafka import TopicCollection
from confluent_kafka.admin import AclOperation, AdminClient, NewPartitions, NewTopic, TopicDescription

from logplatform.failures import PermanentFailure, TransientFailure
from logplatform.settings.stores import KafkaStore
from logplatform.settings.tickets import KafkaTopic
from logplatform.stores.kafka_client import Answer, Asking, KafkaServer, MissingTopic
from logplatform.stores.kafka_log import KafkaLog

_PAUSE_SECONDS = 0.1
_NO_ID = "AAAAAAAAAAAAAAAAAAAAAA"
"""Sixteen zeros in base64: the broker keeps no ids of topics."""


@dataclass(frozen=True, slots=True)
class KafkaTopics:
    """Topics of the brokers; a new one has `replication` copies of each partition.

    `owner` names who reads and writes: it is the consumer group, and begins the name of the transactions.
    """

    server: KafkaServer
    owner: str = "logplatform"
    replication: int = 1
    _asking: Asking = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_asking", Asking(self.server))

    @classmethod
    def of(cls, section: KafkaStore, owner: str, replication: int, seconds: float | None = None) -> "KafkaTopics":
        """As the settings name the brokers; `seconds`, if given, are the most that an answer is waited for."""
        patience = section.timeout_seconds if seconds is None else min(seconds, section.timeout_seconds)
        return cls(KafkaServer(section, patience), owner, replication)

    def exists(self, topic: str) -> bool:
        """Ask for its description."""
        try:
            self.describe(topic)
        except MissingTopic:
            return False
        return True

    def open(self, topic: str) -> KafkaLog:
        """A topic that is there; raises MissingTopic, which tells how to make it."""
        return self._log(self.describe(topic))

    def make(self, topic: str, partitions: int) -> KafkaLog:
        """A topic to write to."""
        return self._log(self._made(topic, partitions))

    def make_refused(self, topic: str, partitions: int) -> KafkaLog:
        """A topic that this owner alone writes to."""
        found = self._made(topic, partitions)
        if len(found.partitions) < partitions:
            more = [NewPartitions(topic, partitions)]
            self._ask(
                f"widening topic {topic} to {partitions} partitions",
                lambda client, seconds: client.create_partitions(more, request_timeout=seconds)[topic],
            )
            found = self._soon(topic, partitions)
        return self._log(found, holder=f"{self.owner}.{topic}")

    def describe(self, topic: str) -> TopicDescription:
        """What the brokers know of a topic, and what this user may do with it. Raises MissingTopic."""

        def question(client: AdminClient, seconds: float) -> "Future[TopicDescription]":
            topics = TopicCollection([topic])
            found = client.describe_topics(topics, include_authorized_operations=True, request_timeout=seconds)
            return found[topic]

        try:
            return self._ask(f"topic {topic}", question)
        except MissingTopic as missing:
            help_ = f"make it, or let it be made: logplatform tickets produce --topic {topic} --count 1"
            raise MissingTopic(f"{missing}: {help_}") from missing

    def _made(self, topic: str, partitions: int) -> TopicDescription:
        try:
            return self.describe(topic)
        except MissingTopic:
            self.create(topic, partitions)
            return self._soon(topic, partitions)

    def create(self, topic: str, partitions: int, *, only_ask: bool = False) -> None:
        """Make a topic, or (`only_ask`) have the brokers say whether they would. One that is there stays as it is."""
        new = [NewTopic(topic, partitions, self.replication)]

        def question(client: AdminClient, seconds: float) -> "Future[None]":
            times = {"operation_timeout": seconds, "request_timeout": seconds}
            return client.create_topics(new, validate_only=only_ask, **times)[topic]

        try:
            self._ask(f"making topic {topic}", question)
        except TransientFailure:
            # Another process may have made it just now.
            if not self.exists(topic):
                raise

    def _soon(self, topic: str, partitions: int) -> TopicDescription:
        """The description of a topic that was made or widened a moment ago: not every broker knows it at once."""
        end = time.monotonic() + self.server.patience
        while True:
            try:
                found = self.describe(topic)
            except MissingTopic:
                found = None
            if found is not None and len(found.partitions) >= partitions:
                return found
            if time.monotonic() > end:
                raise TransientFailure(f"topic {topic} was made, but the brokers do not know all of it yet")
            time.sleep(_PAUSE_SECONDS)

    def _log(self, found: TopicDescription, holder: str | None = None) -> KafkaLog:
        identity = str(found.topic_id)
        known = None if identity == _NO_ID else identity
        return KafkaLog(self.server, found.name, len(found.partitions), known, self.owner, holder)

    def _ask(self, what: str, question: "Callable[[AdminClient, float], Future[Answer]]") -> Answer:
        return self._asking.ask(what, question)


def check_kafka(section: KafkaStore, sources: Iterable[KafkaTopic] = ()) -> None:
    """Raise unless the brokers answer, know the user, are new enough, and let it read and write what `sources` need.

    A topic that is missing is no mistake here: whoever reads it tells that; but a dead-letter topic must be one that
    could be made. A wrong user, certificate, version or right is a PermanentFailure; brokers that do not answer are
    Unreachable.
    """
    server = KafkaServer(section, section.timeout_seconds)
    Asking(server).ask("stores.kafka", lambda client, seconds: client.describe_cluster(request_timeout=seconds))
    for source in sources:
        topics = KafkaTopics(server, replication=source.replication)
        _may(topics, source.topic, AclOperation.READ)
        if not _may(topics, source.refused, AclOperation.READ, AclOperation.WRITE):
            topics.create(source.refused, source.partitions, only_ask=True)


def _may(topics: KafkaTopics, topic: str, *operations: AclOperation) -> bool:
    """False if the topic is missing; raises PermanentFailure if the brokers say that the user may not do all of it."""
    try:
        allowed = topics.describe(topic).authorized_operations
    except MissingTopic:
        return False
    # Brokers without rights, and some that only speak Kafka's protocol, tell nothing.
    lacking = [needed.name for needed in operations if allowed and needed not in allowed]
    if lacking:
        user = topics.server.section.username or "nobody"
        raise PermanentFailure(
            f"stores.kafka: topic {topic}: {user!r} has no right to {' and '.join(lacking)}: give it on the brokers"
        )
    return True
