"""The queue in Redis: what producers push that do not know us, and a server that is away, slow, full or another's."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from logplatform.failures import PermanentFailure, TransientFailure, Unreachable
from logplatform.landing.leases import utc_now
from logplatform.settings.stores import QueueStore
from logplatform.stores.job_queue import Foreign
from logplatform_tests.servers.own import OwnServer
from logplatform_tests.servers.ports import LOOPBACK, free_port
from logplatform_tests.servers.proxy import TcpProxy

redis = pytest.importorskip("redis")
from logplatform.stores.redis_client import redis_of  # noqa: E402 (an extra)
from logplatform.stores.redis_queue import RedisJobQueue, check_queue  # noqa: E402

JOB = {"job_id": "j1", "file_id": "f1", "file_path": "uploads/a.json", "file_type": "json", "total_lines": 3}


def opened(section: QueueStore) -> RedisJobQueue:
    return RedisJobQueue(section, "default", utc_now)


@pytest.fixture
def queue(redis_store: QueueStore) -> RedisJobQueue:
    return opened(redis_store)


@pytest.fixture
def client(redis_store: QueueStore) -> Any:
    return redis_of(redis_store)


def through(proxy: TcpProxy, section: QueueStore, **changed: Any) -> QueueStore:
    return section.model_copy(update={"url": f"redis://{LOOPBACK}:{proxy.port}/0", "timeout_seconds": 1.0, **changed})


@pytest.fixture
def proxy(redis_store: QueueStore) -> Iterator[TcpProxy]:
    port = int(redis_store.url.rpartition(":")[2].partition("/")[0])
    with TcpProxy(LOOPBACK, port) as found:
        yield found


@pytest.mark.parametrize(("pushed", "command"), [("left", "lpush"), ("right", "rpush")])
def test_jobs_of_other_producers_come_in_their_order_among_ours(
    redis_store: QueueStore, client: Any, pushed: str, command: str
) -> None:
    """They push JSON to the list, whichever end they use; LLEN is what waits, DEL clears it."""
    queue = opened(redis_store.model_copy(update={"pushed": pushed}))
    push = getattr(client, command)
    push(redis_store.key, json.dumps({**JOB, "created_at": "2026-03-01T10:00:00"}))
    queue.push("ours", Foreign("f2", "uploads/b.csv", "csv", 7))
    push(redis_store.key, json.dumps({"job_id": "j3", "created_at": "2026-03-01T10:00:00+02:00", "more": [1]}))
    assert client.llen(redis_store.key) == len(queue) == 3
    assert [job.job_id for job in queue.waiting(10)] == ["j1", "ours", "j3"]
    told = json.loads(client.lindex(redis_store.key, 1))
    assert {**told, "created_at": None} == {
        "job_id": "ours", "file_id": "f2", "file_path": "uploads/b.csv", "file_type": "csv", "total_lines": 7,
        "created_at": None,
    }  # fmt: skip
    jobs = [queue.claim() for _ in range(3)]
    assert client.llen(redis_store.key) == 0
    assert [job.foreign for job in jobs if job] == [
        Foreign("f1", "uploads/a.json", "json", 3),
        Foreign("f2", "uploads/b.csv", "csv", 7),
        Foreign(),
    ]
    assert [job.created_at.hour for job in jobs if job and job.job_id != "ours"] == [10, 8]
    assert len(queue) == 3


def test_whoever_deletes_the_list_clears_it_and_the_jobs_can_be_pushed_again(
    queue: RedisJobQueue, redis_store: QueueStore, client: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where somebody has pushed since, so that the list is not empty."""
    for job_id in ("a", "b"):
        queue.push(job_id)
    client.delete(redis_store.key)
    assert len(queue) == 0
    queue.push("a")
    assert len(queue) == 1
    client.delete(redis_store.key)
    client.lpush(redis_store.key, json.dumps(JOB))
    monkeypatch.setattr("logplatform.stores.redis_queue._TIDY_SECONDS", 0)
    queue.release(lambda _holder: False)
    queue.push("a")
    assert [job.job_id for job in queue.waiting(10)] == ["j1", "a"]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"hello", "not JSON"),
        (b"", "not JSON"),
        (b"[]", "no job_id, or not a text"),
        (b"3", "no job_id, or not a text"),
        (b'{"job_id": 3}', "no job_id, or not a text"),
        (b'{"job_id": ""}', "no job_id, or not a text"),
        (b'{"job_id": "a\\u0000b"}', "job_id is no printable text of at most 200 characters"),
        (b'{"job_id": "' + b"x" * 300 + b'"}', "job_id is no printable text of at most 200 characters"),
        (b'{"job_id": "a", "n": 0x10}', "not JSON"),
        (b'{"job_id": "\xff"}', "not JSON"),
        (b"[" * 5_000 + b"]" * 5_000, "not JSON"),
    ],
)
def test_what_is_no_job_is_set_aside_with_the_reason_and_the_others_go_on(
    queue: RedisJobQueue, redis_store: QueueStore, client: Any, raw: bytes, reason: str
) -> None:
    client.lpush(redis_store.key, raw)
    queue.push("good")
    assert [job.job_id for job in queue.waiting(10)] == ["good"]
    job = queue.claim()
    assert job is not None
    assert job.job_id == "good"
    (aside,) = queue.unreadable(10)
    assert (aside.raw, aside.reason) == (raw, reason)
    assert abs(aside.at - datetime.now(UTC)) < timedelta(minutes=1)
    assert len(queue) == 1
    assert queue.forget_unreadable() == 1
    assert queue.unreadable(10) == []


def test_very_many_that_are_no_jobs_stop_nothing(queue: RedisJobQueue, redis_store: QueueStore, client: Any) -> None:
    client.lpush(redis_store.key, *(b"bad %d" % number for number in range(10_500)))
    queue.push("good")
    job = queue.claim()
    assert job is not None
    assert job.job_id == "good"
    found = queue.unreadable(20_000)
    assert (len(found), found[0].raw, found[-1].raw) == (10_000, b"bad 10499", b"bad 500")


def test_fields_that_are_none_are_left_out(queue: RedisJobQueue, redis_store: QueueStore, client: Any) -> None:
    odd = {"job_id": "a", "file_path": 3, "total_lines": True, "file_id": None, "created_at": "yesterday"}
    client.lpush(redis_store.key, json.dumps(odd))
    job = queue.claim()
    assert job is not None
    assert job.foreign == Foreign()


def test_a_server_that_lost_everything_gets_its_jobs_again(redis_server_of_its_own: OwnServer[QueueStore]) -> None:
    """It is stopped and started in mid-work: failures say where, then all goes on; scripts are sent again."""
    section = redis_server_of_its_own.store.model_copy(update={"timeout_seconds": 2.0})
    queue = opened(section)
    queue.push("a")
    job = queue.claim()
    assert job is not None
    redis_server_of_its_own.kill()
    for ask in (queue.claim, lambda: queue.push("b"), lambda: queue.acknowledge(job), lambda: len(queue)):
        with pytest.raises(Unreachable, match=r"stores\.queue\.url"):
            ask()
    redis_server_of_its_own.start()
    redis_of(section).flushall()
    queue.acknowledge(job)
    queue.push("a")
    again = queue.claim()
    assert again is not None
    queue.acknowledge(again)
    assert len(queue) == 0


def test_a_claim_whose_answer_is_lost_comes_back(proxy: TcpProxy, redis_store: QueueStore) -> None:
    """The connection breaks between the server's work and its answer: nobody has the job, until its claim runs out."""
    straight, cut = opened(redis_store), opened(through(proxy, redis_store))
    straight.push("a")
    assert len(cut) == 1
    proxy.delay_seconds = 30
    with pytest.raises(Unreachable):
        cut.claim(timedelta(seconds=1.5))
    proxy.drop()
    assert straight.claim() is None
    time.sleep(1.6)
    job = straight.claim()
    assert job is not None
    assert job.claims == 2


def test_a_push_that_breaks_off_is_made_whole_or_not_at_all(proxy: TcpProxy, redis_store: QueueStore) -> None:
    straight, cut = opened(redis_store), opened(through(proxy, redis_store))
    cut.push("first")
    proxy.drop_after(2_000)
    with pytest.raises(Unreachable):
        cut.push("large", Foreign(file_path="x" * 1_000_000))
    assert [job.job_id for job in straight.waiting(10)] == ["first"]
    proxy.resume()
    cut.push("large", Foreign(file_path="x" * 1_000_000))
    assert len(straight) == 2


def test_slow_answers_are_waited_for_up_to_the_setting(proxy: TcpProxy, redis_store: QueueStore) -> None:
    queue = opened(through(proxy, redis_store))
    proxy.delay_seconds = 0.3
    queue.push("a")
    assert len(queue) == 1


def test_a_server_without_room_is_a_failure_that_may_pass(redis_server_of_its_own: OwnServer[QueueStore]) -> None:
    section = redis_server_of_its_own.store
    queue = opened(section)
    queue.push("a")
    redis_of(section).config_set("maxmemory", "1")
    with pytest.raises(TransientFailure, match="cannot write"):
        queue.push("b")
    redis_of(section).config_set("maxmemory", "0")
    queue.push("b")
    assert len(queue) == 2


def test_the_check_passes_and_leaves_nothing(redis_store: QueueStore, client: Any) -> None:
    check_queue(redis_store)
    assert list(client.scan_iter(f"*{redis_store.key}*")) == []


def test_the_check_tells_what_is_wrong(redis_store: QueueStore, client: Any) -> None:
    """The address, the password, the rights, another's key; never the password itself."""

    def refused(kind: type[Exception], told: str, **changed: Any) -> None:
        with pytest.raises(kind, match=told) as error:
            check_queue(redis_store.model_copy(update=changed))
        assert "hunter2" not in str(error.value)

    refused(Unreachable, "is the address right", url=f"redis://{LOOPBACK}:{free_port()}/0", timeout_seconds=1)
    refused(PermanentFailure, r"stores\.queue\.password", password=SecretStr("hunter2"))
    refused(PermanentFailure, r"stores\.queue\.password", password=None)
    refused(PermanentFailure, "DB index", url=redis_store.url.rpartition("/")[0] + "/9999")
    user = redis_store.key
    client.acl_setuser(
        user, enabled=True, passwords=["+hunter2"], keys=[f"{user}*"], commands=["+@all", "-eval", "-evalsha"]
    )
    try:
        refused(PermanentFailure, "commands of lists", username=user, password=SecretStr("hunter2"))
        client.acl_setuser(user, enabled=True, commands=["+@all"])
        check_queue(redis_store.model_copy(update={"username": user, "password": SecretStr("hunter2")}))
        client.acl_setuser(user, enabled=True, reset_keys=True, keys=["other*"], commands=["+@all"])
        refused(PermanentFailure, "keys of the queue", username=user, password=SecretStr("hunter2"))
    finally:
        client.acl_deluser(user)
    client.set(redis_store.key, "text")
    refused(PermanentFailure, r"something else than a list \(stores\.queue\.key\)")
