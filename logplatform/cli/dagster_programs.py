"""`logplatform dagster`: Dagster's programs one by one, each on this platform's settings.

What belongs here: the commands, which become the program. What does not: running all of them on one machine
(`logplatform up`), and Dagster's home (`logplatform.orchestration.home`).
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from logplatform.cli.session import Session, pass_session
from logplatform.settings.environment import CONFIG_VARIABLE

_CODE_SERVER_PORT = 4000
_WORKSPACE = click.option(
    "--workspace",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Where the definitions are; left out: this platform's, loaded by the program itself.",
)


@click.group()
def dagster() -> None:
    """Dagster's programs one by one, for containers, systemd and clusters; on one machine `logplatform up` does.

    Each takes storage, passwords and limits from the settings (section `dagster`, DAGSTER_HOME) and then becomes
    Dagster's own program: signals and exit codes are its own.
    """


@dagster.command()
@click.option("--host", help="Address to listen on. There is no login: keep it local, or put a proxy before it.")
@click.option("--port", type=click.IntRange(1, 65_535), help="Port to listen on.")
@_WORKSPACE
@pass_session
def webserver(session: Session, host: str | None, port: int | None, workspace: Path | None) -> None:
    """The web interface."""
    settings = session.settings.dagster
    address = ["--host", host or settings.host, "--port", str(port or settings.port)]
    _become(session, ["dagster_webserver", *address, "--workspace", _workspace(workspace)])


@dagster.command()
@_WORKSPACE
@pass_session
def daemon(session: Session, workspace: Path | None) -> None:
    """The daemon: sensors, schedules, the queue of runs. One at a time on one storage."""
    _become(session, ["dagster._daemon", "run", "--workspace", _workspace(workspace)])


@dagster.command("code-server")
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(1, 65_535), default=_CODE_SERVER_PORT, show_default=True)
@click.option("--socket", type=click.Path(path_type=Path), help="Listen at this file, and at no port.")
@pass_session
def code_server(session: Session, host: str, port: int, socket: Path | None) -> None:
    """The definitions for a webserver and a daemon elsewhere (gRPC); runs start here unless a launcher is set."""
    address = ["--socket", str(socket)] if socket else ["--host", host, "--port", str(port)]
    # Runs are started by this Python, for there need not be a `dagster` on PATH.
    served = ["--use-python-environment-entry-point", "--module-name", "logplatform.definitions"]
    _become(session, ["dagster", "api", "grpc", *served, *address])


@dagster.command()
@pass_session
def liveness(session: Session) -> None:
    """Exit code 0 if the daemon was heard of lately: a health check."""
    _become(session, ["dagster._daemon", "liveness-check"])


def _workspace(named: Path | None) -> str:
    from logplatform.orchestration.home import WORKSPACE  # noqa: PLC0415

    return str(named or WORKSPACE)


def _become(session: Session, arguments: Sequence[str]) -> None:
    """Replace this process by a module of Dagster's; never returns."""
    # Dagster is imported here and not above: `logplatform --help` needs none of it.
    from logplatform.orchestration.home import prepare_home  # noqa: PLC0415

    prepare_home(session.ready, os.environ)
    if session.loaded.file is not None:
        os.environ[CONFIG_VARIABLE] = str(session.loaded.file.absolute())
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", *arguments])  # noqa: S606 (no shell is the point)
