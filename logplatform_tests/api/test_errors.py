"""Whatever goes wrong, the answer has one shape."""

import logging
import socket
import time
from pathlib import Path

import httpx
import pytest

from logplatform.settings.model import Settings
from logplatform_tests.api.conftest import Service, serving
from logplatform_tests.faults.disks import small_disk


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/api/nothing", 404), ("DELETE", "/api/health", 405), ("GET", "/api/logs/uploads/recent?limit=no", 422)],
)
def test_refusals_have_one_shape(client: httpx.Client, method: str, path: str, status: int) -> None:
    answer = client.request(method, path)
    assert answer.status_code == status
    told = answer.json()
    assert told["success"] is False
    assert told["error"]
    assert set(told) == {"success", "error"}


def test_a_fault_of_the_program_is_a_500_that_tells_nothing(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("a secret of the program")

    monkeypatch.setattr("logplatform.api.health._questions", broken)
    answer = service.client.get("/api/health")
    assert answer.status_code == 500
    assert answer.json()["success"] is False
    assert "secret" not in answer.text
    assert service.client.get("/api/nothing").status_code == 404


def test_a_store_that_fails_is_a_503_that_may_be_tried_again(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", "/some/path")

    monkeypatch.setattr("logplatform.api.health._questions", full)
    answer = service.client.get("/api/health")
    assert answer.status_code == 503
    assert answer.headers["retry-after"]
    assert "/some/path" not in answer.text


def test_a_full_disk_is_told_and_small_files_pass_again_when_there_is_room(tmp_path: Path) -> None:
    line = b'{"timestamp":"2026-03-01T10:00:00Z","log_type":"web","message":"%d"}\n'
    large = b"".join(line % number for number in range(100_000))
    with small_disk(tmp_path / "disk", 4) as disk, serving(Settings(data_root=disk)) as service:
        answer = service.client.post("/api/logs/upload", files={"file": ("large.json", large)})
        assert answer.status_code == 503
        assert answer.json()["success"] is False
        assert str(disk) not in answer.text
        assert service.room.uploads.recent(10) == []
        small = service.client.post("/api/logs/upload", files={"file": ("small.json", line % 1)})
        assert small.status_code == 201


def test_a_sender_that_goes_away_is_no_error(service: Service, caplog: pytest.LogCaptureFixture) -> None:
    """Senders break off all the time: the log would be full of it."""
    caplog.set_level(logging.INFO)
    with socket.create_connection(("127.0.0.1", service.port)) as connection:
        head = "POST /api/logs/upload HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=x\r\n"
        connection.sendall(f"{head}Content-Length: 1000\r\n\r\n--x".encode())
        time.sleep(0.2)
    deadline = time.monotonic() + 10
    while "went away" not in caplog.text and time.monotonic() < deadline:
        time.sleep(0.05)
    assert "the sender went away" in caplog.text
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
