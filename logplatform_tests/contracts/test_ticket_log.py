"""What `TicketLog` promises: what was appended is read, in order, whatever happens to the process that appends."""

import multiprocessing
import os
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from logplatform.failures import PermanentFailure
from logplatform.settings.stores import KafkaStore
from logplatform.stores.kafka_topics import KafkaTopics
from logplatform.stores.ticket_log import TicketLog, partition_of
from logplatform.stores.ticket_topics import SpoolTopics, Topics

LIMIT = 1 << 20
PARTITIONS = 3


@dataclass(frozen=True)
class Place:
    """Where topics are made; what is made there begins with `prefix`."""

    topics: Topics
    prefix: str
    kafka: KafkaStore | None = None
    folder: Path | None = None

    def log(self, name: str = "topic") -> TicketLog:
        return self.topics.make(self.prefix + name, PARTITIONS)


@pytest.fixture(params=["spool", "kafka"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "spool":
        return Place(SpoolTopics(tmp_path / "topics", PARTITIONS), "", folder=tmp_path / "topics")
    store = request.getfixturevalue("kafka_store")
    return Place(topics_of(store), request.getfixturevalue("kafka_prefix"), store)


@pytest.fixture
def log(place: Place) -> TicketLog:
    return place.log()


def topics_of(store: KafkaStore, owner: str = "logplatform.test") -> KafkaTopics:
    return KafkaTopics.of(store, owner, 1)


def all_of(log: TicketLog, first: Mapping[int, int] | None = None) -> dict[int, list[bytes]]:
    """Every message from `first` on, by partition."""
    found: dict[int, list[bytes]] = {}
    for partition, end in log.ends().items():
        offset = (first or {}).get(partition, 0)
        values: list[bytes] = []
        for block in log.read(partition, offset, end, LIMIT):
            assert len(block.offsets) == len(block.values)
            assert sorted(block.offsets) == list(block.offsets)
            assert not block.offsets or offset <= block.offsets[0] <= block.offsets[-1] < block.next
            offset = block.next
            values += block.values
        assert offset == end
        found[partition] = values
    return found


def test_messages_of_a_key_keep_their_order_over_many_appends(log: TicketLog) -> None:
    sent = [(b"%d" % (n % 7), b"message %d" % n) for n in range(500)]
    for at in range(0, 500, 9):
        log.append(sent[at : at + 9])
    for partition, values in all_of(log).items():
        assert values == [value for key, value in sent if partition_of(key, PARTITIONS) == partition]
    assert sum(log.ends().values()) == 500
    assert log.starts() == dict.fromkeys(range(PARTITIONS), 0)


def test_reading_goes_on_from_any_offset(log: TicketLog) -> None:
    log.append([(b"k", b"%d" % n) for n in range(30)])
    partition = partition_of(b"k", PARTITIONS)
    for first in range(31):
        assert all_of(log, {partition: first})[partition] == [b"%d" % n for n in range(first, 30)]
    (block,) = log.read(partition, 0, 2, LIMIT)
    assert (block.values, block.next, list(block.offsets)) == ([b"0", b"1"], 2, [0, 1])
    assert list(log.read(partition, 30, 30, LIMIT)) == []


def test_two_partitions_may_be_read_by_turns(log: TicketLog) -> None:
    for partition in (0, 1):
        log.append_to(partition, [b"%d-%d" % (partition, n) for n in range(5_000)])
    one, two = (log.read(partition, 0, 5_000, LIMIT) for partition in (0, 1))
    found: dict[int, list[bytes]] = {0: [], 1: []}
    while blocks := [block for block in (next(one, None), next(two, None)) if block is not None]:
        for block in blocks:
            found[block.partition] += block.values
    assert {partition: len(values) for partition, values in found.items()} == {0: 5_000, 1: 5_000}
    assert all(value.startswith(b"%d-" % partition) for partition, values in found.items() for value in values)


def test_an_offset_that_the_log_does_not_hold_is_refused(log: TicketLog) -> None:
    """A topic that was replaced by an empty one must not look like one without news."""
    log.append([(b"k", b"one")])
    partition = partition_of(b"k", PARTITIONS)
    with pytest.raises(PermanentFailure, match="the last commit"):
        list(log.read(partition, 2, 1, LIMIT))


def test_a_topic_keeps_the_number_of_partitions_it_was_begun_with(place: Place, log: TicketLog) -> None:
    """Fewer partitions than before would leave messages unread for ever."""
    assert log.partitions == PARTITIONS
    assert place.topics.make(place.prefix + "topic", 1).partitions == PARTITIONS
    assert place.topics.open(place.prefix + "topic").partitions == PARTITIONS


def test_asking_makes_nothing(place: Place) -> None:
    assert not place.topics.exists(place.prefix + "none")
    assert not place.topics.exists(place.prefix + "none")
    place.log("one")
    assert place.topics.exists(place.prefix + "one")


def test_any_bytes_are_a_message(log: TicketLog) -> None:
    values = ["Zürich — 東京 🎫".encode(), b"\xff\xfe\x00", b"", b" ", b'{"a": 1}', b"x" * 70_000]
    log.append([("schlüssel".encode(), value) for value in values])
    log.append_to(1, values)
    found = all_of(log)
    partition = partition_of("schlüssel".encode(), PARTITIONS)
    assert found[partition][: len(values)] == values
    assert found[1][-len(values) :] == values


def test_a_long_message_is_cut_and_its_size_is_told(place: Place) -> None:
    log = wide(place, "wide")
    values = [b"a", b"b" * 2_500_000, b"c", b"d" * LIMIT, b"e" * (LIMIT + 1), b"f"]
    log.append_to(0, values)
    blocks = list(log.read(0, 0, len(values), LIMIT))
    read = [value for block in blocks for value in block.values]
    assert read == [value if len(value) <= LIMIT else value[:8_192] for value in values]
    long = {offset: size for block in blocks for offset, size in block.long.items()}
    assert long == {1: 2_500_000, 4: LIMIT + 1}


def test_blocks_are_about_a_megabyte(place: Place) -> None:
    log = wide(place, "blocks")
    log.append_to(0, [b"x" * 900_000] * 8)
    sizes = [sum(map(len, block.values)) for block in log.read(0, 0, 8, LIMIT)]
    assert sum(sizes) == 8 * 900_000
    assert max(sizes) <= 2 * LIMIT


def wide(place: Place, name: str) -> TicketLog:
    """A topic that takes long messages: brokers take a mebibyte unless told otherwise."""
    if place.kafka is not None:
        admin = AdminClient({"bootstrap.servers": place.kafka.bootstrap_servers})
        new = NewTopic(place.prefix + name, PARTITIONS, 1, config={"max.message.bytes": "4000000"})
        admin.create_topics([new])[new.topic].result(20)
    return place.log(name)


def _append_many(place: Place, name: bytes, count: int) -> None:
    # A client of Kafka has threads, and is made by the process that uses it.
    topics = topics_of(place.kafka) if place.kafka else place.topics
    log = topics.make(place.prefix + "topic", PARTITIONS)
    for n in range(count):
        log.append([(b"%s-%d-%d" % (name, n, part), b"%s %d %d" % (name, n, part)) for part in range(5)])


SPAWN = multiprocessing.get_context("spawn")


def test_two_producers_at_once_lose_and_mix_nothing(place: Place) -> None:
    """The topic itself is made by whoever is first."""
    workers = [SPAWN.Process(target=_append_many, args=(told(place), name, 40)) for name in (b"a", b"b")]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0]
    found = [value for values in all_of(place.log()).values() for value in values]
    assert sorted(found) == sorted(
        b"%s %d %d" % (x, n, part) for x in (b"a", b"b") for n in range(40) for part in range(5)
    )


def told(place: Place) -> Place:
    """The place as another process may be given it."""
    return replace(place, topics=SpoolTopics(place.folder or Path(), PARTITIONS))


@pytest.mark.parametrize("seed", range(2))
def test_a_killed_producer_leaves_only_whole_messages(place: Place, seed: int) -> None:
    log = place.log()
    before: dict[int, list[bytes]] = {0: [], 1: [], 2: []}
    for turn in range(2):
        name = os.urandom(4).hex().encode()
        worker = SPAWN.Process(target=_append_many, args=(told(place), name, 1_000_000))
        worker.start()
        end = time.monotonic() + 60
        while sum(log.ends().values()) <= sum(map(len, before.values())) and time.monotonic() < end:
            time.sleep(0.02)
        time.sleep(0.017 * ((seed * 7 + turn * 3) % 5))
        os.kill(worker.pid or 0, signal.SIGKILL)
        worker.join()
        after = all_of(log)
        for partition, values in after.items():
            assert values[: len(before[partition])] == before[partition]
            assert all(len(value.split(b" ")) == 3 for value in values)
            assert len(values) == len(set(values))
        assert sum(map(len, after.values())) > sum(map(len, before.values()))
        before = after


def test_a_dead_letter_topic_takes_all_of_an_append_or_nothing(place: Place) -> None:
    log = place.topics.make_refused(place.prefix + "refused", PARTITIONS)
    log.take_over()
    log.append_to(1, [b"a", b"b"], [b"k1", b"k2"])
    # What was appended is there to be read at once: it is looked at before the next is.
    assert all_of(log)[1] == [b"a", b"b"]
    log.append_to(1, [b"c"])
    found = all_of(place.topics.make_refused(place.prefix + "refused", PARTITIONS))
    assert found == {0: [], 1: [b"a", b"b", b"c"], 2: []}


def test_telling_and_closing_change_nothing(log: TicketLog) -> None:
    log.append_to(0, [b"a", b"b"])
    log.tell({0: 1, 1: 0, 2: 0})
    log.close()
    assert all_of(log)[0] == [b"a", b"b"]
    log.append_to(0, [b"c"])
    assert all_of(log)[0] == [b"a", b"b", b"c"]
    log.close()
