"""A stage: one input, one settings file, and the commands that users give.

What belongs here: running `logplatform` as they do. What does not: which stores it has (`places`), and what came of it
(`counts`).
"""

import os
import subprocess
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec
import yaml

_LOGPLATFORM = (sys.executable, "-c", "from logplatform.cli import main; main()")
_HIDDEN = ("DAGSTER_", "LOGPLATFORM_", "SSH_", "FTP_")


@dataclass(frozen=True, slots=True)
class Stage:
    """`input` is what the generator made; `secrets` are variables with the passwords."""

    name: str
    folder: Path
    input: Path
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def settings_file(self) -> Path:
        return self.folder / "logplatform.yaml"

    @property
    def environment(self) -> dict[str, str]:
        """Of its commands: nothing of this process's own settings, and the secrets."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_HIDDEN)}
        return {**kept, **self.secrets}

    def write_settings(self, settings: Mapping[str, object]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.settings_file.write_text(yaml.safe_dump(dict(settings), sort_keys=False))

    def logplatform(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return self.python(_LOGPLATFORM, "--config", str(self.settings_file), *arguments)

    def python(self, program: Sequence[str], *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*program, *arguments],
            capture_output=True,
            text=True,
            env=self.environment,
            cwd=self.folder,
            check=False,
        )

    def run(self) -> dict[str, Any]:
        """`logplatform run` of all domains; its account by domain.

        The planted faults fail files, which is exit code 1; a failed run or something missing shows in the account.
        """
        done = self.logplatform("run", "--json")
        if done.returncode not in {0, 1} or not done.stdout.strip():
            raise AssertionError(f"{self.name}: logplatform run ended with {done.returncode}: {done.stderr[-4000:]}")
        return msgspec.json.decode(done.stdout, type=dict[str, Any])

    @contextmanager
    def api(self) -> Generator[str]:
        """The HTTP API, listening; its address."""
        command = [*_LOGPLATFORM, "--config", str(self.settings_file), "api", "--port", "0"]
        with (self.folder / "api.output").open("w") as errors:
            server = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=errors, text=True, env=self.environment, cwd=self.folder
            )
            try:
                assert server.stdout is not None
                words = server.stdout.readline().split()
                if not words:
                    told = (self.folder / "api.output").read_text()[-4000:]
                    raise AssertionError(f"{self.name}: the API did not start: {told}")
                yield words[-1]
            finally:
                server.terminate()
                try:
                    server.wait(60)
                except subprocess.TimeoutExpired:
                    server.kill()
                    server.wait()
