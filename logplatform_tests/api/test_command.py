"""The command `logplatform api`: it serves, ends in order, and says clearly why it cannot."""

import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from logplatform_tests.api.processes import api_process, settings_file
from logplatform_tests.uploads.indexed import ndjson, some_events


def complaint(config: Path, *arguments: str) -> str:
    command = [sys.executable, "-m", "logplatform", "--config", str(config), "api", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    return done.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_after_the_requests_at_hand(tmp_path: Path, number: signal.Signals) -> None:
    """An upload that is on its way when the signal comes is answered, and is safe."""
    answers: list[int] = []

    with api_process(settings_file(tmp_path)) as api:
        began = threading.Event()

        def slowly() -> Iterator[bytes]:
            body = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.json"\r\n\r\n'
            yield body + ndjson(some_events(5))
            began.set()
            time.sleep(1)
            yield b"\r\n--x--\r\n"

        def send() -> None:
            headers = {"Content-Type": "multipart/form-data; boundary=x"}
            answer = httpx.post(f"{api.url}/api/logs/upload", content=slowly(), headers=headers, timeout=60)
            answers.append(answer.status_code)

        assert httpx.get(f"{api.url}/health", timeout=60).status_code == 200
        sender = threading.Thread(target=send)
        sender.start()
        assert began.wait(30)
        time.sleep(0.2)
        api.process.send_signal(number)
        assert api.process.wait(60) == 0
        sender.join(60)
    assert answers == [201]


@pytest.mark.slow
def test_it_ends_though_a_sender_never_does(tmp_path: Path) -> None:
    """A large file on its way is given up after a while; nothing of it is kept."""
    head = "POST /api/logs/upload HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=x\r\n"
    body = (
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.json"\r\n\r\n' + ndjson(some_events(10)) * 90
    )
    with (
        api_process(settings_file(tmp_path)) as api,
        socket.create_connection(("127.0.0.1", httpx.URL(api.url).port or 0)) as sender,
    ):
        sender.sendall(f"{head}Content-Length: 9999999\r\n\r\n".encode() + body + ndjson(some_events(10)) * 90)
        parts = tmp_path / "data" / "tmp"
        deadline = time.monotonic() + 30
        while not list(parts.glob("*")) and time.monotonic() < deadline:
            time.sleep(0.05)
        api.process.send_signal(signal.SIGTERM)
        assert api.process.wait(60) == 0
        assert list(parts.glob("*")) == []


def test_a_taken_port_is_one_clear_line(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert "--port" in complaint(settings_file(tmp_path), "--port", str(taken.getsockname()[1]))


def test_other_machines_are_not_let_in_without_a_key(tmp_path: Path) -> None:
    assert "no API key is set" in complaint(settings_file(tmp_path), "--host", "0.0.0.0")
    assert "no API key is set" in complaint(settings_file(tmp_path, "api: {host: 0.0.0.0}\n"))


def test_a_key_is_never_shown(tmp_path: Path) -> None:
    config = settings_file(tmp_path, "api: {api_key: correct-horse-battery, host: 0.0.0.0}\n")
    command = [sys.executable, "-m", "logplatform", "--config", str(config), "config"]
    for arguments in (["show"], ["check"]):
        done = subprocess.run([*command, *arguments], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0
        assert "correct-horse" not in done.stdout + done.stderr
    short = settings_file(tmp_path, "api: {api_key: 'short'}\n")
    done = subprocess.run([*command, "check"], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "at least 8 characters" in done.stdout
    assert "short" not in done.stdout
    assert short.exists()
