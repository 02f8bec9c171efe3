"""Writing to Kafka: every message once and acknowledged by all replicas in sync, or a failure.

What belongs here: producers, deliveries, transactions. What does not: which partition a message goes to
(`kafka_log.py`), and reading (`kafka_reader.py`).

Both producers are idempotent: what librdkafka sends again after a lost connection is kept once, in its place. A
`Writer` may have been followed by another process while its last messages were under way; where that must not be,
`Exclusive` writes in transactions under a name: whoever takes the name ends what its former holder began, and nothing
of that comes in any more.
"""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import NamedTuple

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from logplatform.failures import LogplatformError
from logplatform.stores.kafka_client import KafkaServer, Notes, error_of

_LOOK_SECONDS = 0.2
_QUEUE_KILOBYTES = 65_536
_TRANSACTION_SECONDS = 60


class Record(NamedTuple):
    """A message and its place."""

    partition: int
    key: bytes | None
    value: bytes


@dataclass(slots=True)
class _Deliveries:
    """What became of the messages of one sending; `last` is the highest offset, by partition."""

    error: KafkaError | None = None
    last: dict[int, int] = field(default_factory=dict)

    def take(self, error: KafkaError | None, message: Message) -> None:
        # The first says what happened; those behind it are only taken out of the queue.
        if error is not None:
            self.error = self.error or error
        else:
            partition, offset = message.partition() or 0, message.offset() or 0
            self.last[partition] = max(offset, self.last.get(partition, -1))


@dataclass(slots=True)
class Writer:
    """Sends messages to one topic; `patience` seconds may pass in which no broker takes them (a restart)."""

    server: KafkaServer
    topic: str
    patience: float
    notes: Notes = field(default_factory=Notes)
    _producer: Producer | None = None

    def send(self, records: Iterable[Record]) -> None:
        """Return when every message is kept. Raises what `KafkaServer.failure` makes of the first error."""
        if self._producer is None:
            self._producer = self.server.made(Producer, self.notes, **_options(self.patience))
        try:
            self._failed(deliver(self._producer, self.topic, records, self.notes).error)
        except KafkaException as error:
            self._failed(error_of(error))

    def close(self) -> None:
        """Let go of the connections; everything was delivered, or given up, before."""
        self._producer = None

    def _failed(self, error: KafkaError | None) -> None:
        if error is not None:
            # A producer that gave a message up numbers the next ones anew; a fatal error ends it for good.
            self._producer = None
            raise self.server.failure(self._why(error), f"topic {self.topic}")

    def _why(self, error: KafkaError) -> KafkaError:
        if error.code() in (KafkaError._MSG_TIMED_OUT, KafkaError._TIMED_OUT):
            return self.notes.final or self.notes.connection or error
        return error


@dataclass(slots=True)
class Exclusive:
    """Sends messages to one topic in transactions, as the only holder of `name`."""

    server: KafkaServer
    topic: str
    name: str
    notes: Notes = field(default_factory=Notes)
    _producer: Producer | None = None

    def take_over(self) -> Producer:
        """Become the holder, if this is not: ends the transaction of the one before, and keeps out what it still sends.

        When this returns, what the one before wrote can be read, or will never be.
        """
        if self._producer is not None:
            return self._producer
        seconds = min(self.server.patience, _TRANSACTION_SECONDS)
        options = _options(seconds) | {
            "transactional_id": self.name,
            "transaction_timeout_ms": _TRANSACTION_SECONDS * 1_000,
        }
        producer = self.server.made(Producer, self.notes, **options)
        try:
            producer.init_transactions(self.server.patience)
        except KafkaException as error:
            raise self._lost(error_of(error)) from error
        self._producer = producer
        return producer

    def send(self, records: Iterable[Record]) -> Mapping[int, int]:
        """Return when every message is kept; if this raises, all of them are or none: `take_over` makes it certain.

        Returns the last offset of each partition; the brokers may take a moment more until readers are told of it.
        """
        producer = self.take_over()
        try:
            producer.begin_transaction()
            done = deliver(producer, self.topic, records, self.notes)
            if done.error is None:
                producer.commit_transaction(self.server.patience)
                return done.last
            error = done.error
        except KafkaException as raised:
            error = error_of(raised)
        with suppress(KafkaException):
            producer.abort_transaction(self.server.patience)
        raise self._lost(error)

    def close(self) -> None:
        """Let go of the connections."""
        self._producer = None

    def _lost(self, error: KafkaError) -> LogplatformError:
        self._producer = None
        if error.code() in (KafkaError._MSG_TIMED_OUT, KafkaError._TIMED_OUT):
            error = self.notes.final or self.notes.connection or error
        return self.server.failure(error, f"topic {self.topic}")


def deliver(producer: Producer, topic: str, records: Iterable[Record], notes: Notes) -> _Deliveries:
    """Send messages and wait for what becomes of them; `error` is the first error, None if all are kept."""
    done, error = _Deliveries(), None
    for record in records:
        error = _offer(producer, topic, record, done, notes)
        if error is not None or done.error is not None:
            break
    while producer.flush(_LOOK_SECONDS):
        if notes.final is not None:
            producer.purge()
    done.error = notes.final or error or done.error
    return done


def _offer(producer: Producer, topic: str, record: Record, done: _Deliveries, notes: Notes) -> KafkaError | None:
    """Put a message into the producer's queue, when it has room; an error if the message can't be sent."""
    while notes.final is None:
        try:
            producer.produce(topic, record.value, record.key, record.partition, on_delivery=done.take)
        except BufferError:
            # The queue empties as the brokers answer, or as messages are given up.
            producer.poll(_LOOK_SECONDS)
        except KafkaException as raised:
            return error_of(raised)
        else:
            producer.poll(0)
            return None
    return notes.final


def _options(patience: float) -> dict[str, object]:
    return {
        "enable_idempotence": True,
        "acks": "all",
        "message_timeout_ms": round(patience * 1_000),
        "request_timeout_ms": min(30_000, round(patience * 1_000)),
        "linger_ms": 2,
        # Below what topics of few bytes a message take (max.message.bytes); one longer message goes by itself.
        "batch_size": 262_144,
        # The topic says what is too long, not the client.
        "message_max_bytes": 1_000_000_000,
        "queue_buffering_max_kbytes": _QUEUE_KILOBYTES,
        "queue_buffering_max_messages": 100_000,
        "retry_backoff_ms": 100,
    }
