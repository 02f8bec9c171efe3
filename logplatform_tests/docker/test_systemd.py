"""The systemd units: systemd takes them, and they start commands that there are."""

import os
import re
import shlex
import subprocess
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from logplatform.cli import main
from logplatform_tests.docker.places import DOCKER
from logplatform_tests.docker.programs import program

UNITS = sorted((DOCKER / "systemd").glob("*.service"))


def test_systemd_takes_the_units(tmp_path: Path) -> None:
    analyze, environment = program("systemd", "usr/bin/systemd-analyze")
    started = tmp_path / "logplatform"
    started.write_text("#!/bin/sh\n")
    started.chmod(0o755)
    files = [tmp_path / path.name for path in sorted((DOCKER / "systemd").glob("logplatform*"))]
    for file in files:
        text = (DOCKER / "systemd" / file.name).read_text()
        file.write_text(text.replace("/opt/logplatform/bin/logplatform", str(started)))
    # The units that ours speak of are the program's, where the system has no systemd of its own.
    known = "".join(f"{Path(analyze).parents[2]}/{lib}/systemd/system:" for lib in ("lib", "usr/lib"))
    done = subprocess.run(
        [analyze, "verify", "--man=no", *files],
        env={**os.environ, **environment, "SYSTEMD_UNIT_PATH": known},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_the_units_meet_at_the_socket_of_the_code_server() -> None:
    folder = DOCKER / "systemd"
    (place,) = re.findall(r"--socket (\S+)", (folder / "logplatform-code-server.service").read_text())
    (server,) = yaml.safe_load((folder / "workspace.yaml").read_text())["load_from"]
    assert server["grpc_server"]["socket"] == place
    named = [re.findall(r"--workspace (\S+)", unit.read_text()) for unit in UNITS]
    assert [one for one in named if one] == [["/etc/logplatform/workspace.yaml"]] * 2


@pytest.mark.parametrize("unit", UNITS, ids=lambda path: path.stem)
def test_a_unit_starts_a_command_that_there_is(unit: Path) -> None:
    (line,) = re.findall(r"^ExecStart=/opt/logplatform/bin/logplatform (.+)$", unit.read_text(), re.MULTILINE)
    done = CliRunner().invoke(main, [*shlex.split(line), "--help"])
    assert done.exit_code == 0, done.output
