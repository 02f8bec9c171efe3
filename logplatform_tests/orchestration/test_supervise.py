"""Programs that end together, whatever ends first; real processes, no orphans."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from logplatform.failures import PermanentFailure
from logplatform.orchestration.services import Address, alone, free_address, wait_until_ready
from logplatform.orchestration.supervise import Program, end, running, wait_for_end

# Starts a child of its own, writes both process ids, and waits; with STUBBORN it ignores the interrupt.
FAMILY = """
import os, signal, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
if "STUBBORN" in sys.argv:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
open(sys.argv[1] + ".part", "w").write(f"{os.getpid()} {child.pid}")
os.rename(sys.argv[1] + ".part", sys.argv[1])
time.sleep(600)
"""

SUPERVISOR = """
import sys, os
from pathlib import Path
from logplatform.orchestration.supervise import Program, running, wait_for_end
program = Program("family", [sys.executable, "-c", sys.argv[1], sys.argv[2]], Path(sys.argv[3]))
with running([program], os.environ) as started:
    wait_for_end(started)
"""


def family(tmp_path: Path, *extra: str) -> Program:
    arguments = [sys.executable, "-c", FAMILY, str(tmp_path / "pids"), *extra]
    return Program("family", arguments, tmp_path / "logs" / "family.log")


def until(true: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def pids(tmp_path: Path) -> list[int]:
    until((tmp_path / "pids").exists)
    return [int(number) for number in (tmp_path / "pids").read_text().split()]


def is_gone(number: int) -> bool:
    return not psutil.pid_exists(number) or psutil.Process(number).status() == psutil.STATUS_ZOMBIE


def test_leaving_ends_a_program_and_all_it_started(tmp_path: Path) -> None:
    with running([family(tmp_path)], os.environ):
        found = pids(tmp_path)
        assert not any(is_gone(number) for number in found)
    until(lambda: all(is_gone(number) for number in found))


def test_a_program_that_will_not_end_is_killed(tmp_path: Path) -> None:
    """Ctrl-C must end everything in a bounded time."""
    with running([family(tmp_path, "STUBBORN")], os.environ) as started:
        found = pids(tmp_path)
        end(started, grace_seconds=0.5)
        until(lambda: all(is_gone(number) for number in found))


def test_a_supervisor_that_is_killed_takes_its_program_along(tmp_path: Path) -> None:
    """kill -9 of `logplatform up` must not leave a daemon that a second one would run beside."""
    supervisor = subprocess.Popen(
        [sys.executable, "-c", SUPERVISOR, FAMILY, str(tmp_path / "pids"), str(tmp_path / "family.log")]
    )
    program, child = pids(tmp_path)
    supervisor.kill()
    supervisor.wait()
    until(lambda: is_gone(program))
    os.kill(child, signal.SIGKILL)  # Dagster's own servers end by missing heartbeats; this one has none.


def test_a_program_that_dies_is_noticed_with_its_last_words(tmp_path: Path) -> None:
    program = Program("brief", [sys.executable, "-c", "print('no such table'); exit(3)"], tmp_path / "brief.log")
    with running([program], os.environ) as started:
        ended = wait_for_end(started)
        assert (ended.process.returncode, ended.log_tail()) == (3, "no such table")
        with pytest.raises(PermanentFailure, match="no such table"):
            wait_until_ready(Address("127.0.0.1", 1), started)


def test_the_log_of_the_run_before_is_kept(tmp_path: Path) -> None:
    """The reason of a crash is in the log before the restart."""
    log = tmp_path / "brief.log"
    for text in ("first", "second"):
        with running([Program("brief", [sys.executable, "-c", f"print('{text}')"], log)], os.environ) as started:
            wait_for_end(started)
    assert (log.read_text(), (tmp_path / "brief.1.log").read_text()) == ("second\n", "first\n")


def test_a_taken_port_is_refused_with_advice() -> None:
    taken = free_address("127.0.0.1", 0)
    assert taken.port > 0
    with socket.create_server(("127.0.0.1", 0)) as server, pytest.raises(PermanentFailure, match="--port"):
        free_address("127.0.0.1", server.getsockname()[1])
    with pytest.raises(PermanentFailure, match="cannot be used"):
        free_address("203.0.113.7", 0)


def test_two_on_one_folder_are_refused(tmp_path: Path) -> None:
    """Two daemons on one home would ask for everything twice; the message names the first."""
    with alone(tmp_path), pytest.raises(PermanentFailure, match=f"process {os.getpid()}"), alone(tmp_path):
        pass
    with alone(tmp_path):
        pass
