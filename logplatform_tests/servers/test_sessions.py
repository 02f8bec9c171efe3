"""Servers are started once for all who share a session, and always end, however their owner did."""

import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from logplatform_tests.servers import plugin, processes, sessions
from logplatform_tests.servers.place import PROJECT, NotHad, run_folder
from logplatform_tests.servers.ports import LOOPBACK, accepts, free_port, is_free, wait_until
from logplatform_tests.servers.processes import Launch
from logplatform_tests.servers.registry import SERVERS
from logplatform_tests.servers.server import Instance, Server
from logplatform_tests.servers.sessions import Session

SPAWN = multiprocessing.get_context("spawn")

# A server that ignores being asked to end, and has a child that would outlive it.
_STUBBORN = """
import http.server, signal, subprocess, sys
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
open("child", "w").write(str(child.pid))
http.server.HTTPServer((sys.argv[1], int(sys.argv[2])), http.server.SimpleHTTPRequestHandler).serve_forever()
"""


class Stubborn(Server):
    name = "stubborn"
    variable = "LOGPLATFORM_TEST_STUBBORN"
    stop_seconds = 0.5
    patience_seconds = 20

    def get(self) -> None:
        pass

    def prepare(self, folder: Path, port: int) -> Launch:
        return Launch([sys.executable, "-c", _STUBBORN, LOOPBACK, str(port)], as_servers_user=False)

    def ready(self, folder: Path, port: int) -> bool:
        return accepts(port)

    def address(self, folder: Path, port: int) -> str:
        return f"{LOOPBACK}:{port}"


class Dying(Stubborn):
    name = "dying"

    def prepare(self, folder: Path, port: int) -> Launch:
        with (folder / "starts").open("a") as starts:
            starts.write("x")
        return Launch(["/bin/sh", "-c", "echo no room; exit 1"], as_servers_user=False)


@pytest.fixture(autouse=True)
def _known(monkeypatch: pytest.MonkeyPatch) -> None:
    for server in (Stubborn(), Dying()):
        monkeypatch.setitem(SERVERS, server.name, server)


@pytest.fixture
def session(tmp_path: Path) -> Generator[Session]:
    made = Session(tmp_path / "session")
    yield made
    made.end()


def _port(address: str) -> int:
    return int(address.rpartition(":")[2])


def test_free_ports_are_free_and_a_taken_one_is_not() -> None:
    port = free_port()
    assert is_free(port)
    assert not accepts(port)


def test_an_instance_stops_with_all_it_started(tmp_path: Path) -> None:
    instance = Instance(Stubborn(), tmp_path / "s")
    instance.start()
    child = psutil.Process(int((tmp_path / "s" / "child").read_text()))
    assert instance.running
    instance.stop()
    assert not instance.running
    assert not accepts(instance.port)
    assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


def test_an_instance_starts_again_on_its_port(tmp_path: Path) -> None:
    instance = Instance(Stubborn(), tmp_path / "s")
    instance.start()
    port = instance.port
    instance.kill()
    assert not accepts(port)
    instance.start()
    assert accepts(port)
    instance.kill()


def test_a_recorded_pid_that_another_process_has_now_is_not_the_server(tmp_path: Path) -> None:
    stat = Path(f"/proc/{os.getpid()}/stat").read_text()
    head, _, rest = stat.rpartition(")")
    fields = rest.split()
    fields[19] = "1"
    (tmp_path / processes.PID_FILE).write_text(f"{head}) {' '.join(fields)}")
    assert processes.recorded(tmp_path) is None
    (tmp_path / processes.PID_FILE).write_text(stat)
    assert processes.recorded(tmp_path) is not None


@pytest.mark.parametrize("written", ["", "12", "12 (sh", "12 (sh) S 1"])
def test_a_record_that_is_not_whole_is_none(tmp_path: Path, written: str) -> None:
    (tmp_path / processes.PID_FILE).write_text(written)
    assert processes.recorded(tmp_path) is None


def test_a_server_starts_once_and_again_when_it_died(session: Session) -> None:
    address = session.address("stubborn")
    assert session.address("stubborn") == address
    process = processes.recorded(session.folder / "stubborn")
    assert process is not None
    processes.end([process], signal.SIGKILL, 5)
    assert session.running_address("stubborn") is None
    assert accepts(_port(session.address("stubborn")))


def test_what_could_not_start_says_why_and_is_not_tried_by_every_test(session: Session) -> None:
    for _ in range(2):
        with pytest.raises(NotHad, match=r"dying did not start on port \d+: no room"):
            session.address("dying")
    assert (session.folder / "dying" / "starts").read_text() == "x"
    session.forget_refusals()
    with pytest.raises(NotHad):
        session.address("dying")


def test_an_address_of_the_environment_is_used_as_it_is(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGPLATFORM_TEST_STUBBORN", "elsewhere:1")
    assert sessions.address_of("stubborn", session) == "elsewhere:1"
    assert not session.folder.exists()


def _ask(folder: Path, answers: "multiprocessing.Queue[str]") -> None:
    SERVERS["stubborn"] = Stubborn()
    answers.put(Session(folder).address("stubborn"))


def test_processes_that_ask_at_once_share_one_server(session: Session) -> None:
    answers = SPAWN.Queue()
    asking = [SPAWN.Process(target=_ask, args=(session.folder, answers)) for _ in range(3)]
    for process in asking:
        process.start()
    found = {answers.get(timeout=60) for _ in asking}
    for process in asking:
        process.join()
    assert len(found) == 1
    # Its starter is gone; it is not.
    assert accepts(_port(found.pop()))


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_servers_of_a_run_that_was_ended_are_ended(ending: signal.Signals) -> None:
    """Asked to end it stops them itself; killed, whoever begins next finds and stops them."""
    command = [sys.executable, "-m", "logplatform_tests.servers", "run", "--own", "redis", "s3", "--", "sleep", "600"]
    owner = subprocess.Popen(command, cwd=PROJECT, stderr=subprocess.DEVNULL, start_new_session=True)
    folder = run_folder() / f"{owner.pid}-{processes.start_time_of(owner.pid)}"
    try:
        assert wait_until(lambda: all((folder / name / "address").exists() for name in ("redis", "s3")), 60)
        servers = [processes.recorded(folder / name) for name in ("redis", "s3")]
        os.killpg(owner.pid, ending) if ending == signal.SIGINT else owner.send_signal(ending)
        owner.wait(60)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(owner.pid, signal.SIGKILL)
    sessions.end_orphans()
    assert [server.is_running() for server in servers if server] == [False, False]
    assert not folder.exists()


def test_a_missing_server_skips_and_in_ci_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "")
    with pytest.raises(pytest.skip.Exception, match="the server x cannot be had here: why"):
        plugin.unavailable(NotHad("why"), "x")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="the server x cannot be had here: why"):
        plugin.unavailable(NotHad("why"), "x")
