"""Events over HTTP: safe, once, whatever is sent again."""

import json
from concurrent.futures import ThreadPoolExecutor

import httpx

from logplatform.stores.log_query import Search
from logplatform_tests.api.conftest import Serve, Service
from logplatform_tests.api.test_uploads import work_off
from logplatform_tests.uploads.indexed import some_events

URL = "/api/logs/ingest"
EVENTS = some_events(20)


def ids(service: Service) -> set[str]:
    return {hit.id for hit in service.room.index.search(Search(size=1_000)).hits}


def test_one_event_a_list_or_lines(service: Service) -> None:
    one = service.client.post(URL, json=EVENTS[0])
    several = service.client.post(URL, json=EVENTS[1:10])
    lines = service.client.post(URL, content="\n".join(map(json.dumps, EVENTS[10:])))
    for answer, count in ((one, 1), (several, 9), (lines, 10)):
        assert answer.status_code == 202
        told = answer.json()
        assert told["success"] is True
        assert set(told["data"]) == {"file_id", "job_id", "total_lines", "uploaded_at"}
        assert told["data"]["total_lines"] == count
        record = service.room.uploads.get(told["data"]["job_id"])
        assert record is not None
        assert (record.file_type, record.status) == ("api", "pending")
    assert work_off(service) == ["completed"] * 3
    assert len(ids(service)) == 20


def test_an_event_with_an_id_is_one_document_in_whatever_request(service: Service) -> None:
    named = [{**event, "event_id": f"e{number}"} for number, event in enumerate(EVENTS[:5])]
    for body in (named, named[:3], named[4], [*named[2:], EVENTS[10]]):
        assert service.client.post(URL, json=body).status_code == 202
    work_off(service)
    assert len(ids(service)) == 6


def test_the_same_request_again_has_the_same_answer(service: Service) -> None:
    """By its key; the body may have been sent with other spaces only if the key is another."""
    key = {"Idempotency-Key": "order-7"}
    first = service.client.post(URL, json=EVENTS[:3], headers=key)
    again = service.client.post(URL, json=EVENTS[:3], headers=key)
    work_off(service)
    late = service.client.post(URL, json=EVENTS[:3], headers=key)
    assert first.status_code == 202
    assert first.content == again.content == late.content
    assert work_off(service) == []
    assert len(service.room.uploads.recent(10)) == 1
    other = service.client.post(URL, json=EVENTS[3:5], headers=key)
    assert other.status_code == 409
    assert other.json()["success"] is False
    assert len(ids(service)) == 3


def test_requests_with_one_key_at_once_are_done_once(service: Service) -> None:
    def send(_: int) -> bytes:
        return httpx.post(service.url + URL, json=EVENTS, headers={"Idempotency-Key": "same"}, timeout=60).content

    with ThreadPoolExecutor(8) as pool:
        answers = set(pool.map(send, range(16)))
    assert len(answers) == 1
    assert len(service.room.uploads.recent(50)) == 1
    work_off(service)
    assert len(ids(service)) == 20


def test_without_a_key_the_same_body_is_told_as_a_duplicate(service: Service) -> None:
    first = service.client.post(URL, json=EVENTS[0]).json()["data"]
    assert service.client.post(URL, json=EVENTS[0]).json()["data"]["duplicate_of"] == first["job_id"]


def test_what_is_no_event_is_refused(serve: Serve) -> None:
    service = serve(uploads={"max_file_size_mb": 0.1, "allowed_extensions": ["csv"]})
    refused = [(b"", "No event provided"), (b"nothing", "Invalid JSON: line 1"), (b"[1, 2]", "Invalid JSON"),
               (b"\x00\x01", "Invalid JSON"), (b"[]", "Invalid JSON: no records")]  # fmt: skip
    for body, reason in refused:
        answer = service.client.post(URL, content=body)
        assert answer.status_code == 400, body
        assert reason in answer.json()["error"]
    for headers in ({}, {"Idempotency-Key": "k"}):
        assert service.client.post(URL, content=b"[" + b" " * 200_000, headers=headers).status_code == 413
    for key in (b"", b"x" * 300, b"a b", b"\xff"):
        assert service.client.post(URL, json=EVENTS, headers=[(b"Idempotency-Key", key)]).status_code == 422
    assert service.room.uploads.recent(10) == []
    assert service.client.post(URL, json=EVENTS, headers={"Idempotency-Key": "k"}).status_code == 202
    assert service.client.post(URL, content=b" " * 200_000, headers={"Idempotency-Key": "k"}).status_code == 413


def test_some_bad_events_are_dead_letters_of_their_request(service: Service) -> None:
    body = [EVENTS[0], {"timestamp": "soon", "log_type": "web"}, EVENTS[1]]
    job = service.client.post(URL, json=body).json()["data"]["job_id"]
    work_off(service)
    told = service.client.get(f"/api/logs/uploads/{job}").json()["data"]
    assert (told["documents"], told["dead_letters"]) == (2, 1)
    assert told["errors"][0]["position"] == 2
