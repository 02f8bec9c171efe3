"""`logplatform up`, with the real webserver and daemon: it answers, and it leaves nothing behind however it ends."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from logplatform.orchestration.services import Address, answers, graphql

START_SECONDS = 300

pytestmark = pytest.mark.timeout(900)
SENSORS = """{sensorsOrError(
  repositorySelector: {repositoryName: "__repository__", repositoryLocationName: "logplatform"}
) {... on Sensors {results {name sensorState {status}}}}}"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "web1").mkdir()
    file = tmp_path / "logplatform.yaml"
    file.write_text("data_root: data\narchives:\n  sources:\n    - {name: web1, path: web1}\n")
    return file


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def start(config: Path, port: int) -> "subprocess.Popen[str]":
    command = [sys.executable, "-c", "from logplatform.cli import main; main()", "--config", str(config), "up"]
    env = {name: value for name, value in os.environ.items() if name != "DAGSTER_HOME"}
    return subprocess.Popen(
        [*command, "--port", str(port), "--api-port", "0"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=env,
    )


@pytest.fixture
def started(config: Path) -> Iterator[tuple["subprocess.Popen[str]", Address]]:
    address = Address("127.0.0.1", free_port())
    process = start(config, address.port)
    try:
        assert process.stdout is not None
        assert address.url in process.stdout.readline()
        yield process, address
    finally:
        process.kill()
        process.communicate()


def all_gone(processes: list[psutil.Process], seconds: float) -> bool:
    _, alive = psutil.wait_procs(processes, timeout=seconds)
    return all(one.status() == psutil.STATUS_ZOMBIE for one in alive if one.is_running())


@pytest.mark.slow
def test_it_answers_with_the_sensors_on_and_ctrl_c_ends_all_of_it(
    started: tuple["subprocess.Popen[str]", Address], config: Path
) -> None:
    process, address = started
    assert answers(address)
    sensors = graphql(address, SENSORS)["sensorsOrError"]["results"]
    assert {one["name"]: one["sensorState"]["status"] for one in sensors}["archives_sources"] == "RUNNING"

    second = start(config, free_port())
    _, complaint = second.communicate(timeout=START_SECONDS)
    assert second.returncode == 2
    assert f"process {process.pid}" in complaint

    assert process.stdout is not None
    api = process.stdout.readline().split()
    assert api[0] == "API"
    with urllib.request.urlopen(f"{api[1]}/api/health", timeout=60) as told:
        assert json.load(told)["status"] == "up"
    with urllib.request.urlopen(api[1], timeout=60) as page:
        assert f'href="{address.url}"' in page.read().decode()

    children = psutil.Process(process.pid).children(recursive=True)
    assert len(children) >= 3
    # Who loads the definitions by itself takes seconds for it, the daemon every minute.
    assert len([one for one in children if "grpc" in one.cmdline()]) == 1
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 0
    assert all_gone(children, 5)
    assert not answers(address)


@pytest.mark.slow
def test_killed_it_leaves_no_orphans(started: tuple["subprocess.Popen[str]", Address]) -> None:
    """kill -9 leaves nobody to clean up: the kernel and Dagster's heartbeats must do it."""
    process, address = started
    children = psutil.Process(process.pid).children(recursive=True)
    process.kill()
    assert all_gone(children, 90)
    assert not answers(address)


@pytest.mark.slow
def test_a_program_that_dies_ends_it_with_an_error(started: tuple["subprocess.Popen[str]", Address]) -> None:
    """A webserver without a daemon would look fine and do nothing."""
    process, _ = started
    children = psutil.Process(process.pid).children(recursive=True)
    daemon = next(one for one in children if "dagster._daemon" in one.cmdline())
    daemon.kill()
    assert process.wait(60) == 1
    assert process.stderr is not None
    assert "The daemon died" in process.stderr.read()
    assert all_gone(children, 5)


def test_a_taken_port_is_one_clear_line(config: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        begun = time.monotonic()
        process = start(config, server.getsockname()[1])
        _, complaint = process.communicate(timeout=START_SECONDS)
        assert process.returncode == 2
        assert "--port" in complaint
        assert "Traceback" not in complaint
        assert time.monotonic() - begun < START_SECONDS


def test_a_taken_port_of_the_api_is_one_clear_line(config: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        config.write_text(f"data_root: data\napi: {{port: {server.getsockname()[1]}}}\n")
        command = [sys.executable, "-m", "logplatform", "--config", str(config), "up", "--port", "0"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=START_SECONDS, check=False)
        assert done.returncode == 2
        assert "--api-port" in done.stderr
        assert "Traceback" not in done.stderr
