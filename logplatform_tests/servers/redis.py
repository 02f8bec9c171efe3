"""Redis with a password, as Debian packs it.

What belongs here: getting and running Redis. What does not: keys of single tests (`isolation`).
"""

from pathlib import Path

from logplatform_tests.servers.debian import Tree, installed_or_unpacked
from logplatform_tests.servers.ports import LOOPBACK, greeting
from logplatform_tests.servers.processes import Launch
from logplatform_tests.servers.server import PASSWORD, Server


class Redis(Server):
    name = "redis"
    variable = "LOGPLATFORM_TEST_REDIS"

    def get(self) -> None:
        self._tree()

    def prepare(self, folder: Path, port: int) -> Launch:
        settings = {
            "bind": LOOPBACK,
            "port": str(port),
            # Every write is in the file before its answer: a server that is started again has what it had.
            "appendonly": "yes",
            "appendfsync": "no",
            "save": "",
            "dir": str(folder),
            "daemonize": "no",
            "requirepass": PASSWORD,
            "databases": "64",
        }
        arguments = [part for name, value in settings.items() for part in (f"--{name}", value)]
        return Launch([str(self._tree().path("usr/bin/redis-server")), *arguments], self._tree().environment())

    def ready(self, folder: Path, port: int) -> bool:
        return b"+PONG" in greeting(port, f"AUTH {PASSWORD}\r\nPING\r\n".encode(), until=b"PONG")

    def address(self, folder: Path, port: int) -> str:
        return f"redis://:{PASSWORD}@{LOOPBACK}:{port}/0"

    def _tree(self) -> Tree:
        return installed_or_unpacked(["redis-server", "redis-tools"], "usr/bin/redis-server")
