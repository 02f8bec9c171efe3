"""A topic of Kafka as a `TicketLog`.

What belongs here: the Protocol's promises, kept by a reader, a writer and questions to the brokers. What does not:
how each of them speaks to Kafka (`kafka_reader.py`, `kafka_writer.py`, `kafka_client.py`), and making topics
(`kafka_topics.py`).

Offsets are never taken from the brokers. A consumer group is told how far the topic is read, after it was committed
with the data, for people who look with Kafka's own tools; it may lag, and nothing is lost with it.
"""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field

from confluent_kafka import IsolationLevel, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, ListOffsetsResultInfo, OffsetSpec

from logplatform.failures import PermanentFailure, TransientFailure
from logplatform.stores.kafka_client import Asking, KafkaServer
from logplatform.stores.kafka_reader import Reader, gone_helps
from logplatform.stores.kafka_writer import Exclusive, Record, Writer
from logplatform.stores.ticket_log import Block, partition_of

RESTART_SECONDS = 120.0
_PAUSE_SECONDS = 0.02


@dataclass(slots=True, eq=False)
class KafkaLog:
    """A topic that is there; `identity` tells it from another of the same name, where the brokers know that.

    `group` is the consumer group that is told of progress. With `holder`, `append_to` writes in transactions, as the
    only one of that name.
    """

    server: KafkaServer
    topic: str
    partitions: int
    identity: str | None = None
    group: str = "logplatform"
    holder: str | None = None
    _asking: Asking = field(init=False, repr=False)
    _writer: Writer = field(init=False, repr=False)
    _exclusive: Exclusive | None = field(init=False, repr=False)
    _readers: list[Reader] = field(default_factory=list, init=False, repr=False)

    def __post_init__(self) -> None:
        self._asking = Asking(self.server)
        self._writer = Writer(self.server, self.topic, max(RESTART_SECONDS, self.server.patience))
        self._exclusive = Exclusive(self.server, self.topic, self.holder) if self.holder else None

    def append(self, messages: Iterable[tuple[bytes, bytes]]) -> None:
        """Add messages; those of a partition are kept in order, and after a failure a first part of them may be kept.

        A restart of the brokers of up to RESTART_SECONDS is waited for.
        """
        self._writer.send(Record(partition_of(key, self.partitions), key, value) for key, value in messages)

    def append_to(self, partition: int, values: Sequence[bytes], keys: Sequence[bytes] = ()) -> None:
        """Add values to one partition; with a `holder`, all of them or none."""
        named = keys or (None,) * len(values)
        records = [Record(partition, key, value) for key, value in zip(named, values, strict=True)]
        if self._exclusive is None:
            self._writer.send(records)
            return
        self._wait_for(self._exclusive.send(records))

    def take_over(self) -> None:
        """End the transaction of the holder before, if one is open, and keep out what it may still send."""
        if self._exclusive is not None:
            self._exclusive.take_over()

    def ends(self) -> dict[int, int]:
        """The last stable offsets: what lies before is committed for good."""
        return self._offsets(OffsetSpec.latest())

    def starts(self) -> dict[int, int]:
        """What retention has left."""
        return self._offsets(OffsetSpec.earliest())

    def read(self, partition: int, first: int, end: int, max_line_bytes: int) -> Iterator[Block]:
        """Fetch in order; a broker that is away for less than the server's patience is waited for."""
        if first > end:
            raise PermanentFailure(
                f"topic {self.topic}/{partition} ends at offset {end:,}, and {first:,} is to be read: it was cut, or "
                f"deleted and made again, since the last commit: {gone_helps(self.topic)}"
            )
        if first == end:
            return
        reader = self._reader()
        try:
            yield from reader.blocks(partition, first, end, max_line_bytes)
        except Exception:
            reader.close()
            raise
        finally:
            self._readers.append(reader)

    def tell(self, offsets: Mapping[int, int]) -> None:
        """Commit to the group, without waiting: who may not write to it reads on all the same."""
        reader = self._reader()
        told = [TopicPartition(self.topic, partition, offset) for partition, offset in offsets.items()]
        with suppress(KafkaException):
            reader.consumer.commit(offsets=told, asynchronous=True)
        self._readers.append(reader)

    def close(self) -> None:
        """Let go of the connections."""
        while self._readers:
            with suppress(KafkaException, RuntimeError):
                self._readers.pop().close()
        self._writer.close()
        if self._exclusive is not None:
            self._exclusive.close()

    def _wait_for(self, last: Mapping[int, int]) -> None:
        """Return when readers are told of a transaction: the marker that ends it is written after the commit."""
        end = time.monotonic() + self.server.patience
        while any(self.ends()[partition] <= offset for partition, offset in last.items()):
            if time.monotonic() > end:
                raise TransientFailure(f"topic {self.topic}: a transaction was committed, and cannot be read yet")
            time.sleep(_PAUSE_SECONDS)

    def _reader(self) -> Reader:
        """One that reads nothing just now: who reads two partitions by turns needs two."""
        return self._readers.pop() if self._readers else Reader(self.server, self.topic, self.group)

    def _offsets(self, which: OffsetSpec) -> dict[int, int]:
        asked = {TopicPartition(self.topic, partition): which for partition in range(self.partitions)}

        def question(client: AdminClient, seconds: float) -> "Mapping[TopicPartition, Future[ListOffsetsResultInfo]]":
            return client.list_offsets(asked, isolation_level=IsolationLevel.READ_COMMITTED, request_timeout=seconds)

        found = self._asking.ask_all(f"topic {self.topic}", question)
        return {place.partition: info.offset for place, info in found.items()}
