"""`logplatform up`: Dagster's webserver and daemon, with the sensors on, until Ctrl-C.

What belongs here: the command and what it prints. What does not: starting, watching and ending the programs
(`logplatform.orchestration.supervise` and `services`).
"""

import os
import signal
import sys
from types import FrameType

import click

from logplatform.cli.output import console
from logplatform.cli.session import Session, pass_session
from logplatform.settings.environment import CONFIG_VARIABLE

EXIT_DIED = 1


@click.command()
@click.option("--port", type=click.IntRange(0, 65_535), help="Port of the web interface; 0: any free one.")
@click.option("--host", help="Address to listen on. There is no login: keep it local, or put a proxy before it.")
@pass_session
def up(session: Session, port: int | None, host: str | None) -> None:
    """Start the web interface, the daemon and the sensors; Ctrl-C ends all of it.

    The sensors look at the sources and ask for runs; the web interface shows what came, what failed and why. What the
    programs print is in the log folder (`logs` under the data root).

    Exit codes: 0 ended by Ctrl-C or SIGTERM; 1 a program died; 2 the port is taken, or it runs already.
    """
    # Dagster is imported here and not above: `logplatform --help` needs none of it.
    from logplatform.orchestration.home import WORKSPACE, opened_instance  # noqa: PLC0415
    from logplatform.orchestration.services import alone, free_address, programs, wait_until_ready  # noqa: PLC0415
    from logplatform.orchestration.supervise import running, wait_for_end  # noqa: PLC0415

    settings = session.settings
    screen = console()
    address = free_address(host or settings.dagster.host, settings.dagster.port if port is None else port)
    if session.loaded.file is not None:
        os.environ[CONFIG_VARIABLE] = str(session.loaded.file.absolute())
    _hear(signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    with alone(settings.data_root):
        # Opened once before the others, so that two of them do not make Dagster's tables at the same moment.
        with opened_instance(settings) as instance:
            home = instance.root_directory
        try:
            with running(programs(address, WORKSPACE, settings.log_directory), os.environ) as started:
                with screen.status("starting the web interface and the daemon"):
                    wait_until_ready(address, started)
                screen.print(f"Dagster   [bold]{address.url}[/bold]")
                screen.print(f"Data      {settings.data_root.absolute()}", highlight=False)
                screen.print(f"Logs      {settings.log_directory.absolute()}", highlight=False)
                screen.print(f"Instance  {home}", highlight=False)
                screen.print("The sensors are on. Ctrl-C ends everything.")
                sys.stdout.flush()
                ended = wait_for_end(started)
                click.echo(f"The {ended.program.name} died. Its last words:\n{ended.log_tail()}", err=True)
        except KeyboardInterrupt:
            screen.print("Ended.")
            return
    sys.exit(EXIT_DIED)


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
