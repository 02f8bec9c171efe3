"""A server, and one instance of it that runs in a folder on a port.

What belongs here: what all servers share. What does not: any one server (a module each).
"""

import os
import shutil
import signal
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

from logplatform_tests.servers import processes
from logplatform_tests.servers.place import NotHad, given_to_servers
from logplatform_tests.servers.ports import free_port, is_free, wait_until
from logplatform_tests.servers.processes import Launch

PASSWORD = "test"


class Server(ABC):
    """What a kind of server needs to say; a module each says it."""

    name: str
    variable: str
    """Of the environment, with an address to use in place of starting one."""
    patience_seconds: float = 30
    stop_signal: signal.Signals = signal.SIGTERM
    stop_seconds: float = 15
    """After so long it is killed."""
    runs: bool = True
    """Whether it is a process at all."""

    @abstractmethod
    def get(self) -> None:
        """Have all that is needed to start. Raises NotHad."""

    @abstractmethod
    def prepare(self, folder: Path, port: int) -> Launch:
        """Write the configuration into `folder`, keeping data that is there; say what to run."""

    @abstractmethod
    def ready(self, folder: Path, port: int) -> bool:
        """Whether it answers, by its own protocol."""

    @abstractmethod
    def address(self, folder: Path, port: int) -> str:
        """What `variable` would hold."""


@dataclass(slots=True)
class Instance:
    """One server in one folder; stopped and started again it has the same port and its data."""

    server: Server
    folder: Path
    port: int = 0

    @property
    def address(self) -> str:
        return self.server.address(self.folder, self.port)

    @property
    def running(self) -> bool:
        return processes.recorded(self.folder) is not None

    def start(self) -> None:
        """Return when it answers.

        Raises:
            NotHad: It died or did not answer in time.
        """
        self.server.get()
        # Whatever the test that needs it first makes of its own files: some servers refuse settings that all may write.
        before = os.umask(0o022)
        try:
            self._start()
        finally:
            os.umask(before)

    def _start(self) -> None:
        if not self.server.runs:
            self.folder.mkdir(parents=True, exist_ok=True)
            return
        chosen = self.port
        for _ in range(3):
            self.port = chosen or free_port()
            self.folder.mkdir(parents=True, exist_ok=True)
            launch = self.server.prepare(self.folder, self.port)
            given_to_servers(self.folder)
            processes.start(launch, self.folder)
            if self._answers():
                return
            taken = not self.running and not is_free(self.port)
            self.stop()
            if chosen or not taken:
                break
        raise NotHad(f"{self.server.name} did not start on port {self.port}: {processes.last_words(self.folder)}")

    def stop(self) -> None:
        """End it as its operator would."""
        self._end(self.server.stop_signal)

    def kill(self) -> None:
        """End it as a power cut would."""
        self._end(signal.SIGKILL)

    def remove(self) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _end(self, number: signal.Signals) -> None:
        process = processes.recorded(self.folder)
        if process is not None:
            processes.end([process], number, self.server.stop_seconds)

    def _answers(self) -> bool:
        # The process writes its id down itself, a moment after it was started.
        wait_until((self.folder / processes.PID_FILE).exists, 5, every=0.01)
        came = wait_until(
            lambda: not self.running or self.server.ready(self.folder, self.port), self.server.patience_seconds
        )
        return came and self.running
