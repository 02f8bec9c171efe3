"""Dagster's programs one by one: a code server, and a webserver and a daemon that find the definitions there."""

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from logplatform.orchestration.services import Address, load_problem
from logplatform_tests.docker.places import DOCKER

pytestmark = pytest.mark.slow


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def started(folder: Path, *arguments: str) -> Generator["subprocess.Popen[bytes]"]:
    environment = {name: value for name, value in os.environ.items() if name != "DAGSTER_HOME"}
    command = [sys.executable, "-m", "logplatform", "--config", str(folder / "logplatform.yaml"), "dagster", *arguments]
    with (folder / f"{arguments[0]}.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        yield process
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def answered(process: "subprocess.Popen[bytes]", url: str) -> None:
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        assert process.poll() is None
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                assert answer.status == 200
                return
        except OSError:
            time.sleep(0.2)
    pytest.fail(f"{url} does not answer")


@pytest.fixture
def place() -> Generator[Path]:
    """Where a socket may be: the system bounds its path to about a hundred characters."""
    with TemporaryDirectory() as folder:
        yield Path(folder) / "definitions.sock"


@pytest.mark.parametrize("by", ["dagster", "systemd"])
def test_a_webserver_shows_the_definitions_of_a_code_server(by: str, place: Path, tmp_path: Path) -> None:
    """By a port as in containers, and by a socket as with systemd."""
    (tmp_path / "logplatform.yaml").write_text("data_root: data\n")
    code, web = free_port(), free_port()
    workspace = tmp_path / "workspace.yaml"
    text = (DOCKER / by / "workspace.yaml").read_text()
    text = text.replace("host: code-server, port: 4000", f"host: 127.0.0.1, port: {code}")
    workspace.write_text(text.replace("/run/logplatform/definitions.sock", str(place)))
    listening = {"dagster": ["--port", str(code)], "systemd": ["--socket", str(place)]}
    with (
        started(tmp_path, "code-server", *listening[by]),
        started(tmp_path, "webserver", "--port", str(web), "--workspace", str(workspace)) as webserver,
    ):
        address = Address("127.0.0.1", web)
        answered(webserver, f"{address.url}/server_info")
        deadline = time.monotonic() + 60
        while (problem := load_problem(address)) is not None and time.monotonic() < deadline:
            time.sleep(0.5)
        assert problem is None
    assert (tmp_path / "data" / "dagster" / "dagster.yaml").is_file()


def test_without_a_daemon_it_is_told_that_none_lives(tmp_path: Path) -> None:
    (tmp_path / "logplatform.yaml").write_text("data_root: data\n")
    with started(tmp_path, "liveness") as process:
        assert process.wait(60) != 0
