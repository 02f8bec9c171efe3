"""The log index on a server that is busy, slow, cut off, stopped, or that refuses: nothing lost, nothing twice."""

import json
import multiprocessing
import os
import signal
import time
from collections.abc import Generator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from elasticsearch import Elasticsearch

from logplatform.failures import Unreachable
from logplatform.settings.stores import IndexStore
from logplatform.stores import elasticsearch_bulk
from logplatform.stores.log_engine import QueryTimeout
from logplatform.stores.log_query import Search
from logplatform.stores.log_upkeep import RefusedDocument
from logplatform_tests.contracts.log_indices import opened, total
from logplatform_tests.servers.proxy import TcpProxy
from logplatform_tests.uploads.indexed import batches_of, ndjson, put, some_events

pytestmark = pytest.mark.slow

SPAWN = multiprocessing.get_context("spawn")
EVENTS = some_events()
AT = {"timestamp": "2026-03-01T10:00:00Z", "log_type": "web"}


@pytest.fixture
def proxied(elasticsearch_store: IndexStore) -> Generator[tuple[TcpProxy, IndexStore]]:
    """A proxy, and the store behind it."""
    parts = urlsplit(elasticsearch_store.url)
    with TcpProxy(str(parts.hostname), int(parts.port or 9200)) as proxy:
        yield proxy, elasticsearch_store.model_copy(update={"url": f"http://127.0.0.1:{proxy.port}"})


def raw_count(store: IndexStore) -> int:
    """Documents in the indices themselves, as Kibana counts them."""
    with Elasticsearch(store.url) as client:
        client.indices.refresh(index=store.prefix)
        return int(client.count(index=store.prefix)["count"])


def test_a_connection_cut_in_mid_write_loses_nothing(tmp_path: Path, proxied: tuple[TcpProxy, IndexStore]) -> None:
    """The requests whose answers were lost are sent again; each document is there once."""
    proxy, store = proxied
    store = store.model_copy(update={"bulk_bytes": 64 << 10})
    with opened(tmp_path, store) as index:
        put(index, "one", ndjson(EVENTS[:10]))
        proxy.drop_after(150_000, 1.5)
        put(index, "two", ndjson(EVENTS[10:]))
        assert total(index) == raw_count(store) == 600


def test_a_server_that_is_gone_fails_the_writing_and_nothing_is_seen(
    tmp_path: Path, proxied: tuple[TcpProxy, IndexStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is a failure that may pass; once the server is back the same upload is put in as if nothing had been."""
    monkeypatch.setattr(elasticsearch_bulk, "PATIENCE_SECONDS", 0.5)
    proxy, store = proxied
    with opened(tmp_path, store) as index:
        put(index, "one", ndjson(EVENTS[:10]))
        proxy.drop()
        with pytest.raises(Unreachable, match=r"stores\.index\.url"):
            put(index, "two", ndjson(EVENTS[10:]))
        with pytest.raises(Unreachable):
            total(index)
        proxy.resume()
        assert total(index) == 10
        put(index, "two", ndjson(EVENTS[10:]))
        assert total(index) == 600


def test_a_slow_answer_is_given_up_at_its_deadline(tmp_path: Path, proxied: tuple[TcpProxy, IndexStore]) -> None:
    """Whoever asks waits no longer than was said."""
    proxy, store = proxied
    with opened(tmp_path, store) as index:
        put(index, "one", ndjson(EVENTS[:10]))
        proxy.delay_seconds = 3.0
        begun = time.monotonic()
        with pytest.raises(QueryTimeout):
            index.within(0.5).search(Search())
        assert time.monotonic() - begun < 10
        proxy.delay_seconds = 0.0
        assert total(index) == 10


def _write_and_hang(folder: Path, store: IndexStore, told: Any) -> None:
    with opened(folder, store) as index, index.replacing(["two"]) as replacement:
        for day, batch in batches_of("two", ndjson(EVENTS[10:])):
            replacement.write(day, "two", batch)
        replacement.ready()
        told.set()
        time.sleep(60)


def test_a_writer_that_is_killed_has_done_nothing(tmp_path: Path, elasticsearch_store: IndexStore) -> None:
    """What it left is never seen, is no obstacle to the next, and is deleted by the upkeep."""
    clock = [datetime.now(UTC)]
    with opened(tmp_path, elasticsearch_store, lambda: clock[0]) as index:
        put(index, "one", ndjson(EVENTS[:10]))
        told = SPAWN.Event()
        child = SPAWN.Process(target=_write_and_hang, args=(tmp_path, elasticsearch_store, told))
        child.start()
        assert told.wait(120)
        os.kill(int(child.pid or 0), signal.SIGKILL)
        child.join()
        assert total(index) == 10
        put(index, "two", ndjson(EVENTS[10:]))
        assert total(index) == 600
        clock[0] += timedelta(hours=1)
        assert index.sweep(8).removed == 590
        assert total(index) == raw_count(elasticsearch_store) == 600
        put(index, "two", ndjson(EVENTS[10:20]))
        assert total(index) == raw_count(elasticsearch_store) == 20


def _put_many(folder: Path, store: IndexStore, numbers: range) -> None:
    with opened(folder, store) as index:
        for number in numbers:
            put(index, f"upload {number}", ndjson(EVENTS[number * 20 : number * 20 + 20]))


def test_two_processes_write_at_once(tmp_path: Path, elasticsearch_store: IndexStore) -> None:
    """Each upload is there as a whole, once, and readers never see a part of one."""
    with opened(tmp_path, elasticsearch_store) as index:
        ranges = (range(10), range(10, 20))
        children = [SPAWN.Process(target=_put_many, args=(tmp_path, elasticsearch_store, some)) for some in ranges]
        for child in children:
            child.start()
        seen = set()
        while any(child.is_alive() for child in children):
            seen.add(total(index) % 20)
        for child in children:
            child.join()
        assert [child.exitcode for child in children] == [0, 0]
        assert seen == {0}
        assert total(index) == raw_count(elasticsearch_store) == 400


def test_a_document_that_moves_to_another_day_is_there_once(tmp_path: Path, elasticsearch_store: IndexStore) -> None:
    """An `_id` is unique within one index only: the old day's document is deleted."""
    with opened(tmp_path, elasticsearch_store) as index:
        put(index, "one", ndjson([AT]))
        put(index, "one", ndjson([{**AT, "timestamp": "2026-03-02T10:00:00Z"}]))
        assert index.days(["one"]) == {"2026-03-02"}
        assert total(index) == raw_count(elasticsearch_store) == 1


def test_what_the_server_refuses_is_told_and_the_rest_goes_on(tmp_path: Path, elasticsearch_store: IndexStore) -> None:
    """A mapping that somebody else has made fits no text: these documents are refused, one by one."""
    with Elasticsearch(elasticsearch_store.url) as client:
        mapping = {"properties": {"user_id": {"type": "long"}, "generation": {"type": "long"}}}
        name = f"{elasticsearch_store.prefix}-2026.03.01"
        client.indices.create(index=name, mappings=mapping, aliases={elasticsearch_store.prefix: {}})
    told: list[RefusedDocument] = []
    with opened(tmp_path, elasticsearch_store) as index:
        events = [{**AT, "user_id": "7"}, {**AT, "user_id": "seven"}, {**AT, "user_id": "8"}]
        with index.replacing(["one"], told.append) as replacement:
            for day, batch in batches_of("one", ndjson(events)):
                replacement.write(day, "one", batch)
            assert replacement.ready() == 2
            with index.database.write() as connection:
                replacement.commit(connection)
        assert [one.ordinal for one in told] == [2]
        assert "user_id" in told[0].reason
        assert json.loads(told[0].source)["user_id"] == "seven"
