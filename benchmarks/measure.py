"""What a piece of work costs: wall time, CPU time, memory; each in a process of its own.

What belongs here: running and measuring. What does not: the work (`work`), its comparison (`table`).
"""

import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import msgspec
import psutil

Measure = Literal["wall", "cpu"]


@dataclass(frozen=True, slots=True)
class Cost:
    """What one run cost: seconds on the clock, CPU seconds (user and system, all threads and children), peak bytes.

    `peak_bytes` is the most physical memory that the process held (VmHWM of Linux's /proc); None if not measured.
    `facts` are figures that the work itself reports, such as counts.
    """

    wall: float
    cpu: float
    peak_bytes: int | None = None
    facts: dict[str, float] = field(default_factory=dict)


def shell(command: str) -> Cost:
    """Run a shell command and measure it with all its children; raises CalledProcessError if it fails."""
    started = time.perf_counter()
    process = subprocess.Popen(["/bin/bash", "-c", f"set -o pipefail; {command}"], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - started
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        raise subprocess.CalledProcessError(process.returncode, command)
    return Cost(wall, usage.ru_utime + usage.ru_stime)


def work(name: str, *arguments: object) -> Cost:
    """Run a piece (`archives.extract`) in a fresh process; the cost is that of the work, without its imports."""
    command = [sys.executable, "-m", "benchmarks.work", name, *map(str, arguments)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, cwd=Path(__file__).parents[1])
    return msgspec.json.decode(done.stdout.splitlines()[-1], type=Cost)


def here(run: Callable[[], dict[str, float]]) -> Cost:
    """Run something in this process and measure it."""
    wall, cpu = time.perf_counter(), time.process_time()
    children = os.times()
    facts = run()
    spent = os.times()
    cpu = time.process_time() - cpu + spent.children_user + spent.children_system
    cpu -= children.children_user + children.children_system
    cpu += _of_living_children()
    return Cost(time.perf_counter() - wall, cpu, peak_bytes(), facts)


def _of_living_children() -> float:
    """CPU seconds of children that are still there (Spark's), and of all that these have ended."""
    spent = 0.0
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            spent += sum(child.cpu_times()[:4])
    return spent


def best(runs: Sequence[Cost], by: Measure = "wall") -> Cost:
    """The run that took the least time: what disturbs a run only ever makes it slower."""
    return min(runs, key=lambda cost: getattr(cost, by))


def peak_bytes() -> int:
    """The most physical memory this process ever held, in bytes.

    Read from /proc/self/status (VmHWM, see proc(5)): `getrusage` would also count the parent's memory at the fork.
    """
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise OSError("/proc/self/status has no VmHWM")


def quoted(path: Path) -> str:
    """A path as one word of a shell command."""
    return shlex.quote(str(path))
