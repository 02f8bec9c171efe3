"""Programs that run beside each other until somebody ends them, or one of them dies.

What belongs here: starting, watching and ending groups of processes. What does not: which programs (`services`).

Each program leads a process group of its own, so that ending the group ends what it has started in turn (Dagster's
code servers and runs). Ending is an interrupt first, as Ctrl-C would be, and a kill for what is still there after.
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

GRACE_SECONDS = 20.0
_POLL_SECONDS = 0.1
_TAIL_BYTES = 4_000


@dataclass(frozen=True, slots=True)
class Program:
    """What to start: `arguments` begin with the program's path; what it prints goes to `log`."""

    name: str
    arguments: Sequence[str]
    log: Path


@dataclass(frozen=True, slots=True)
class Running:
    """A program that was started."""

    program: Program
    process: "subprocess.Popen[bytes]"

    @property
    def has_ended(self) -> bool:
        """Whether the program itself has ended; what it started may still be there."""
        return self.process.poll() is not None

    def log_tail(self) -> str:
        """The end of what it printed."""
        with self.program.log.open("rb") as file:
            file.seek(max(0, self.program.log.stat().st_size - _TAIL_BYTES))
            return file.read().decode("utf-8", "replace").strip()


@contextmanager
def running(programs: Sequence[Program], env: Mapping[str, str]) -> Generator[list[Running]]:
    """Start `programs` in order; with the context all of them, and all they started, have ended."""
    started: list[Running] = []
    try:
        for program in programs:
            # One by one: should the second not start, the first must be known to `finally`.
            started.append(_start(program, env))  # noqa: PERF401
        yield started
    finally:
        end(started)


def first_ended(started: Sequence[Running]) -> Running | None:
    """The first program that has ended by itself, if any."""
    return next((one for one in started if one.has_ended), None)


def wait_for_end(started: Sequence[Running]) -> Running:
    """Sleep until one of the programs ends; return it."""
    while (ended := first_ended(started)) is None:
        time.sleep(_POLL_SECONDS)
    return ended


def end(started: Sequence[Running], grace_seconds: float = GRACE_SECONDS) -> None:
    """Interrupt every group, wait up to `grace_seconds` for all of them, then kill what is left."""
    for one in reversed(started):
        _signal(one, signal.SIGINT)
    deadline = time.monotonic() + grace_seconds
    while time.monotonic() < deadline and any(_is_alive(one) for one in started):
        time.sleep(_POLL_SECONDS)
    for one in started:
        _signal(one, signal.SIGKILL)
        one.process.wait()


def _start(program: Program, env: Mapping[str, str]) -> Running:
    program.log.parent.mkdir(parents=True, exist_ok=True)
    if program.log.exists():
        program.log.replace(program.log.with_suffix(".1.log"))
    starter = [sys.executable, "-m", "logplatform.orchestration.child", str(os.getpid())]
    with program.log.open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 (our own programs, no shell)
            [*starter, *program.arguments],
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return Running(program, process)


def _signal(one: Running, number: signal.Signals) -> None:
    try:
        os.killpg(one.process.pid, number)
    except ProcessLookupError:
        return


def _is_alive(one: Running) -> bool:
    one.process.poll()  # A leader that has ended and was not waited for would keep its group alive.
    try:
        os.killpg(one.process.pid, 0)
    except ProcessLookupError:
        return False
    return True
