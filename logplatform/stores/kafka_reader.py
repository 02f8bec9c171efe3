"""Reading a partition of Kafka in blocks.

What belongs here: from one offset to another, over what the log skips, within a time. What does not: which offsets
(`kafka_log.py`), and writing (`kafka_writer.py`).

A consumer is given a partition and an offset; it joins no group and stores no offset. Only committed messages are
read. Offsets may skip: markers of transactions, aborted messages, what compaction has removed.
"""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from logplatform.failures import PermanentFailure, TransientFailure
from logplatform.stores.kafka_client import AWAY, LEADER_CHANGES, KafkaServer, Notes, error_of
from logplatform.stores.lines import KEPT_BYTES
from logplatform.stores.ticket_log import Block

BLOCK_BYTES = 1 << 20
_MOST_AT_ONCE = 4_000
_LOOK_SECONDS = 0.2


@dataclass(slots=True)
class Reader:
    """A consumer that reads one partition at a time."""

    server: KafkaServer
    topic: str
    group: str
    notes: Notes = field(default_factory=Notes)
    _consumer: Consumer | None = None

    @property
    def consumer(self) -> Consumer:
        """The client, made when it is first needed."""
        if self._consumer is None:
            self._consumer = self.server.made(
                Consumer,
                self.notes,
                group_id=self.group,
                enable_auto_commit=False,
                auto_offset_reset="error",
                isolation_level="read_committed",
                enable_partition_eof=True,
                check_crcs=True,
                # What is fetched ahead is all that a reader holds beside its block.
                queued_max_messages_kbytes=4_096,
                fetch_queue_backoff_ms=5,
                fetch_wait_max_ms=20,
                fetch_error_backoff_ms=100,
                max_partition_fetch_bytes=BLOCK_BYTES,
                # A message may be as long as its topic takes; longer than the reader's limit it is cut here.
                receive_message_max_bytes=1_000_000_000,
            )
        return self._consumer

    def close(self) -> None:
        """Let go of the connections."""
        if self._consumer is not None:
            self._consumer.close()
            self._consumer = None

    def blocks(self, partition: int, first: int, end: int, limit: int) -> Iterator[Block]:
        """The messages from `first` up to, not including, `end`, which the partition must reach."""
        found = _Found(partition, first, end, limit)
        self.consumer.assign([TopicPartition(self.topic, partition, first)])
        try:
            deadline = self._deadline()
            while found.next < end:
                before = found.next
                yield from self._taken(found, self._some())
                if found.next > before:
                    deadline = self._deadline()
                elif self.notes.final or time.monotonic() > deadline:
                    raise self._late(found)
        finally:
            self.consumer.unassign()

    def _taken(self, found: "_Found", messages: Sequence[Message]) -> Iterator[Block]:
        before = found.next
        if messages and not any(message.error() for message in messages) and found.add_all(messages):
            yield found.block()
            return
        for message in messages:
            self._take(found, message)
            if found.size >= BLOCK_BYTES or found.next >= found.end:
                yield found.block()
                if found.next >= found.end:
                    return
        if found.next > before:
            yield found.block()

    def _deadline(self) -> float:
        return time.monotonic() + self.server.patience

    def _some(self) -> Sequence[Message]:
        """What has come, after a short wait if nothing has."""
        message = self.consumer.poll(_LOOK_SECONDS)
        if message is None:
            return ()
        try:
            return [message, *self.consumer.consume(_MOST_AT_ONCE, 0)]
        except KafkaException as error:
            raise self.server.failure(error_of(error), self._place(message.partition())) from error

    def _take(self, found: "_Found", message: Message) -> None:
        error = message.error()
        if message.partition() not in (found.partition, None, -1):
            return
        if error is None:
            found.add(message.offset(), message.value() or b"")
        elif error.code() == KafkaError._PARTITION_EOF:
            found.ended(message.offset())
        elif error.code() in (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE):
            raise PermanentFailure(
                f"{self._place(found.partition)}: the broker does not hold offset {found.next:,} any more (retention, "
                f"or the topic was made again): {gone_helps(self.topic)}"
            )
        elif error.code() == KafkaError._BAD_MSG:
            raise PermanentFailure(f"{self._place(found.partition)}: damaged on the broker: {error.str()}")
        # Who may read a topic need not be allowed to tell a group of it.
        elif error.code() != KafkaError.GROUP_AUTHORIZATION_FAILED and (error.fatal() or not _passes(error)):
            raise self.server.failure(error, self._place(found.partition))

    def _late(self, found: "_Found") -> Exception:
        place = self._place(found.partition)
        if found.end_seen is not None:
            return TransientFailure(f"{place}: ends at offset {found.end_seen:,}, and {found.end:,} was told before")
        return self.server.silence(self.notes, place)

    def _place(self, partition: int | None) -> str:
        return f"topic {self.topic}/{partition}"


def gone_helps(topic: str) -> str:
    """What to do where messages are gone for good."""
    return (
        f"to go on with what {topic} holds now, give its source another `name` in tickets.topics; tickets that came "
        "before still count once"
    )


def _passes(error: KafkaError) -> bool:
    """Whether the consumer goes on by itself once the trouble is over."""
    return error.retriable() or error.code() in AWAY | LEADER_CHANGES


@dataclass(slots=True)
class _Found:
    """What was read of a partition since the last block."""

    partition: int
    next: int
    end: int
    limit: int
    values: list[bytes] = field(default_factory=list)
    size: int = 0
    end_seen: int | None = None
    _offsets: list[int] = field(default_factory=list)
    _long: dict[int, int] = field(default_factory=dict)

    def add(self, offset: int | None, value: bytes) -> None:
        # What lies before was asked for by an earlier reading.
        if offset is None or offset < self.next:
            return
        if offset >= self.end:
            self.next = self.end
            return
        self.next, self.end_seen = offset + 1, None
        self._offsets.append(offset)
        if len(value) > self.limit:
            self._long[offset] = len(value)
            value = value[:KEPT_BYTES]
        self.values.append(value)
        self.size += len(value)

    def add_all(self, messages: Sequence[Message]) -> bool:
        """Take messages that all belong here and need no cutting; False, and nothing is taken, if one is none such.

        Nearly always all are, and then this takes a fifth of the time of one after the other.
        """
        if {message.partition() for message in messages} != {self.partition}:
            return False
        offsets = [message.offset() or 0 for message in messages]
        values = [message.value() or b"" for message in messages]
        sizes = [*map(len, values)]
        if offsets[0] < self.next or offsets[-1] >= self.end or max(sizes) > self.limit or sum(sizes) > 2 * BLOCK_BYTES:
            return False
        self.next, self.end_seen, self.size = offsets[-1] + 1, None, self.size + sum(sizes)
        self._offsets += offsets
        self.values += values
        return True

    def ended(self, offset: int | None) -> None:
        """The broker has nothing more before `offset`."""
        if offset is not None and offset >= self.next:
            self.next, self.end_seen = min(offset, self.end), offset

    def block(self) -> Block:
        """What was found, as a block; the next one begins empty."""
        offsets, values, long = self._offsets, self.values, self._long
        self._offsets, self.values, self._long, self.size = [], [], {}, 0
        dense = bool(offsets) and offsets[-1] - offsets[0] == len(offsets) - 1
        told = range(offsets[0], offsets[-1] + 1) if dense else offsets
        return Block(self.partition, told, values, self.next, long)
