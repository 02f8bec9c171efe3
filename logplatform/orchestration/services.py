"""Dagster's programs and the HTTP API, and how to know that they are ready.

What belongs here: their command lines, the address, the wait. What does not: keeping them running (`supervise`), and
what is printed (`logplatform up`).
"""

import fcntl
import json
import os
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from logplatform.failures import PermanentFailure, TransientFailure
from logplatform.orchestration.supervise import Program, Running, first_ended

START_SECONDS = 300.0
LOCATION = "logplatform"
LOCK_FILE = "up.lock"
_ASK_SECONDS = 10
_POLL_SECONDS = 0.25
_LOAD_ERRORS = """{workspaceOrError {... on PythonError {message} ... on Workspace {locationEntries {loadStatus
  locationOrLoadError {... on PythonError {message}}}}}}"""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server listens."""

    host: str
    port: int

    @property
    def url(self) -> str:
        """The address for a browser."""
        return f"http://{f'[{self.host}]' if ':' in self.host else self.host}:{self.port}"


def free_address(host: str, port: int, option: str = "--port") -> Address:
    """The address, its port chosen by the system where it is 0.

    Raises PermanentFailure if the port is taken, or the host is none of this machine; it names `option`.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        # As the server itself does: a port whose last connections are still closing is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            advice = f"choose another with {option}, or 0 for any free one"
            raise PermanentFailure(f"{host}:{port} cannot be used ({error.strerror}); {advice}") from error
        return Address(host, probe.getsockname()[1])


def code_server(place: Path, logs: Path) -> Program:
    """The server of the definitions, at the socket `place`; runs start there.

    The webserver and the daemon share it: each of them would load the definitions by itself, the daemon every minute.
    """
    served = ["--module-name", "logplatform.definitions", "--location-name", LOCATION, "--socket", str(place)]
    # Runs are started by this Python, for there need not be a `dagster` on PATH.
    start = ["-m", "dagster", "code-server", "start", "--use-python-environment-entry-point", *served]
    return Program("code server", [sys.executable, *start], logs / "code-server.log")


def workspace_of(place: Path) -> str:
    """The workspace file of a webserver and a daemon that find the definitions at the socket `place`."""
    return json.dumps({"load_from": [{"grpc_server": {"socket": str(place), "location_name": LOCATION}}]})


def programs(address: Address, workspace: Path, logs: Path) -> list[Program]:
    """The webserver and the daemon."""
    web = ["-m", "dagster_webserver", "-h", address.host, "-p", str(address.port), "-w", str(workspace)]
    daemon = ["-m", "dagster._daemon", "run", "-w", str(workspace)]
    return [
        Program("webserver", [sys.executable, *web], logs / "webserver.log"),
        Program("daemon", [sys.executable, *daemon], logs / "daemon.log"),
    ]


def api_program(address: Address, logs: Path) -> Program:
    """The HTTP API; it reads the settings file that LOGPLATFORM_CONFIG names."""
    arguments = ["-m", "logplatform", "api", "--host", address.host, "--port", str(address.port)]
    return Program("API", [sys.executable, *arguments], logs / "api.log")


def wait_until_loaded(place: Path, started: Sequence[Running], seconds: float = START_SECONDS) -> None:
    """Wait until a code server has read the definitions, be it that they cannot be loaded.

    Raises PermanentFailure with the reason if a program dies, TransientFailure if nothing answers within `seconds`.
    """
    _wait(lambda: _listens(place), started, seconds, "the definitions were not loaded")


def wait_until_served(address: Address, started: Sequence[Running], seconds: float = START_SECONDS) -> None:
    """Wait until the HTTP API answers, be it that a store is down.

    Raises PermanentFailure with the reason if a program dies, TransientFailure if nothing answers within `seconds`.
    """
    _wait(lambda: _answers(f"{address.url}/health"), started, seconds, f"the API did not answer at {address.url}")


def wait_until_ready(address: Address, started: Sequence[Running], seconds: float = START_SECONDS) -> None:
    """Wait until the webserver answers and has loaded the definitions.

    Raises PermanentFailure with the reason if a program dies or the definitions do not load, TransientFailure if
    nothing answers within `seconds`.
    """
    _wait(lambda: answers(address), started, seconds, f"the webserver did not answer at {address.url}")
    if problem := load_problem(address):
        raise PermanentFailure(f"Dagster cannot load the definitions: {problem}")


def _wait(until: Callable[[], bool], started: Sequence[Running], seconds: float, otherwise: str) -> None:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if ended := first_ended(started):
            raise PermanentFailure(f"the {ended.program.name} ended at once:\n{ended.log_tail()}")
        if until():
            return
        time.sleep(_POLL_SECONDS)
    raise TransientFailure(f"{otherwise} within {seconds:.0f} s")


def answers(address: Address) -> bool:
    """Whether the webserver is there."""
    return _answers(f"{address.url}/server_info")


def _listens(place: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        return probe.connect_ex(str(place)) == 0


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=_ASK_SECONDS) as answer:  # noqa: S310 (our own http address)
            return answer.status == 200
    except urllib.error.HTTPError as error:
        # The server is there, though something that it needs is not.
        return error.code == 503
    except (urllib.error.URLError, TimeoutError, ConnectionError):
        return False


def load_problem(address: Address) -> str | None:
    """Why the definitions did not load, as Dagster tells it; None if they did."""
    workspace = graphql(address, _LOAD_ERRORS)["workspaceOrError"]
    found = [workspace, *(entry["locationOrLoadError"] for entry in workspace.get("locationEntries", ()))]
    messages = [one["message"].strip() for one in found if one and "message" in one]
    return "\n".join(messages) or None


def graphql(address: Address, query: str, variables: dict[str, object] | None = None) -> dict[str, Any]:
    """The answer to a GraphQL query; raises TransientFailure if there is none."""
    body = json.dumps({"query": query, "variables": variables or {}}).encode()
    request = urllib.request.Request(f"{address.url}/graphql", body, {"Content-Type": "application/json"})  # noqa: S310 (our own http address)
    with urllib.request.urlopen(request, timeout=_ASK_SECONDS) as answer:  # noqa: S310 (our own http address)
        told = json.load(answer)
    if told.get("errors"):
        raise TransientFailure(f"{address.url}/graphql: {told['errors'][0].get('message')}")
    return told["data"]


@contextmanager
def alone(folder: Path) -> Generator[None]:
    """Hold `folder` for this process: two daemons on one home would do everything twice.

    Raises PermanentFailure, naming the other process, if it is held.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK_FILE).open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            raise PermanentFailure(f"already running on {folder} (process {file.read().strip() or '?'})") from error
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
