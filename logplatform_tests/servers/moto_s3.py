"""An object store that speaks S3: moto in server mode.

What belongs here: running it. What does not: buckets of single tests (`isolation`). It keeps all in memory.
"""

import importlib.util
import sys
from pathlib import Path

from logplatform_tests.servers.place import NotHad
from logplatform_tests.servers.ports import LOOPBACK, greeting
from logplatform_tests.servers.processes import Launch
from logplatform_tests.servers.server import Server


class MotoS3(Server):
    name = "s3"
    variable = "LOGPLATFORM_TEST_S3"

    def get(self) -> None:
        if importlib.util.find_spec("moto") is None:
            raise NotHad("moto is not installed: .ci/setup dev")

    def prepare(self, folder: Path, port: int) -> Launch:
        program = [sys.executable, "-c", "from moto.server import main; main()"]
        return Launch([*program, "-H", LOOPBACK, "-p", str(port)], as_servers_user=False)

    def ready(self, folder: Path, port: int) -> bool:
        return greeting(port, b"GET /moto-api/ HTTP/1.0\r\n\r\n").startswith(b"HTTP/1.")

    def address(self, folder: Path, port: int) -> str:
        return f"http://{LOOPBACK}:{port}"
