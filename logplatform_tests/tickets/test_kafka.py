"""Tickets from a topic of Kafka: the same tables as from a spool, whatever happens to topic, brokers and process."""

import json
import multiprocessing
import os
import random
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewPartitions
from pydantic import SecretStr

from logplatform.cli import main
from logplatform.failures import PermanentFailure, Unreachable
from logplatform.orchestration.topic_resources import given_topics, topic_resources
from logplatform.settings.model import Settings
from logplatform.settings.stores import KafkaStore
from logplatform.stores import kafka_writer
from logplatform.stores.kafka_log import KafkaLog
from logplatform.stores.ticket_log import TicketLog
from logplatform.tenancy import open_tenancy
from logplatform.tickets.again import derive_again
from logplatform.tickets.ingest import Ingest
from logplatform.tickets.measures import arrows, broken, standing
from logplatform.tickets.sensors import waits
from logplatform.topic_places import open_topics
from logplatform_tests.tickets.messages import message, numbered
from logplatform_tests.tickets.outcome import Outcome, outcome, refused_of, settings_in, settings_on
from logplatform_tests.tickets.test_ingest import fill, ingest, made
from logplatform_tests.tickets.test_kills import Steps

pytestmark = pytest.mark.slow

SPAWN = multiprocessing.get_context("spawn")
BATCH = 90


@pytest.fixture
def settings(kafka_store: KafkaStore, kafka_prefix: str, tmp_path: Path) -> Settings:
    return settings_on(kafka_store, kafka_prefix, tmp_path / "kafka", batch_messages=BATCH)


@pytest.fixture
def admin(kafka_store: KafkaStore) -> AdminClient:
    return AdminClient({"bootstrap.servers": kafka_store.bootstrap_servers})


def log_of(settings: Settings) -> TicketLog:
    source = settings.tickets.topics[0]
    return open_topics(settings, source).make(source.topic, 3)


def send(settings: Settings, values: list[bytes]) -> None:
    log_of(settings).append([(value[15:51], value) for value in values])


def spooled(folder: Path, *parts: list[bytes]) -> Outcome:
    """What comes of the same messages in a spool."""
    settings = settings_in(folder, batch_messages=BATCH)
    for values in parts:
        fill(folder, values)
        ingest(settings)
    return outcome(settings)


def test_the_tables_are_those_of_a_spool(settings: Settings, tmp_path: Path) -> None:
    parts = [made(300), [*made(150, seed=2), numbered(1), numbered(1, priority="low"), b"\xff"]]
    for values in parts:
        send(settings, values)
        ingest(settings)
    assert outcome(settings) == spooled(tmp_path / "spool", *parts)
    assert ingest(settings) == []
    with open_tenancy(settings, "tickets") as tenancy:
        assert [arrow.missing for arrow in arrows(tenancy)] == [0, 0, 0]
        before = outcome(settings)
        (day,) = {commit.day for commit in derive_again(tenancy, [tenancy.now().date()], "again")}
        assert outcome(settings) == before
        assert day


def test_offsets_without_messages_are_passed_and_counted_right(settings: Settings, kafka_store: KafkaStore) -> None:
    topic = settings.tickets.topics[0].topic
    log_of(settings)
    producer = Producer({"bootstrap.servers": kafka_store.bootstrap_servers, "transactional.id": topic})
    producer.init_transactions(30)
    for turn in range(3):
        producer.begin_transaction()
        for number in range(5):
            producer.produce(topic, numbered(turn * 5 + number), partition=0)
        producer.flush()
        (producer.abort_transaction if turn == 1 else producer.commit_transaction)(30)
        time.sleep(0.2)
        ingest(settings)
    with open_tenancy(settings, "tickets") as tenancy:
        assert [(arrow.missing, arrow.waiting) for arrow in arrows(tenancy)] == [(0, 0)] * 3
        assert waits(tenancy) is None
    found = outcome(settings)
    assert (found.sums["messages"], found.sums["accepted"], found.offsets[0]) == (10, 10, 18)


def test_a_missing_topic_is_told_everywhere_and_produce_makes_it(settings: Settings) -> None:
    with pytest.raises(PermanentFailure, match="tickets produce --topic"):
        ingest(settings)
    with open_tenancy(settings, "tickets") as tenancy:
        found = waits(tenancy)
        assert found is not None
        assert (found.items, list(found.trouble)) == (0, ["spool"])
        assert "Unknown topic" in broken(tenancy).sample[0].reason
    arguments = ["tickets", "produce", "--rate", "2000", "--count", "300", "--json"]
    kafka = settings.stores.kafka.bootstrap_servers
    topics = json.dumps([{"name": "spool", "type": "kafka", "topic": settings.tickets.topics[0].topic}])
    environment = {
        "LOGPLATFORM_DATA_ROOT": str(settings.data_root),
        "LOGPLATFORM_STORES__KAFKA__BOOTSTRAP_SERVERS": kafka,
        "LOGPLATFORM_TICKETS__TOPICS": topics,
    }
    done = CliRunner().invoke(main, arguments, env=environment)
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["messages"] == 300
    assert sum(commit.messages for commit in ingest(settings)) == 300


def test_produce_takes_brokers_that_the_settings_do_not_name(settings: Settings, tmp_path: Path) -> None:
    brokers, topic = settings.stores.kafka.bootstrap_servers, settings.tickets.topics[0].topic
    arguments = ["tickets", "produce", "--rate", "2000", "--count", "60", "--brokers", brokers, "--topic", topic]
    environment = {"LOGPLATFORM_DATA_ROOT": str(tmp_path / "other")}
    done = CliRunner().invoke(main, arguments, env=environment)
    assert done.exit_code == 0, done.output
    assert sum(log_of(settings).ends().values()) == 60
    wrong = CliRunner().invoke(main, [*arguments[:-4], "--brokers", "kafka1"], env=environment)
    assert wrong.exit_code == 2
    assert "host:port" in wrong.output


def test_a_topic_that_was_made_again_is_refused_whatever_it_holds(
    settings: Settings, admin: AdminClient, tmp_path: Path
) -> None:
    """More messages than before: the stored offsets would skip some of them in silence."""
    topic = settings.tickets.topics[0].topic
    send(settings, [*(numbered(n) for n in range(20)), *[b"{}"] * 90])
    ingest(settings)
    assert len(refused_of(settings)) == 90
    admin.delete_topics([topic])[topic].result(20)
    while open_topics(settings, settings.tickets.topics[0]).exists(topic):
        time.sleep(0.1)
    send(settings, [*(numbered(n) for n in range(10, 110)), *[b"{}"] * 50])
    with pytest.raises(PermanentFailure, match="made again"):
        ingest(settings)
    with open_tenancy(settings, "tickets") as tenancy:
        found = waits(tenancy)
        assert found is not None
        assert "made again" in found.trouble["spool"]
        assert any(trouble.kind == "gap" for trouble in standing(tenancy).troubles)
        with pytest.raises(PermanentFailure, match="made again"):
            list(derive_again(tenancy, [tenancy.now().date()], "again"))
    # As the message says: another name reads it from its start, and what came before counts once.
    topics = [{"name": "anew", "type": "kafka", "topic": topic}]
    sections = {"tickets": {"topics": topics}, "stores": {"kafka": settings.stores.kafka.model_dump()}}
    anew = Settings.model_validate({"data_root": settings.data_root, **sections})
    assert sum(commit.accepted for commit in ingest(anew)) == 90
    assert len(refused_of(anew)) == 140
    with open_tenancy(anew, "tickets") as tenancy:
        assert [arrow.missing for arrow in arrows(tenancy)] == [0, 0, 0]


def test_messages_that_retention_removed_before_they_were_read_are_told(settings: Settings, admin: AdminClient) -> None:
    topic = settings.tickets.topics[0].topic
    log_of(settings).append_to(0, [numbered(n) for n in range(10)])
    ingest(settings)
    log_of(settings).append_to(0, [numbered(n) for n in range(10, 30)])
    place = TopicPartition(topic, 0, 15)
    admin.delete_records([place])[place].result(20)
    with pytest.raises(PermanentFailure, match=r"offset 10 .* another `name`"):
        ingest(settings)
    with open_tenancy(settings, "tickets") as tenancy:
        (fault,) = [fault for fault in broken(tenancy).sample if fault.what == topic]
    assert "the messages 10 to 14 are gone" in fault.reason


def test_partitions_that_come_later_are_read_from_their_start(settings: Settings, admin: AdminClient) -> None:
    topic = settings.tickets.topics[0].topic
    log_of(settings).append_to(2, [b"{}", numbered(1)])
    ingest(settings)
    admin.create_partitions([NewPartitions(topic, 5)])[topic].result(20)
    while log_of(settings).partitions < 5:
        time.sleep(0.1)
    log_of(settings).append_to(4, [numbered(2), b"{}"])
    ingest(settings)
    found = outcome(settings)
    assert {partition: end for partition, end in found.offsets.items() if end} == {2: 2, 4: 2}
    assert [(partition, offset) for partition, offset, _ in found.refused] == [(2, 0), (4, 1)]


def test_a_refused_message_that_the_dead_letter_topic_is_too_narrow_for_is_cut_there(settings: Settings) -> None:
    """As JSON it is longer than brokers take; nothing stops for it, and the store has all of it."""
    raw = b"\x01\xff" * 450_000
    log_of(settings).append_to(0, [raw, numbered(1)])
    (commit,) = ingest(settings)
    assert (commit.accepted, commit.rejected) == (1, 1)
    (sent,) = [json.loads(value) for value in refused_of(settings)]
    assert (sent["size"], sent["partition"], sent["offset"]) == (900_000, 0, 0)
    assert 0 < len(sent["raw_base64"]) < 900_000


def test_brokers_that_do_not_answer_are_told_and_hold_up_no_other_topic(settings: Settings) -> None:
    topics = [
        {"name": "near", "topic": "near"},
        *({"name": name, "type": "kafka", "topic": name} for name in ("far", "farther")),
    ]
    stores = {"kafka": {"bootstrap_servers": "127.0.0.1:9", "timeout_seconds": 2}}
    here = Settings.model_validate({"data_root": settings.data_root, "tickets": {"topics": topics}, "stores": stores})
    open_topics(here, here.tickets.topics[0]).make("near", 3).append_to(0, [numbered(1)])
    with open_tenancy(here, "tickets") as tenancy:
        begun = time.monotonic()
        found = waits(tenancy)
        assert time.monotonic() - begun < 8
        assert found is not None
        assert (found.items, sorted(found.trouble)) == (1, ["far", "farther"])
        with pytest.raises(Unreachable, match="bootstrap_servers"):
            list(Ingest(tenancy, "test").run())
        assert [arrow.missing for arrow in arrows(tenancy)] == [0, 0, 0]
        assert [fault.what for fault in broken(tenancy).sample] == ["source far", "source farther"]
        told = standing(tenancy)
        assert told.files["taken in"] == 1
        assert [trouble.kind for trouble in told.troubles] == ["topic"]


def _before_and_after(steps: Steps, function: Callable[..., object]) -> Callable[..., object]:
    def stepped(*arguments: object, **named: object) -> object:
        steps.step()
        done = function(*arguments, **named)
        steps.step()
        return done

    return stepped


def _child(settings: Settings, last: int, path: Path) -> None:
    """Ingest, and die at a step: of the disk, of the database, or between two words to the brokers."""
    steps = Steps(last)
    patch = pytest.MonkeyPatch()
    patch.setattr(kafka_writer, "deliver", _before_and_after(steps, kafka_writer.deliver))
    for name in ("append_to", "take_over", "tell"):
        patch.setattr(KafkaLog, name, _before_and_after(steps, getattr(KafkaLog, name)))
    ingest(settings)
    path.write_text(str(steps.count))


def _run_child(settings: Settings, last: int, path: Path) -> bool:
    """Whether it died."""
    child = SPAWN.Process(target=_child, args=(settings, last, path))
    child.start()
    child.join()
    assert child.exitcode in (0, -signal.SIGKILL)
    return child.exitcode != 0


def _killed(settings: Settings, parts: list[list[bytes]], seed: int, steps: int, deaths: int) -> tuple[Outcome, int]:
    draw, kills = random.Random(seed), 0
    for values in parts:
        send(settings, values)
        for _ in range(deaths):
            kills += _run_child(settings, draw.randint(1, steps), settings.data_root / "steps")
    ingest(settings)
    return outcome(settings), kills


@pytest.mark.parametrize("seed", [1])
def test_a_killed_ingest_loses_and_doubles_nothing(settings: Settings, tmp_path: Path, seed: int) -> None:
    parts = [made(200, seed=1), [*made(200, seed=2), *(numbered(n, priority="low") for n in range(20))]]
    found, kills = _killed(settings, parts, seed, 130, 2)
    assert kills > 0
    assert found == spooled(tmp_path / "spool", *parts)


@pytest.mark.faults
@pytest.mark.timeout(3_600)
def test_sixty_kills_lose_and_double_nothing(kafka_store: KafkaStore, kafka_prefix: str, tmp_path: Path) -> None:
    parts = [made(200, seed=1), [*made(200, seed=2), *(numbered(n, priority="low") for n in range(20))]]
    expected = spooled(tmp_path / "spool", *parts)
    kills = turn = wrong = 0
    while kills < 60:
        settings = settings_on(kafka_store, f"{kafka_prefix}{turn}", tmp_path / str(turn), batch_messages=BATCH)
        found, died = _killed(settings, parts, turn, 130, 3)
        kills, turn = kills + died, turn + 1
        wrong += found != expected
    sys.stdout.write(f"\ntickets on Kafka: {kills} kills in {turn} cases, {wrong} wrong outcomes\n")
    assert wrong == 0


def test_a_kill_between_the_dead_letters_and_the_commit_sends_none_twice(settings: Settings) -> None:
    values = [b"{}" if n % 3 else numbered(n) for n in range(60)]
    send(settings, values)
    for step in ("deliver", "append_to"):
        child = SPAWN.Process(target=_child_that_dies_after, args=(settings, step))
        child.start()
        child.join()
        assert child.exitcode == -signal.SIGKILL
    ingest(settings)
    places = [(sent["partition"], sent["offset"]) for sent in map(json.loads, refused_of(settings))]
    assert len(places) == len(set(places)) == 40


def _child_that_dies_after(settings: Settings, step: str) -> None:
    owner = kafka_writer if step == "deliver" else KafkaLog
    function = getattr(owner, step)

    def dies(*arguments: object, **named: object) -> object:
        function(*arguments, **named)
        os.kill(os.getpid(), signal.SIGKILL)

    pytest.MonkeyPatch().setattr(owner, step, dies)
    ingest(settings)


def test_a_message_is_judged_alike_on_both(settings: Settings, tmp_path: Path) -> None:
    values = [message(priority="urgent"), b"", b" ", message(extra="password=geheim"), message()]
    log_of(settings).append_to(1, values)
    ingest(settings)
    spool = settings_in(tmp_path / "spool")
    open_topics(spool, spool.tickets.topics[0]).make("client_tickets", 3).append_to(1, values)
    ingest(spool)
    assert outcome(settings) == outcome(spool)


def test_the_resource_opens_the_topics_and_shows_no_password(settings: Settings) -> None:
    kafka = settings.stores.kafka.model_copy(update={"username": "ada", "password": SecretStr("geheim")})
    named = settings.model_copy(update={"stores": settings.stores.model_copy(update={"kafka": kafka})})
    resources = topic_resources(named, "tickets")
    assert list(resources) == ["tickets_topics_spool"]
    assert "geheim" not in repr(resources["tickets_topics_spool"]) + str(resources["tickets_topics_spool"].model_dump())
    assert topic_resources(named, "archives") == {}
    send(settings, [numbered(1), b"{}"])
    given = given_topics(SimpleNamespace(**resources), named, "tickets")
    assert given is not None
    assert sum(given(settings.tickets.topics[0], 5).open(settings.tickets.topics[0].topic).ends().values()) == 2
    with open_tenancy(settings, "tickets") as tenancy:
        through = replace(tenancy, given_topics=given)
        (commit,) = Ingest(through, "run").run()
    assert (commit.accepted, commit.rejected) == (1, 1)
    assert len(refused_of(settings)) == 1
