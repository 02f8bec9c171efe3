"""`logplatform api` as a process of its own: started, found, killed.

What belongs here: running it. What does not: what is asserted of it.
"""

import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ApiProcess:
    """A process that serves at `url`."""

    url: str
    process: "subprocess.Popen[str]"


def settings_file(folder: Path, more: str = "") -> Path:
    """A settings file over `folder`/data."""
    file = folder / "logplatform.yaml"
    file.write_text(f"data_root: {folder / 'data'}\n{more}", encoding="utf-8")
    return file


@contextmanager
def api_process(config: Path) -> Generator[ApiProcess]:
    """The command on a free port; killed with the context, if it has not ended."""
    command = [sys.executable, "-m", "logplatform", "--config", str(config), "api", "--port", "0"]
    env = {name: value for name, value in os.environ.items() if not name.startswith("LOGPLATFORM_API")}
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=env) as process:
        try:
            assert process.stdout is not None
            told = process.stdout.readline().split()
            assert told, process.communicate()
            yield ApiProcess(told[1], process)
        finally:
            process.kill()
