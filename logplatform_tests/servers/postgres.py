"""PostgreSQL, as Debian packs it.

What belongs here: getting and running PostgreSQL. What does not: databases for single tests (`isolation`).
"""

import shutil
import signal
import subprocess
from pathlib import Path

import psycopg

from logplatform_tests.servers import processes
from logplatform_tests.servers.debian import Tree, installed_or_unpacked
from logplatform_tests.servers.place import NotHad, given_to_servers, server_user
from logplatform_tests.servers.ports import LOOPBACK
from logplatform_tests.servers.processes import Launch
from logplatform_tests.servers.server import PASSWORD, Server

_USER = "app"
_BINARIES = "usr/lib/postgresql/*/bin"


class Postgres(Server):
    name = "postgres"
    variable = "LOGPLATFORM_TEST_POSTGRES"
    stop_signal = signal.SIGINT

    def get(self) -> None:
        self._tree()

    def prepare(self, folder: Path, port: int) -> Launch:
        data = folder / "data"
        if not (data / "PG_VERSION").exists():
            self._make(folder, data)
        settings = {
            "listen_addresses": LOOPBACK,
            "unix_socket_directories": "",
            "shared_buffers": "64MB",
            "max_connections": "200",
            # Its data dies with the test session; only a kill of the server must lose nothing, and loses nothing.
            "fsync": "off",
            "full_page_writes": "off",
            "timezone": "UTC",
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return Launch(
            [str(self._binary("postgres")), "-D", str(data), "-p", str(port), *options],
            self._tree().environment(),
        )

    def ready(self, folder: Path, port: int) -> bool:
        try:
            psycopg.connect(self.address(folder, port), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def address(self, folder: Path, port: int) -> str:
        return f"postgresql://{_USER}:{PASSWORD}@{LOOPBACK}:{port}/postgres"

    def _make(self, folder: Path, data: Path) -> None:
        shutil.rmtree(data, ignore_errors=True)
        (folder / "password").write_text(PASSWORD)
        given_to_servers(folder)
        user = server_user()
        made = subprocess.run(
            [
                str(self._binary("initdb")), "-D", str(data), "-U", _USER, f"--pwfile={folder / 'password'}",
                "-A", "scram-sha-256", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions",
            ],
            cwd=folder,
            env={"PATH": "/usr/bin:/bin", **self._tree().environment()},
            **processes.run_as(user),
            capture_output=True,
            text=True,
            check=False,
        )  # fmt: skip
        if made.returncode != 0:
            raise NotHad(f"initdb: {made.stderr.strip()[-500:]}")

    def _tree(self) -> Tree:
        return installed_or_unpacked(["postgresql"], f"{_BINARIES}/initdb", f"{_BINARIES}/postgres")

    def _binary(self, name: str) -> Path:
        found = self._tree().root.glob(f"{_BINARIES}/{name}")
        return max(found, key=lambda path: int(path.parent.parent.name.split(".", maxsplit=1)[0]))
