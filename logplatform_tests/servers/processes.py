"""Processes of servers: started so that they can always be found again, and ended for sure.

What belongs here: starting, finding by the recorded id, ending. What does not: which server a process is.
"""

import os
import signal
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from logplatform_tests.servers.place import User, server_user

PID_FILE = "pid"
OUTPUT_FILE = "output"

# The process itself writes down who it is before it becomes the server: no kill of the starter, at whatever moment,
# leaves a server that nobody knows of. A pid alone may be given again; with its start time it is one process.
_TELL_AND_BECOME = 'cat "/proc/$$/stat" >pid.part && mv pid.part pid && exec "$@"'


@dataclass(frozen=True, slots=True)
class Launch:
    """What to run."""

    arguments: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    as_servers_user: bool = True


def start(launch: Launch, folder: Path) -> None:
    """Start it in `folder` (which its user owns), apart from this process and its terminal."""
    (folder / PID_FILE).unlink(missing_ok=True)
    inherited = {name: value for name, value in os.environ.items() if name not in {"JAVA_TOOL_OPTIONS", "LD_PRELOAD"}}
    with (folder / OUTPUT_FILE).open("ab") as output:
        subprocess.Popen(
            ["/bin/sh", "-c", _TELL_AND_BECOME, "server", *launch.arguments],
            cwd=folder,
            env={**inherited, "HOME": str(folder), **launch.environment},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            **(run_as(server_user()) if launch.as_servers_user else {}),
        )


def run_as(user: User) -> dict[str, Any]:
    """Arguments of `subprocess` for this user; none for who runs already."""
    return {} if user.uid == os.getuid() else {"user": user.uid, "group": user.gid, "extra_groups": []}


def recorded(folder: Path) -> psutil.Process | None:
    """The process that was started in `folder`, if it still runs."""
    try:
        pid, start_ticks = _of_stat((folder / PID_FILE).read_text())
        if _of_stat(Path(f"/proc/{pid}/stat").read_text())[1] != start_ticks:
            return None
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process
    except (OSError, ValueError, psutil.NoSuchProcess):
        return None


def start_time_of(pid: int) -> str | None:
    """The start time of a running process, in the kernel's ticks."""
    try:
        return _of_stat(Path(f"/proc/{pid}/stat").read_text())[1]
    except (OSError, ValueError):
        return None


def end(processes: Iterable[psutil.Process], stop_signal: signal.Signals, seconds: float) -> None:
    """End them and all that they started: asked first, and killed if they are still there after `seconds`."""
    heads = list(processes)
    everyone = [*heads, *(child for head in heads for child in _children(head))]
    for head in heads:
        _signal(head, stop_signal)
    _, left = psutil.wait_procs(heads, timeout=seconds)
    everyone += [child for head in left for child in _children(head)]
    for process in everyone:
        _signal(process, signal.SIGKILL)
    psutil.wait_procs(everyone, timeout=10)


def last_words(folder: Path) -> str:
    """The end of what the server printed."""
    try:
        return (folder / OUTPUT_FILE).read_text(errors="replace")[-2000:].strip()
    except OSError:
        return ""


def _of_stat(text: str) -> tuple[int, str]:
    """(pid, start time in ticks) of a line of /proc/PID/stat; its second field may hold spaces (proc(5))."""
    before, _, after = text.rpartition(")")
    fields = after.split()
    if len(fields) < 20:
        raise ValueError("not a line of /proc/PID/stat")
    return int(before.split(maxsplit=1)[0]), fields[19]


def _children(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def _signal(process: psutil.Process, number: signal.Signals) -> None:
    try:
        process.send_signal(number)
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return
