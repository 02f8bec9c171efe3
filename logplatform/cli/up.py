"""`logplatform up`: Dagster's webserver and daemon with the sensors on, and the HTTP API, until Ctrl-C.

What belongs here: the command and what it prints. What does not: starting, watching and ending the programs
(`logplatform.orchestration.supervise` and `services`).
"""

import os
import signal
import sys
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from types import FrameType
from typing import TYPE_CHECKING

import click

from logplatform.cli.output import console
from logplatform.cli.session import Session, pass_session
from logplatform.settings.environment import CONFIG_VARIABLE

if TYPE_CHECKING:
    from logplatform.orchestration.services import Address
    from logplatform.orchestration.supervise import Running
    from logplatform.settings.model import Settings

EXIT_DIED = 1


@click.command()
@click.option("--port", type=click.IntRange(0, 65_535), help="Port of the web interface; 0: any free one.")
@click.option("--host", help="Address to listen on. There is no login: keep it local, or put a proxy before it.")
@click.option("--api-port", type=click.IntRange(0, 65_535), help="Port of the HTTP API; 0: any free one.")
@pass_session
def up(session: Session, port: int | None, host: str | None, api_port: int | None) -> None:
    """Start the web interface, the daemon, the sensors and the HTTP API; Ctrl-C ends all of it.

    The sensors look at the sources and ask for runs; the web interface shows what came, what failed and why. The API
    takes uploads and answers searches (`api.enabled: false` leaves it out). What the programs print is in the log
    folder (`logs` under the data root).

    Exit codes: 0 ended by Ctrl-C or SIGTERM; 1 a program died; 2 a port is taken, or it runs already.
    """
    # Dagster is imported here and not above: `logplatform --help` needs none of it.
    from logplatform.orchestration.home import prepare_home  # noqa: PLC0415
    from logplatform.orchestration.services import alone, free_address  # noqa: PLC0415

    settings = session.ready
    address = free_address(host or settings.dagster.host, settings.dagster.port if port is None else port)
    api = None
    if settings.api.enabled:
        api = free_address(settings.api.host, settings.api.port if api_port is None else api_port, "--api-port")
    if session.loaded.file is not None:
        os.environ[CONFIG_VARIABLE] = str(session.loaded.file.absolute())
    # The API's page links to Dagster where it is, not where the settings would have it.
    os.environ["LOGPLATFORM_DAGSTER__HOST"], os.environ["LOGPLATFORM_DAGSTER__PORT"] = address.host, str(address.port)
    _hear(signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    with alone(settings.data_root):
        home = prepare_home(settings, os.environ)
        try:
            _serve(settings, address, api, home)
        except KeyboardInterrupt:
            console().print("Ended.")
            return
    sys.exit(EXIT_DIED)


def _serve(settings: "Settings", address: "Address", api: "Address | None", home: Path) -> None:
    """Start everything, say where it is, and wait until something dies."""
    from logplatform.orchestration.supervise import wait_for_end  # noqa: PLC0415

    screen = console()
    with ExitStack() as programs:
        with screen.status("starting Dagster and the API" if api else "starting Dagster"):
            started = _started(programs, settings, address, api)
        screen.print(f"Dagster   [bold]{address.url}[/bold]")
        if api:
            screen.print(f"API       [bold]{api.url}[/bold]")
        screen.print(f"Data      {settings.data_root.absolute()}", highlight=False)
        screen.print(f"Logs      {settings.log_directory.absolute()}", highlight=False)
        screen.print(f"Instance  {home}", highlight=False)
        screen.print("The sensors are on. Ctrl-C ends everything.")
        sys.stdout.flush()
        ended = wait_for_end(started)
        click.echo(f"The {ended.program.name} died. Its last words:\n{ended.log_tail()}", err=True)


def _started(programs: ExitStack, settings: "Settings", address: "Address", api: "Address | None") -> "list[Running]":
    """Start what others need first; all of it answers, and ends with `programs`."""
    from logplatform.orchestration import services  # noqa: PLC0415
    from logplatform.orchestration.supervise import running  # noqa: PLC0415

    logs = settings.log_directory
    # A path below the data root may be too long for a socket's.
    place = Path(programs.enter_context(TemporaryDirectory(prefix="logplatform-"))) / "code"
    workspace = place.with_name("workspace.yaml")
    workspace.write_text(services.workspace_of(place))
    first = [services.code_server(place, logs), *([services.api_program(api, logs)] if api else [])]
    started = programs.enter_context(running(first, os.environ))
    services.wait_until_loaded(place, started)
    started = [*started, *programs.enter_context(running(services.programs(address, workspace, logs), os.environ))]
    services.wait_until_ready(address, started)
    if api:
        services.wait_until_served(api, started)
    return started


def _hear(*signals: signal.Signals) -> None:
    for number in signals:
        # What the shell told us to ignore (nohup, a background job) stays ignored.
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _interrupt)


def _interrupt(number: int, frame: FrameType | None) -> None:  # noqa: ARG001 (a signal handler's signature)
    # Ending takes a bounded time; a second signal must not break it off and leave programs behind.
    for heard in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(heard, signal.SIG_IGN)
    raise KeyboardInterrupt
