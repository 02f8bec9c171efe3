"""The log index on a server: its check at start, a busy or restarted server, and answers like the embedded's."""

import random
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from logplatform.failures import PermanentFailure, Unreachable
from logplatform.settings.stores import IndexStore
from logplatform.stores.log_places import check_index
from logplatform.stores.log_query import COUNT, Aggregation, Measure, Page, Search
from logplatform_tests.contracts.elasticsearch_stubs import fixed, grudging
from logplatform_tests.contracts.log_indices import PARQUET, opened
from logplatform_tests.servers.own import OwnServer
from logplatform_tests.servers.ports import free_port
from logplatform_tests.uploads.indexed import BEGIN, ndjson, put, some_events

EVENTS = some_events()
AT = {"timestamp": "2026-03-01T10:00:00Z", "log_type": "web"}
SECRET = "do not tell"


def store_at(url: str) -> IndexStore:
    return IndexStore(type="elasticsearch", url=url, username="me", password=SecretStr(SECRET), timeout_seconds=5)


def shown(page: Page) -> tuple[int, list[tuple[object, ...]]]:
    """A page, with its scores as people see them: one kind of index counts with 32 bits, another with 64."""
    return page.total, [(hit.id, hit.document, round(hit.score, 4), hit.highlights) for hit in page.hits]


def test_a_busy_server_gets_smaller_requests_later(tmp_path: Path, elasticsearch_store: IndexStore) -> None:
    """429 is no failure: less is sent, after a while, until all is there."""
    with grudging(elasticsearch_store.url) as url:
        store = elasticsearch_store.model_copy(update={"url": url, "bulk_bytes": 1 << 20})
        with opened(tmp_path, store) as index:
            put(index, "one", ndjson(EVENTS))
            assert index.rows() == 600


def test_the_check_leaves_nothing_behind(elasticsearch_store: IndexStore) -> None:
    """A server that can be used passes, again and again."""
    check_index(elasticsearch_store)
    check_index(elasticsearch_store)
    check_index(PARQUET)


@pytest.mark.parametrize(
    ("status", "answer", "product", "told"),
    [
        (401, {"error": {"type": "security_exception", "reason": "no"}}, "Elasticsearch", r"stores\.index\.password"),
        (403, {"error": {"type": "security_exception", "reason": "not yours"}}, "Elasticsearch", "not yours"),
        (200, {"version": {"number": "9.1.0"}}, "Elasticsearch", "version 9.1.0; version 8 is needed"),
        (200, {"version": {"number": "8.1.0"}}, "OpenSearch", "no Elasticsearch"),
    ],
)
def test_what_cannot_be_used_is_told_at_start(status: int, answer: dict[str, Any], product: str, told: str) -> None:
    """Wrong credentials, rights, version and product, each with what helps, and never with a secret."""
    with fixed(status, answer, product) as url:
        with pytest.raises(PermanentFailure, match=told) as failure:
            check_index(store_at(url))
        assert SECRET not in f"{failure.value!r} {failure.value.__cause__!r}"


def test_an_address_where_nobody_listens_is_told() -> None:
    """It may pass: the server may not have started yet."""
    with pytest.raises(Unreachable, match=r"stores\.index\.url.*is it running"):
        check_index(store_at(f"http://127.0.0.1:{free_port()}"))


@pytest.mark.faults
def test_a_server_that_is_stopped_and_started_again(
    tmp_path: Path, elasticsearch_server_of_its_own: OwnServer[IndexStore]
) -> None:
    """What was committed is there, and what is put in afterwards."""
    server = elasticsearch_server_of_its_own
    with opened(tmp_path, server.store) as index:
        put(index, "one", ndjson(EVENTS[:100]))
        server.kill()
        with pytest.raises(Unreachable):
            index.search(Search())
        server.start()
        put(index, "two", ndjson(EVENTS[100:]))
        assert index.rows() == 600


TEXTS = (
    "Größe ÉCOLE naïve 支付失败", "a.b/c-d_e", "x" * 9_000 + " needle at the end",
    "quote \" backslash \\ star * mark ?",
    "tab\tnew\nline", "🙂 smile", "Ünïcode İstanbul", "[brackets] {braces} (parens) ^$|~#@&<>", "",
)  # fmt: skip
QUESTIONS = (
    "größe", "école", "支付", "b/c", "needle at", '"at the end"', "e", "*", "?", "\\", '"new\nline"', "🙂", "ïc", "[br",
    "^$|",
    "brace", "xxxxxxxx needle", "d_e", "a.b", "#@&<>",
)  # fmt: skip


def test_texts_are_found_as_in_the_embedded_index(tmp_path: Path, elasticsearch_store: IndexStore) -> None:
    """The same documents, with the same scores, in the same order, with the same marks, whatever is looked for."""
    events = [{**AT, "number": number, "message": text, "service": text[:40]} for number, text in enumerate(TEXTS)]
    with opened(tmp_path / "a", PARQUET) as ours, opened(tmp_path / "b", elasticsearch_store) as theirs:
        for index in (ours, theirs):
            put(index, "one", ndjson(events))
        for text in QUESTIONS:
            for field in (None, "@timestamp"):
                asked = Search(text, size=20, sort_field=field)
                assert shown(theirs.search(asked)) == shown(ours.search(asked)), text


def test_figures_and_streams_of_many_documents_are_exact(tmp_path: Path, elasticsearch_store: IndexStore) -> None:
    """Above 10,000 hits, with percentiles, different values and groups that no estimate would give."""
    rng = random.Random(3)
    events = [
        {**AT, "timestamp": f"2026-03-01T10:00:{number % 60:02}.{number:06}+01:00", "user_id": f"U{number % 4_999}",
         "response_time": rng.randrange(10**6) / 100, "endpoint": f"/{number % 3}"}
        for number in range(12_000)
    ]  # fmt: skip
    measures = (
        COUNT, Measure("users", "distinct", "user_id"), Measure("p50", "percentile", "response_time", 0.5),
        Measure("p99", "percentile", "response_time", 0.99), Measure("first", "min", "timestamp"),
    )  # fmt: skip
    with opened(tmp_path / "a", PARQUET) as ours, opened(tmp_path / "b", elasticsearch_store) as theirs:
        for index in (ours, theirs):
            put(index, "one", ndjson(events))
        for asked in (Aggregation((), measures), Aggregation(("endpoint",), measures), Aggregation(("user_id",))):
            assert theirs.aggregate(asked) == ours.aggregate(asked)
        columns, order = ("id", "timestamp", "user_id", "response_time"), ("user_id", "timestamp", "id")
        assert list(theirs.stream(columns, Search().filters, order)) == list(
            ours.stream(columns, Search().filters, order)
        )
        assert len(list(theirs.export("", Search().filters))) == 12_000
        assert theirs.search(Search(page=100, size=100)).total == 12_000
        assert theirs.aggregate(Aggregation((), measures))[0]["first"] < BEGIN + timedelta(hours=10)
