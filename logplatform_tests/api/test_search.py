"""Searching over HTTP: every parameter, pages, completions, saved searches, the history, and what is refused."""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from logplatform.settings.model import Settings
from logplatform_tests.api.conftest import Service, serving
from logplatform_tests.uploads.indexed import Event, ndjson, put, some_events

EVENTS = some_events()
Ask = Callable[..., Any]


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with serving(Settings.model_validate({"data_root": tmp_path_factory.mktemp("search")})) as service:
        put(service.room.index, "one", ndjson(EVENTS))
        yield service


@pytest.fixture
def ask(searched: Service) -> Ask:
    def asked(**parameters: object) -> Any:
        answer = searched.client.get("/api/search", params={name: str(one) for name, one in parameters.items()})
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    return asked


def numbers(page: dict[str, Any]) -> list[int]:
    return [one["document"]["number"] for one in page["results"]]


def matching(wanted: Callable[[Event], bool]) -> list[int]:
    return sorted(event["number"] for event in EVENTS if wanted(event))


@pytest.mark.parametrize(
    ("parameters", "wanted"),
    [
        ({"log_type": "Transaction"}, lambda one: one["log_type"] == "transaction"),
        ({"level": "error"}, lambda one: one["level"] == "ERROR"),
        ({"service": "shop", "user_id": "USER3"}, lambda one: (one["service"], one["user_id"]) == ("shop", "USER3")),
        ({"min_amount": "5000.5"}, lambda one: one.get("amount", -1) >= 5000.5),
        ({"min_amount": "5", "max_amount": "5"}, lambda one: one.get("amount") == 5),
        ({"max_amount": "100", "level": ""}, lambda one: one.get("amount", 1e9) <= 100),
        ({"date_from": "2026-03-03"}, lambda one: one["timestamp"] >= "2026-03-03"),
        ({"date_to": "2026-03-03"}, lambda one: one["timestamp"] < "2026-03-04"),
        ({"date_to": "2026-03-03T12:00:00"}, lambda one: one["timestamp"] < "2026-03-03T12"),
        ({"date_from": "2026-03-03T12:00:00+02:00"}, lambda one: one["timestamp"] >= "2026-03-03T10"),
        ({"q": "refused"}, lambda one: "refused" in one.get("error_message", "")),
        ({"q": '"card declined"'}, lambda one: one.get("error_message") == "card declined"),
        ({"q": "/api/cart"}, lambda one: one.get("endpoint") == "/api/cart"),
        ({"q": "click", "level": "INFO"}, lambda one: one.get("action") == "click" and one["level"] == "INFO"),
    ],
)
def test_each_parameter_finds_what_a_loop_over_the_input_finds(
    ask: Ask, parameters: dict[str, str], wanted: Callable[[Event], bool]
) -> None:
    page = ask(size=1000, **parameters)
    expected = matching(wanted)
    assert expected
    assert sorted(numbers(page)) == expected
    assert page["total"] == len(expected)


def test_a_plus_in_an_address_is_a_plus_again(searched: Service) -> None:
    """Few clients write %2B; without it the offset's sign arrives as a blank."""
    answer = searched.client.get("/api/search?date_from=2026-03-03T12:00:00+02:00&size=1")
    expected = matching(lambda one: one["timestamp"] >= "2026-03-03T10")
    assert answer.json()["data"]["total"] == len(expected)


@pytest.mark.parametrize("field", ["@timestamp", "amount", "response_time", "fraud_score"])
@pytest.mark.parametrize("order", ["asc", "desc"])
def test_pages_follow_the_order_that_is_asked_for(ask: Ask, field: str, order: str) -> None:
    pages = [ask(page=page, size=200, sort_field=field, sort_order=order) for page in (1, 2, 3)]
    assert sorted(number for page in pages for number in numbers(page)) == list(range(600))
    assert {(page["total"], page["pages"], page["size"]) for page in pages} == {(600, 3, 200)}
    values = [one["document"].get(field) for page in pages for one in page["results"]]
    known = [value for value in values if value is not None]
    assert known == sorted(known, reverse=order == "desc")
    assert values[: len(known)] == known


def test_a_text_is_ranked_and_its_hits_are_marked(ask: Ask) -> None:
    page = ask(q="payment 17", size=50)
    assert [one["score"] for one in page["results"]] == sorted((one["score"] for one in page["results"]), reverse=True)
    for one in page["results"]:
        for name, texts in one["highlights"].items():
            assert texts[0].replace("<em>", "").replace("</em>", "") in one["document"][name]
            assert "<em>" in texts[0]


@pytest.mark.parametrize(
    ("parameters", "status", "told"),
    [
        ({"size": "1001"}, 422, "query.size"),
        ({"size": "0"}, 422, "query.size"),
        ({"sevice": "web"}, 400, "sevice"),
        ({"page": "0"}, 422, "query.page"),
        ({"page": "101", "size": "100"}, 400, "page: only the first 10000"),
        ({"sort_field": "ip"}, 422, "query.sort_field"),
        ({"sort_order": "up"}, 422, "query.sort_order"),
        ({"min_amount": "much"}, 422, "query.min_amount"),
        ({"min_amount": "nan"}, 422, "query.min_amount"),
        ({"min_amount": "2", "max_amount": "1"}, 400, "amount"),
        ({"date_from": "2026-13-01"}, 422, "query.date_from"),
        ({"date_from": "2026-03-02", "date_to": "2026-03-01T00:00:00Z"}, 400, "date_from"),
        ({"q": "x" * 1001}, 422, "query.q"),
    ],
)
def test_what_cannot_be_asked_is_told_by_its_name(
    searched: Service, parameters: dict[str, str], status: int, told: str
) -> None:
    answer = searched.client.get("/api/search", params=parameters)
    assert (answer.status_code, answer.json()["success"]) == (status, False)
    assert told in answer.json()["error"]


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=80))
def test_any_text_is_answered(searched: Service, text: str) -> None:
    """What people type is no statement and no pattern."""
    for route in ("search", "search/autocomplete"):
        assert searched.client.get(f"/api/{route}", params={"q": text}).status_code == 200


def test_completions_are_the_values_that_begin_so(searched: Service) -> None:
    def completed(**parameters: str | int) -> list[dict[str, Any]]:
        return searched.client.get("/api/search/autocomplete", params=parameters).json()["data"]

    assert {(one["field"], one["text"]) for one in completed(q="PAY")} == {("service", "payments")}
    counts = {one["text"]: one["count"] for one in completed(q="user1", field="user_id", limit=50)}
    users = [event["user_id"] for event in EVENTS if event["user_id"].startswith("USER1")]
    assert counts == {user: users.count(user) for user in set(users)}
    assert completed(q="") == completed(q="%") == []
    assert len(completed(q="u", limit=3)) == 3
    assert searched.client.get("/api/search/autocomplete", params={"q": "x", "field": "ip"}).status_code == 422


def test_searches_are_saved_changed_and_forgotten(client: httpx.Client) -> None:
    given = {"name": "errors", "parameters": {"level": "ERROR", "size": 50}}
    made = client.post("/api/search/saved", json=given)
    assert made.status_code == 201
    number = made.json()["data"]["id"]
    assert client.get(f"/api/search/saved/{number}").json()["data"]["parameters"] == given["parameters"]
    assert client.post("/api/search/saved", json=given).status_code == 409
    changed = client.put(f"/api/search/saved/{number}", json={"name": "all", "parameters": {}})
    assert (changed.json()["data"]["name"], changed.json()["data"]["parameters"]) == ("all", {})
    assert [one["name"] for one in client.get("/api/search/saved").json()["data"]] == ["all"]
    assert client.delete(f"/api/search/saved/{number}").status_code == 204
    for answer in (client.get(f"/api/search/saved/{number}"), client.delete(f"/api/search/saved/{number}"),
                   client.put(f"/api/search/saved/{number}", json=given)):  # fmt: skip
        assert (answer.status_code, answer.json()["success"]) == (404, False)


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"name": " ", "parameters": {}}, 422),
        ({"name": "x", "parameters": {"colour": "red"}}, 422),
        ({"name": "x", "parameters": {"date_from": "soon"}}, 422),
        ({"name": "x", "parameters": {"min_amount": 2, "max_amount": 1}}, 400),
        ({"name": "x"}, 422),
        ([], 422),
    ],
)
def test_only_searches_that_can_be_made_are_saved(client: httpx.Client, given: object, status: int) -> None:
    assert client.post("/api/search/saved", json=given).status_code == status
    assert client.get("/api/search/saved").json()["data"] == []


def test_the_history_has_what_was_searched_for(service: Service) -> None:
    put(service.room.index, "one", ndjson(EVENTS[:50]))
    for parameters in ({}, {"q": "payment"}, {"level": "error"}, {"q": "payment"}, {"q": "payment", "page": "2"}):
        service.client.get("/api/search", params=parameters)

    def history() -> list[dict[str, Any]]:
        return service.client.get("/api/search/history").json()["data"]

    deadline = time.monotonic() + 20
    # It is written after the answer.
    while [one["parameters"] for one in history()] != [{"q": "payment"}, {"level": "error"}]:
        assert time.monotonic() < deadline, history()
        time.sleep(0.05)
    levels = sum(event["level"] == "ERROR" for event in EVENTS[:50])
    assert history()[1]["total"] == levels
    assert service.client.delete("/api/search/history").status_code == 204
    assert history() == []


def test_a_history_that_cannot_be_written_costs_no_answer(service: Service) -> None:
    """Somebody holds the database: searches go on."""
    with service.room.tenancy.database.write():
        begun = time.monotonic()
        for _ in range(3):
            assert service.client.get("/api/search", params={"q": "payment"}).status_code == 200
        assert time.monotonic() - begun < 20


def test_many_questions_at_once_are_all_answered(searched: Service) -> None:
    """More than there are places: they wait for their turn."""

    def total(number: int) -> int:
        with httpx.Client(base_url=searched.url, timeout=120) as client:
            return client.get("/api/search", params={"user_id": f"USER{number % 20}"}).json()["data"]["total"]

    with ThreadPoolExecutor(24) as pool:
        found = list(pool.map(total, range(30)))
    for number in range(30):
        assert found[number] == sum(event["user_id"] == f"USER{number % 20}" for event in EVENTS)


WRITER = """
import sys
from logplatform.settings.model import Settings
from logplatform.stores.log_schema import DOCUMENTS
from logplatform.stores.parquet_index import DATASET
from logplatform.uploads.room import open_uploads
from logplatform_tests.uploads.indexed import ndjson, put, some_events
with open_uploads(Settings.model_validate({"data_root": sys.argv[1]})) as room:
    for number in range(6):
        put(room.index, f"upload {number}", ndjson(some_events(100, seed=number)))
        if number == 3:
            dataset = room.tenancy.dataset(DATASET, DOCUMENTS)
            for day in {file.partition for file in dataset.visible()}:
                dataset.compact(day, ("timestamp", "id"))
"""


def test_readers_see_whole_uploads_while_another_process_writes(service: Service) -> None:
    """Each answer is of one moment, also while files are merged under it."""
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(service.settings.data_root)])
    seen: list[tuple[int, int]] = []
    while writer.poll() is None:
        page = service.client.get("/api/search", params={"size": 1000}).json()["data"]
        seen.append((page["total"], len(page["results"])))
    assert writer.returncode == 0
    assert all(total == results and total % 100 == 0 for total, results in seen)
    assert [total for total, _ in seen] == sorted(total for total, _ in seen)
    assert service.client.get("/api/search").json()["data"]["total"] == 600


def test_an_answer_holds_the_event_as_it_came(ask: Ask) -> None:
    by_number = {event["number"]: event for event in EVENTS}
    for one in ask(size=50)["results"]:
        event = by_number[one["document"]["number"]]
        told = {name: value for name, value in one["document"].items() if name in event}
        assert told == event
        assert datetime.fromisoformat(one["document"]["@timestamp"]) == datetime.fromisoformat(event["timestamp"])


def test_a_page_may_be_asked_for_in_threads_without_end(searched: Service) -> None:
    """Connections that are broken off while the index works leave nothing behind."""
    before = threading.active_count()
    for _ in range(10):
        with pytest.raises(httpx.TimeoutException):
            httpx.get(f"{searched.url}/api/search", params={"q": "payment card refused", "size": 1000}, timeout=0.004)
    assert json.loads(searched.client.get("/api/search?size=1").text)["data"]["total"] == 600
    assert threading.active_count() < before + 20
