"""What only a topic of Kafka can do to its reader, and the network between them."""

import threading
import time
from collections.abc import Callable
from contextlib import suppress

import pytest
from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions, NewTopic
from pydantic import SecretStr

from logplatform.failures import LeaseLost, PermanentFailure, TransientFailure, Unreachable
from logplatform.settings.stores import KafkaStore
from logplatform.settings.tickets import KafkaTopic
from logplatform.stores.kafka_client import MissingTopic
from logplatform.stores.kafka_log import KafkaLog
from logplatform.stores.kafka_topics import KafkaTopics, check_kafka
from logplatform.stores.ticket_log import MessageTooLarge
from logplatform_tests.contracts.test_ticket_log import LIMIT, all_of
from logplatform_tests.servers.own import OwnServer
from logplatform_tests.servers.proxy import TcpProxy

pytestmark = pytest.mark.slow

OWNER = "logplatform.test"


@pytest.fixture
def topics(kafka_store: KafkaStore) -> KafkaTopics:
    return KafkaTopics.of(kafka_store, OWNER, 1)


@pytest.fixture
def admin(kafka_store: KafkaStore) -> AdminClient:
    return AdminClient({"bootstrap.servers": kafka_store.bootstrap_servers})


def transactional(store: KafkaStore, name: str) -> Producer:
    producer = Producer({"bootstrap.servers": store.bootstrap_servers, "transactional.id": name})
    producer.init_transactions(30)
    return producer


def soon(true: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_markers_of_transactions_and_aborted_messages_are_skipped(
    topics: KafkaTopics, kafka_store: KafkaStore, kafka_prefix: str
) -> None:
    """Other producers may write in transactions; an offset that holds no message must not stop or repeat anything."""
    log = topics.make(kafka_prefix, 1)
    producer = transactional(kafka_store, kafka_prefix)
    for turn in range(4):
        producer.begin_transaction()
        for n in range(3):
            producer.produce(kafka_prefix, b"%d-%d" % (turn, n), partition=0)
        if turn == 1:
            producer.flush()
            producer.abort_transaction(30)
        else:
            producer.commit_transaction(30)
    soon(lambda: log.ends()[0] == 16)
    assert all_of(log)[0] == [b"%d-%d" % (turn, n) for turn in (0, 2, 3) for n in range(3)]
    for first in range(17):
        blocks = list(log.read(0, first, 16, LIMIT))
        assert [offset for block in blocks for offset in block.offsets] == [
            offset for offset in (0, 1, 2, 8, 9, 10, 12, 13, 14) if offset >= first
        ]
        assert not blocks or blocks[-1].next == 16
    # A share that ends among the aborted.
    (block,) = log.read(0, 0, 6, LIMIT)
    assert (list(block.offsets), block.next) == ([0, 1, 2], 6)


def test_an_open_transaction_is_not_there_yet(topics: KafkaTopics, kafka_store: KafkaStore, kafka_prefix: str) -> None:
    log = topics.make(kafka_prefix, 1)
    log.append_to(0, [b"before"])
    producer = transactional(kafka_store, kafka_prefix)
    producer.begin_transaction()
    producer.produce(kafka_prefix, b"open", partition=0)
    producer.flush()
    log.append_to(0, [b"behind"])
    assert log.ends() == {0: 1}
    assert all_of(log)[0] == [b"before"]
    producer.commit_transaction(30)
    soon(lambda: log.ends()[0] == 4)
    assert all_of(log)[0] == [b"before", b"open", b"behind"]


def test_a_tombstone_is_an_empty_message(topics: KafkaTopics, kafka_store: KafkaStore, kafka_prefix: str) -> None:
    log = topics.make(kafka_prefix, 1)
    producer = Producer({"bootstrap.servers": kafka_store.bootstrap_servers})
    producer.produce(kafka_prefix, None, b"key", partition=0)
    producer.flush()
    assert all_of(log)[0] == [b""]


def test_what_compaction_removed_is_skipped(admin: AdminClient, topics: KafkaTopics, kafka_prefix: str) -> None:
    config = {"cleanup.policy": "compact", "segment.ms": "100", "min.cleanable.dirty.ratio": "0.001"}
    config |= {"max.compaction.lag.ms": "200", "min.compaction.lag.ms": "0"}
    admin.create_topics([NewTopic(kafka_prefix, 1, 1, config=config)])[kafka_prefix].result(20)
    log = topics.open(kafka_prefix)
    # The last segment is never compacted, and a segment ends when something comes after its time.
    for n in range(40):
        log.append_to(0, [b"%d" % n], [b"%d" % (n % 3)])
        time.sleep(0.11 if n % 10 == 9 else 0)
    soon(lambda: len(all_of(log)[0]) < 25, 90)
    blocks = list(log.read(0, 0, 40, LIMIT))
    found = {offset: value for block in blocks for offset, value in zip(block.offsets, block.values, strict=True)}
    assert found == {offset: b"%d" % offset for offset in found}
    assert blocks[-1].next == 40
    assert 39 in found


def test_messages_that_retention_removed_are_told(admin: AdminClient, topics: KafkaTopics, kafka_prefix: str) -> None:
    log = topics.make(kafka_prefix, 1)
    log.append_to(0, [b"%d" % n for n in range(20)])
    place = TopicPartition(kafka_prefix, 0, 12)
    admin.delete_records([place])[place].result(20)
    assert (log.starts(), log.ends()) == ({0: 12}, {0: 20})
    assert all_of(log, {0: 12})[0] == [b"%d" % n for n in range(12, 20)]
    with pytest.raises(PermanentFailure, match=r"does not hold offset 5 any more .* another `name` in tickets.topics"):
        list(log.read(0, 5, 20, LIMIT))


def test_a_topic_that_was_made_again_has_another_identity(
    admin: AdminClient, topics: KafkaTopics, kafka_prefix: str
) -> None:
    first = topics.make(kafka_prefix, 1).identity
    assert topics.open(kafka_prefix).identity == first is not None
    admin.delete_topics([kafka_prefix])[kafka_prefix].result(20)
    soon(lambda: not topics.exists(kafka_prefix))
    assert topics.make(kafka_prefix, 1).identity != first


def test_a_missing_topic_says_how_to_make_it(topics: KafkaTopics, kafka_prefix: str) -> None:
    with pytest.raises(MissingTopic, match=f"tickets produce --topic {kafka_prefix}none"):
        topics.open(f"{kafka_prefix}none")


def test_a_dead_letter_topic_grows_with_its_topic(topics: KafkaTopics, kafka_prefix: str) -> None:
    assert topics.make_refused(kafka_prefix, 2).partitions == 2
    log = topics.make_refused(kafka_prefix, 4)
    assert log.partitions == 4
    log.append_to(3, [b"x"])
    assert log.ends() == {0: 0, 1: 0, 2: 0, 3: 2}


def test_new_partitions_are_seen_by_the_next_who_opens(
    admin: AdminClient, topics: KafkaTopics, kafka_prefix: str
) -> None:
    assert topics.make(kafka_prefix, 1).ends() == {0: 0}
    admin.create_partitions([NewPartitions(kafka_prefix, 3)])[kafka_prefix].result(20)
    soon(lambda: topics.open(kafka_prefix).ends() == {0: 0, 1: 0, 2: 0})


def test_a_holder_that_was_followed_appends_nothing_more(
    topics: KafkaTopics, kafka_store: KafkaStore, kafka_prefix: str
) -> None:
    """A process dies in its transaction, one is asleep and wakes up behind its successor."""
    dead = transactional(kafka_store, f"{OWNER}.{kafka_prefix}")
    topics.make(kafka_prefix, 1)
    dead.begin_transaction()
    dead.produce(kafka_prefix, b"half", partition=0)
    dead.flush()
    asleep, successor = topics.make_refused(kafka_prefix, 1), topics.make_refused(kafka_prefix, 1)
    asleep.take_over()
    assert asleep.ends()[0] > 0
    asleep.append_to(0, [b"first"])
    successor.take_over()
    successor.append_to(0, [b"second"])
    with pytest.raises(LeaseLost):
        asleep.append_to(0, [b"third"])
    with pytest.raises(KafkaException, match="fenced"):
        dead.commit_transaction(30)
    assert all_of(successor)[0] == [b"first", b"second"]


def test_a_message_that_is_too_long_is_a_failure_of_its_own(topics: KafkaTopics, kafka_prefix: str) -> None:
    for log in (topics.make(kafka_prefix, 1), topics.make_refused(f"{kafka_prefix}r", 1)):
        with pytest.raises(MessageTooLarge, match=r"max\.message\.bytes"):
            log.append_to(0, [b"x" * 1_500_000])
        log.append_to(0, [b"short"])
        assert all_of(log)[0] == [b"short"]


def test_the_group_is_told_for_other_tools(topics: KafkaTopics, admin: AdminClient, kafka_prefix: str) -> None:
    log = KafkaTopics(topics.server, owner=kafka_prefix).make(kafka_prefix, 1)
    log.append_to(0, [b"a", b"b", b"c"])
    log.tell({0: 2})
    log.close()

    def told() -> list[int]:
        group = ConsumerGroupTopicPartitions(kafka_prefix)
        found = admin.list_consumer_group_offsets([group])[kafka_prefix].result(20).topic_partitions
        return [place.offset for place in found]

    soon(lambda: told() == [2])


@pytest.mark.parametrize(
    ("changed", "kind", "text"),
    [
        ({"bootstrap_servers": "127.0.0.1:9"}, Unreachable, r"127\.0\.0\.1:9\).*bootstrap_servers"),
        ({"bootstrap_servers": "nowhere.invalid:9092"}, Unreachable, "nowhere.invalid"),
        ({"security_protocol": "ssl"}, Unreachable, "security_protocol"),
        (
            {"security_protocol": "sasl_plaintext", "username": "ada", "password": SecretStr("geheim")},
            PermanentFailure,
            "username, password and sasl_mechanism",
        ),
    ],
)
def test_what_is_wrong_with_the_settings_is_told(
    kafka_store: KafkaStore, changed: dict[str, object], kind: type[Exception], text: str
) -> None:
    section = kafka_store.model_copy(update={"timeout_seconds": 3.0, **changed})
    with pytest.raises(kind, match=text) as raised:
        check_kafka(section)
    assert "geheim" not in f"{raised.value!r} {raised.value}"
    topics = KafkaTopics.of(section, OWNER, 1)
    assert "geheim" not in repr(topics)
    with pytest.raises(kind, match=text):
        topics.open("any")
    with pytest.raises(kind, match=text):
        KafkaLog(topics.server, "any", 1).ends()


def test_a_right_start_is_no_trouble(kafka_store: KafkaStore, kafka_prefix: str) -> None:
    check_kafka(kafka_store)
    check_kafka(kafka_store, [KafkaTopic(topic=kafka_prefix)])
    topics = KafkaTopics.of(kafka_store, OWNER, 1)
    assert not topics.exists(kafka_prefix)
    with pytest.raises(PermanentFailure, match="eplication"):
        check_kafka(kafka_store, [KafkaTopic(topic=kafka_prefix, replication=7)])


@pytest.mark.faults
def test_appends_and_reads_wait_for_a_broker_that_starts_again(kafka_server_of_its_own: OwnServer[KafkaStore]) -> None:
    server = kafka_server_of_its_own
    log = KafkaTopics.of(server.store, OWNER, 1).make("topic", 2)
    refused = KafkaTopics.of(server.store, OWNER, 1).make_refused("refused", 1)
    log.append_to(0, [b"%d" % n for n in range(100)])
    refused.append_to(0, [b"one"])
    for end in (server.stop, server.kill):
        before = log.ends()[0]
        end()
        again = threading.Timer(2, server.start)
        again.start()
        log.append_to(0, [b"%d" % n for n in range(before, before + 100)])
        again.join()
    assert all_of(log)[0] == [b"%d" % n for n in range(300)]
    refused.take_over()
    refused.append_to(0, [b"two"])
    assert all_of(refused)[0] == [b"one", b"two"]
    server.stop()
    quick = KafkaTopics.of(server.store, OWNER, 1, seconds=2)
    for asked in (lambda: quick.open("topic"), lambda: KafkaLog(quick.server, "topic", 2).ends()):
        begun = time.monotonic()
        with pytest.raises(Unreachable, match="bootstrap_servers"):
            asked()
        assert time.monotonic() - begun < 10
    with pytest.raises(Unreachable):
        list(KafkaLog(quick.server, "topic", 2).read(0, 0, 300, LIMIT))
    server.start()
    assert len(all_of(KafkaLog(quick.server, "topic", 2))[0]) == 300


def test_a_connection_that_is_cut_in_mid_write_or_slow_loses_and_doubles_nothing(
    kafka_behind_proxy: tuple[OwnServer[KafkaStore], TcpProxy],
) -> None:
    server, proxy = kafka_behind_proxy
    topics = KafkaTopics.of(server.store, OWNER, 1)
    log, refused = topics.make("topic", 1), topics.make_refused("refused", 1)
    sent = [b"%d" % n + b" " * 1_000 for n in range(2_000)]
    for round_, cut_at in enumerate((1_500, 40_000, 300_000, 450_000)):
        part = sent[round_ * 500 : (round_ + 1) * 500]
        proxy.drop_after(cut_at, 1.5)
        log.append_to(0, part)
    assert all_of(log)[0] == sent
    blocks = log.read(0, 0, 2_000, LIMIT)
    read = list(next(blocks).values)
    proxy.drop()
    back = threading.Timer(1.5, proxy.resume)
    back.start()
    read += [value for block in blocks for value in block.values]
    back.join()
    assert read == sent
    proxy.delay_seconds = 0.2
    refused.append_to(0, [b"slow"])
    assert all_of(refused)[0] == [b"slow"]
    assert len(all_of(log, {0: 1_900})[0]) == 100
    proxy.delay_seconds = 0
    # The connection breaks in the transaction: it is whole or not there, and the next one knows.
    broken = KafkaTopics.of(server.store, OWNER, 1, seconds=5).make_refused("refused", 1)
    broken.take_over()
    proxy.drop_after(3_000)
    with suppress(TransientFailure):
        broken.append_to(0, [b"x" * 200 + b"%d" % n for n in range(50)])
    proxy.resume()
    refused.take_over()
    found = all_of(refused)[0]
    assert len(found) in (1, 51)
