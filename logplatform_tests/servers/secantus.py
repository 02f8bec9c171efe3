"""SecantusDB, a server of MongoDB's wire protocol that comes as a package of Python.

What belongs here: getting and running it. What does not: databases of single tests (`isolation`).
"""

import shutil
import subprocess
import sys
from pathlib import Path

from logplatform_tests.servers.place import NotHad, cache_folder, locked
from logplatform_tests.servers.ports import LOOPBACK
from logplatform_tests.servers.processes import Launch
from logplatform_tests.servers.server import Server

VERSION = "0.7.0b3"


class Secantus(Server):
    name = "mongodb"
    variable = "LOGPLATFORM_TEST_MONGODB"
    patience_seconds = 60

    def get(self) -> None:
        """Into a folder of its own: what it depends on must not meet what the platform depends on."""
        with locked(cache_folder() / "secantus.lock"):
            if _packages().exists():
                return
            part = _packages().with_name("secantus.part")
            shutil.rmtree(part, ignore_errors=True)
            pip = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--quiet"]
            command = [*pip, "--target", str(part), f"secantusdb=={VERSION}"]
            done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
            if done.returncode != 0:
                raise NotHad(f"pip could not get secantusdb {VERSION}: {done.stderr.strip()[-500:]}")
            part.rename(_packages())

    def prepare(self, folder: Path, port: int) -> Launch:
        program = [sys.executable, "-c", "from secantus.cli import main; main()"]
        options = ["--host", LOOPBACK, "--port", str(port), "--storage-path", str(folder / "data")]
        return Launch(
            [*program, *options, "--log-level", "WARNING"],
            {"PYTHONPATH": str(_packages())},
            # The interpreter may be where only its owner can go.
            as_servers_user=False,
        )

    def ready(self, folder: Path, port: int) -> bool:
        from pymongo import MongoClient  # noqa: PLC0415 (slow to load, and only this needs it)
        from pymongo.errors import PyMongoError  # noqa: PLC0415

        try:
            with MongoClient(self.address(folder, port), serverSelectionTimeoutMS=2000) as client:
                client.admin.command("ping")
        except PyMongoError:
            return False
        return True

    def address(self, folder: Path, port: int) -> str:
        return f"mongodb://{LOOPBACK}:{port}/?directConnection=true"


def _packages() -> Path:
    return cache_folder() / f"secantus-{VERSION}-python{sys.version_info[0]}.{sys.version_info[1]}"
