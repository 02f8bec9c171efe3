"""Sessions: who started which servers, so that each is started once and ended with its owner.

What belongs here: starting for many processes at once, telling addresses, ending, finding what dead owners left.
What does not: how a server starts (`server`).

A session is a folder under `.servers/run`. One with an owner is named PID-STARTTIME and ends with that process, at the
latest when the next session begins; the one named `standing` stays until it is stopped.
"""

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import psutil

from logplatform_tests.servers import processes
from logplatform_tests.servers.place import NotHad, locked, run_folder
from logplatform_tests.servers.registry import SERVERS
from logplatform_tests.servers.server import Instance, Server

_STANDING = "standing"
_ADDRESS, _REFUSAL = "address", "refusal"


@dataclass(frozen=True, slots=True)
class Session:
    """One folder of running servers; every process that knows the folder shares them."""

    folder: Path

    @classmethod
    def of_this_process(cls) -> "Session":
        return cls(run_folder() / f"{os.getpid()}-{processes.start_time_of(os.getpid())}")

    @classmethod
    def standing(cls) -> "Session":
        return cls(run_folder() / _STANDING)

    def address(self, name: str) -> str:
        """Where the server listens; it is started if no process of this session did so yet.

        Raises:
            NotHad: It could not be had; asked again, the same answer comes at once.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with locked(self.folder / f"{name}.lock"):
            found = self.running_address(name)
            if found is not None:
                return found
            return self._started(name)

    def running_address(self, name: str) -> str | None:
        """Its address if it runs in this session."""
        folder = self.folder / name
        try:
            address = (folder / _ADDRESS).read_text()
        except OSError:
            return None
        return address if not SERVERS[name].runs or processes.recorded(folder) else None

    def forget_refusals(self) -> None:
        """Try again what could not be had."""
        for refusal in self.folder.glob(f"*.{_REFUSAL}"):
            refusal.unlink(missing_ok=True)

    def end(self, names: list[str] | None = None) -> None:
        """Stop its servers, all at once, and remove what they kept."""
        if not self.folder.exists():
            return
        ended = [self.folder / name for name in names] if names else [p for p in self.folder.iterdir() if p.is_dir()]
        running = {folder: process for folder in ended if (process := processes.recorded(folder))}
        with ThreadPoolExecutor(len(running) or 1) as pool:
            list(pool.map(_stop, running.keys(), running.values()))
        for folder in ended:
            shutil.rmtree(folder, ignore_errors=True)
        if not names:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _started(self, name: str) -> str:
        folder, refusal = self.folder / name, self.folder / f"{name}.{_REFUSAL}"
        if refusal.exists():
            raise NotHad(refusal.read_text())
        if folder.exists():
            # It died: what it kept may be what killed it.
            shutil.rmtree(folder)
        instance = Instance(SERVERS[name], folder)
        try:
            instance.start()
        except NotHad as error:
            instance.stop()
            refusal.write_text(str(error))
            raise
        part = folder / f"{_ADDRESS}.part"
        part.write_text(instance.address)
        part.rename(folder / _ADDRESS)
        return instance.address


def end_orphans() -> list[str]:
    """End the sessions whose owners are gone; what they were."""
    ended = []
    for folder in run_folder().iterdir():
        pid, _, start_time = folder.name.partition("-")
        if not pid.isdigit() or processes.start_time_of(int(pid)) == start_time:
            continue
        # Two that begin at the same time end it once.
        with locked(run_folder() / "orphans.lock"):
            Session(folder).end()
        ended.append(folder.name)
    return ended


def address_of(name: str, session: Session) -> str:
    """The address to use: the environment's, else of servers that stand by, else of this session. Raises NotHad."""
    given = os.environ.get(SERVERS[name].variable)
    return given or Session.standing().running_address(name) or session.address(name)


def _stop(folder: Path, process: psutil.Process) -> None:
    kind = SERVERS.get(folder.name.partition(".")[0], Server)
    processes.end([process], kind.stop_signal, kind.stop_seconds)
