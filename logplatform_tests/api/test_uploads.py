"""Uploads over HTTP: every answer, and nothing left behind by what is not taken."""

import csv
import io
import json
import socket
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from logplatform.uploads.worker import work
from logplatform_tests.api.conftest import Serve, Service
from logplatform_tests.uploads.indexed import ndjson, some_events

URL = "/api/logs/upload"
EVENTS = some_events(40)
DATA = ndjson(EVENTS)
KEYS = {"file_id", "job_id", "filename", "file_type", "file_size", "total_lines", "preview_lines", "preview",
        "uploaded_at"}  # fmt: skip


def send(client: httpx.Client, name: str, data: bytes) -> httpx.Response:
    return client.post(URL, files={"file": (name, data)})


def leavings(service: Service) -> list[str]:
    """Names of the files that were stored, the databases and the links that show them apart."""
    files = (path for path in service.settings.data_root.rglob("*") if path.is_file() and not path.is_symlink())
    return [path.name for path in files if not path.name.startswith("uploads.db")]


def work_off(service: Service) -> list[str]:
    return [outcome for _, outcome in work(service.room, "test", lambda: False, once=True)]


def test_a_file_is_answered_recorded_and_queued(service: Service) -> None:
    answer = send(service.client, "events.json", DATA)
    assert answer.status_code == 201
    told = answer.json()
    assert told["success"] is True
    assert told["message"] == "File uploaded successfully"
    data = told["data"]
    assert set(data) == KEYS
    assert (data["filename"], data["file_type"], data["file_size"]) == ("events.json", "json", len(DATA))
    assert (data["total_lines"], data["preview_lines"]) == (40, 10)
    assert data["preview"] == EVENTS[:10]
    record = service.room.uploads.get(data["job_id"])
    assert record is not None
    assert record.file_id == data["file_id"]
    assert record.status == "pending"
    assert record.unique_filename.endswith(f"_{data['job_id'][:8]}_events.json")
    with service.room.tenancy.files.open(record.object_key) as file:
        assert file.read() == DATA
    assert [job.job_id for job in service.room.queue.waiting(10)] == [data["job_id"]]


def test_a_csv_is_taken(client: httpx.Client) -> None:
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerows(
        [("timestamp", "message"), ("2026-03-01T10:00:00Z", "two\nlines"), ("2026-03-01T10:00:01Z", "one")]
    )
    data = send(client, "table.CSV", text.getvalue().encode()).json()["data"]
    assert (data["file_type"], data["total_lines"]) == ("csv", 2)
    assert data["preview"][0]["message"] == "two\nlines"


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({}, "No file provided"),
    ({"content": b"x=1", "headers": {"Content-Type": "application/x-www-form-urlencoded"}}, "No file provided"),
    ({"files": {"other": ("a.csv", b"a\n1\n")}}, "No file provided"),
    ({"files": {"file": (None, b"a\n1\n")}}, "No file provided"),
    ({"files": {"file": ("noextension", b"a\n1\n")}}, "File must have an extension"),
    ({"files": {"file": ("a.txt", b"a\n1\n")}}, "File extension '.txt' not allowed. Allowed: .csv, .json"),
    ({"files": {"file": ("a.json", b"")}}, "File is empty"),
    ({"files": {"file": ("a.csv", b"")}}, "File is empty"),
    ({"files": {"file": ("a.csv", b"a,b\n")}}, "Invalid CSV: line 1: a header without records"),
    ({"files": {"file": ("a.csv", b"a,b,a\n1,2,3\n")}}, "'a'"),
    ({"files": {"file": ("a.json", b"NaN")}}, "Invalid JSON: line 1"),
    ({"files": {"file": ("a.json", b"\x1f\x8b\x08\x00binary")}}, "gzip"),
    ({"files": [("file", ("a.json", DATA)), ("file", ("b.json", DATA))]}, "One file a request"),
    ({"content": b"junk", "headers": {"Content-Type": "multipart/form-data; boundary=x"}}, "Malformed multipart"),
    ({"content": b"", "headers": {"Content-Type": "multipart/form-data; boundary=x"}}, "Malformed multipart"),
    ({"content": b"junk", "headers": {"Content-Type": "multipart/form-data"}}, "Malformed multipart"),
]


def test_every_refusal_says_why_and_leaves_nothing(service: Service) -> None:
    for arguments, reason in REFUSED:
        answer = service.client.post(URL, **arguments)
        assert answer.status_code == 400, arguments
        assert answer.json()["success"] is False
        assert reason in answer.json()["error"]
    assert service.room.uploads.recent(10) == []
    assert len(service.room.queue) == 0
    assert leavings(service) == []


def test_a_form_without_a_chosen_file(client: httpx.Client) -> None:
    """What a browser sends when nothing was chosen; httpx itself would leave the name out."""
    body = b'--x\r\nContent-Disposition: form-data; name="file"; filename=""\r\n\r\n\r\n--x--\r\n'
    answer = client.post(URL, content=body, headers={"Content-Type": "multipart/form-data; boundary=x"})
    assert (answer.status_code, answer.json()["error"]) == (400, "No file selected")


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/passwd.json", "passwd.json"),
        ("Übersicht für März.json", "Ubersicht_fur_Marz.json"),
        ("日本語.json", "upload.json"),
        ("." * 20 + "json.json", "json.json"),
        ("x" * 4_000 + ".json", "x" * 100),
        ("a\x00b.json", "json"),
        ("CON.json", "_CON.json"),
    ],
)
def test_names_are_made_safe(service: Service, name: str, kept: str) -> None:
    answer = send(service.client, name, DATA)
    assert answer.status_code == 201
    record = service.room.uploads.get(answer.json()["data"]["job_id"])
    assert record is not None
    assert kept in record.unique_filename
    assert len(record.unique_filename.encode()) <= 255
    assert "/" not in record.unique_filename


def test_the_same_bytes_again_name_the_first_and_its_status(service: Service) -> None:
    first = send(service.client, "a.json", DATA).json()["data"]
    again = send(service.client, "b.json", DATA)
    assert again.status_code == 201
    assert again.json()["data"]["duplicate_of"] == first["job_id"]
    assert again.json()["data"]["duplicate_status"] == "pending"
    assert work_off(service) == ["completed"]
    late = send(service.client, "c.json", DATA).json()["data"]
    assert (late["duplicate_of"], late["duplicate_status"]) == (first["job_id"], "completed")
    assert work_off(service) == []


@pytest.mark.parametrize("size", [1_000, 300_000, 1_500_000])
def test_past_the_size_is_a_413_whether_announced_or_not(serve: Serve, size: int) -> None:
    """Small, and large enough to be looked at as it comes; with a length in the header, and without one."""
    service = serve(uploads={"max_file_size_mb": size / (1 << 20)})
    limit = service.room.limits.max_file_bytes
    line = b'{"timestamp":"2026-03-01T10:00:00Z","log_type":"web","message":"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"}\n'
    fits = (line * (limit // len(line) + 1))[: limit - 1] + b"\n"
    assert send(service.client, "a.json", fits).status_code == 201
    answer = send(service.client, "b.json", fits + b"\n")
    assert answer.status_code == 413
    assert answer.json()["error"].startswith("File size exceeds ")
    body = (
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="c.json"\r\n\r\n' + fits * 2 + b"\r\n--x--\r\n"
    )
    chunked = service.client.post(
        URL, content=iter([body]), headers={"Content-Type": "multipart/form-data; boundary=x"}
    )
    assert chunked.status_code == 413
    assert len(service.room.uploads.recent(10)) == 1
    assert len(leavings(service)) == 1


def test_the_limit_is_told_as_people_know_it(serve: Serve) -> None:
    service = serve(uploads={"max_file_size_mb": 1})
    answer = send(service.client, "a.json", b" " * (3 << 20))
    assert (answer.status_code, answer.json()["error"]) == (413, "File size exceeds 1 MB limit")


def raw(service: Service, body: bytes, length: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", service.port), timeout=30)
    head = f"POST {URL} HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=x\r\n"
    connection.sendall(f"{head}Content-Length: {length}\r\n\r\n".encode() + body)
    return connection


BEGUN = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.json"\r\n\r\n' + DATA


@pytest.mark.parametrize("sent", [BEGUN, BEGUN + b"\n" + DATA * 60, BEGUN[:30], b""])
def test_a_connection_that_breaks_leaves_nothing(service: Service, sent: bytes) -> None:
    """In a head, in a small file, in one that is looked at as it comes."""
    connection = raw(service, sent, len(sent) + 1_000)
    time.sleep(0.2)
    connection.close()
    deadline = time.monotonic() + 10
    while leavings(service) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert leavings(service) == []
    assert service.room.uploads.recent(10) == []
    assert len(service.room.queue) == 0
    assert send(service.client, "b.json", DATA).status_code == 201


def test_a_sender_that_sends_nothing_more_is_given_up(serve: Serve) -> None:
    service = serve(api={"body_timeout_seconds": 1})
    with raw(service, BEGUN + DATA * 60, 10_000_000) as connection:
        answer = connection.recv(4_096)
        assert answer.startswith(b"HTTP/1.1 408 ")
    deadline = time.monotonic() + 10
    while leavings(service) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert leavings(service) == []


def test_slow_senders_stand_in_nobodys_way(serve: Serve) -> None:
    """More large files on their way than are taken at once: small ones pass, and the slow ones arrive in the end."""
    service = serve(api={"threads": 1})
    slow = BEGUN + b"\n" + DATA * 60
    end = b"\r\n--x--\r\n"
    connections = [raw(service, slow, len(slow) + len(end)) for _ in range(4)]
    time.sleep(0.3)
    begun = time.monotonic()
    assert send(service.client, "small.json", DATA).status_code == 201
    assert time.monotonic() - begun < 5
    for connection in connections:
        connection.sendall(end)
    for connection in connections:
        with connection:
            assert connection.recv(4_096).startswith(b"HTTP/1.1 201 ")
    assert len(service.room.uploads.recent(10)) == 5


def test_several_files_are_answered_one_by_one(service: Service) -> None:
    files = [("files", ("a.json", DATA)), ("files", ("b.txt", DATA * 100)), ("x", ("c.json", b"{}")),
             ("files", ("d.csv", b"a\n1\n"))]  # fmt: skip
    answer = service.client.post("/api/logs/uploads", files=files, data={"note": "kept out"})
    assert answer.status_code == 207
    told = answer.json()
    assert (told["success"], told["uploaded"], told["failed"]) == (False, 3, 1)
    assert [(item["filename"], item["success"]) for item in told["data"]] == [
        ("a.json", True), ("b.txt", False), ("c.json", True), ("d.csv", True)
    ]  # fmt: skip
    assert "'.txt' not allowed" in told["data"][1]["error"]
    jobs = {item["data"]["job_id"] for item in told["data"] if item["success"]}
    assert {record.job_id for record in service.room.uploads.recent(10)} == jobs
    assert service.client.post("/api/logs/uploads", files=files[:1]).status_code == 201
    assert service.client.post("/api/logs/uploads", files=files[1:2]).status_code == 400
    assert service.client.post("/api/logs/uploads").json()["error"] == "No file provided"


def test_of_several_files_one_past_the_size_harms_no_other(serve: Serve) -> None:
    service = serve(uploads={"max_file_size_mb": 0.5})
    line = json.dumps(EVENTS[0]).encode() + b"\n"
    files = [("f", ("a.json", line * 10_000)), ("f", ("b.json", line)), ("f", ("c.json", line * 9_000))]
    answer = service.client.post("/api/logs/uploads", files=files)
    assert [item["success"] for item in answer.json()["data"]] == [False, True, False]
    assert answer.json()["data"][0]["error"].startswith("File size exceeds")


def test_what_became_of_an_upload(service: Service) -> None:
    """Status, counts, errors; before and after the worker was at it."""
    data = DATA + b'\n{broken\n{"timestamp":"soon","log_type":"web"}\n'
    job = send(service.client, "a.json", data).json()["data"]["job_id"]
    before = service.client.get(f"/api/logs/uploads/{job}").json()["data"]
    assert (before["status"], before["processed"], before["errors"]) == ("pending", False, [])
    work_off(service)
    after = service.client.get(f"/api/logs/uploads/{job}").json()["data"]
    assert (after["status"], after["processed"]) == ("completed", True)
    assert (after["total_lines"], after["documents"], after["dead_letters"]) == (42, 40, 2)
    assert [(error["position"], error["tags"]) for error in after["errors"]] == [
        (41, ["_jsonparsefailure"]), (42, ["_dateparsefailure"])
    ]  # fmt: skip
    assert after["errors"][0]["reasons"][0].startswith("line 41: ")
    again = send(service.client, "b.json", data).json()["data"]["job_id"]
    told = service.client.get(f"/api/logs/uploads/{again}").json()["data"]
    assert (told["status"], told["duplicate_of"], told["duplicate_status"]) == ("duplicate", job, "completed")
    missing = service.client.get("/api/logs/uploads/nothing")
    assert (missing.status_code, missing.json()["success"]) == (404, False)


def test_the_newest_uploads_come_first(service: Service) -> None:
    names = [f"{number}.json" for number in range(5)]
    for number, name in enumerate(names):
        assert send(service.client, name, ndjson(EVENTS[number : number + 2])).status_code == 201
    told = service.client.get("/api/logs/uploads/recent", params={"limit": 3}).json()
    assert told["count"] == 3
    assert [item["filename"] for item in told["data"]] == names[:1:-1]
    assert service.client.get("/api/logs/uploads/recent", params={"limit": 0}).status_code == 422


def test_an_upload_is_safe_when_the_queue_is_down(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is queued later: the ledger knows it, and every worker asks the ledger."""
    monkeypatch.setattr(type(service.room.queue), "push", _away)
    answer = send(service.client, "a.json", DATA)
    assert answer.status_code == 201
    monkeypatch.undo()
    assert len(service.room.queue) == 0
    assert work_off(service) == ["completed"]
    job = answer.json()["data"]["job_id"]
    assert service.client.get(f"/api/logs/uploads/{job}").json()["data"]["documents"] == 40


def _away(*_: object) -> None:
    raise ConnectionRefusedError("the queue is away")


def test_a_large_file_comes_whole(service: Service, tmp_path: Path) -> None:
    """The bytes kept are the bytes sent, whatever portions they came in."""
    data = b"".join(json.dumps({**event, "number": n}).encode() + b"\n" for n in range(800) for event in EVENTS[:20])
    answer = send(service.client, "large.json", data)
    assert answer.status_code == 201
    told = answer.json()["data"]
    assert (told["total_lines"], told["file_size"]) == (16_000, len(data))
    record = service.room.uploads.get(told["job_id"])
    assert record is not None
    with service.room.tenancy.files.open(record.object_key) as file:
        assert file.read() == data


HOSTILE = [
    b'{"timestamp":"2026-03-01T10:00:00Z","a":"\\ud800"}',
    b'{"timestamp":"2026-03-01T10:00:00Z","a":"\\u0000"}',
    b'{"timestamp":"2026-03-01T10:00:00Z","a":1e400}',
    b'{"timestamp":"2026-03-01T10:00:00Z","a":' + b"9" * 5_000 + b"}",
    b'{"timestamp":"2026-03-01T10:00:00Z","a":123456789012345678901234567890}',
    b'{"a":' * 500 + b"1" + b"}" * 500,
    b"[" * 100_000,
    b'{"timestamp":"2026-03-01T10:00:00Z","a":"' + b"x" * (2 << 20) + b'"}',
    b'{"timestamp":"2026-03-01T10:00:00Z","a":"\xff\xfe"}',
    b"\xff\xfe" + '{"timestamp":"2026-03-01T10:00:00Z","a":"é"}'.encode("utf-16-le")[:-1],
    b"\x00" * 1_000,
    b'timestamp,a\n2026-03-01T10:00:00Z,"' + b'"' * 9_999,
    b"timestamp,a\n2026-03-01T10:00:00Z,\xff\xfe\n",
    b"\r" * 50_000,
]


@pytest.mark.parametrize("name", ["a.json", "a.csv"])
def test_hostile_content_is_taken_or_refused_never_a_fault(service: Service, name: str) -> None:
    """And what is taken can be told afterwards, and worked off."""
    for content in HOSTILE:
        answer = send(service.client, name, content)
        assert answer.status_code in {201, 400}, content[:60]
        assert answer.json()["success"] is (answer.status_code == 201)
    assert set(work_off(service)) <= {"completed"}
    for item in service.client.get("/api/logs/uploads/recent").json()["data"]:
        told = service.client.get(f"/api/logs/uploads/{item['job_id']}")
        assert told.status_code == 200
        assert told.json()["data"]["processed"] is (item["status"] == "completed")
