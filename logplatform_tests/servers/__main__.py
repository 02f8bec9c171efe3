"""The command: python -m logplatform_tests.servers get|start|stop|status|run.

What belongs here: what is typed and printed. What does not: starting and ending (`sessions`).
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import FrameType

import click

from logplatform_tests.servers.place import NotHad
from logplatform_tests.servers.registry import SERVERS
from logplatform_tests.servers.sessions import Session, address_of, end_orphans

_NAMES = click.argument("names", nargs=-1, type=click.Choice(list(SERVERS)))

_WORTH_TELLING_SECONDS = 0.5


@click.group()
def main() -> None:
    """Real servers for tests, on free ports of this machine."""
    signal.signal(signal.SIGTERM, _interrupt)
    for orphan in end_orphans():
        click.echo(f"ended the servers of {orphan}, which is gone", err=True)


@main.command()
@_NAMES
def get(names: Sequence[str]) -> None:
    """Have what the servers need, so that later they only start."""
    lacking = _each(names or list(SERVERS), lambda name: SERVERS[name].get(), "had")[1]
    sys.exit(1 if lacking else 0)


@main.command()
@_NAMES
def start(names: Sequence[str]) -> None:
    """Start servers and leave them running until `stop`; print their addresses for the environment."""
    standing = Session.standing()
    standing.forget_refusals()
    try:
        found, lacking = _each(names or list(SERVERS), partial(address_of, session=standing), "up")
    except KeyboardInterrupt:
        standing.end()
        sys.exit(130)
    _print_addresses(found)
    sys.exit(1 if lacking else 0)


@main.command()
@_NAMES
def stop(names: Sequence[str]) -> None:
    """Stop what `start` started."""
    Session.standing().end(list(names))


@main.command()
def status() -> None:
    """Show which servers run."""
    standing = Session.standing()
    _print_addresses({name: address for name in SERVERS if (address := standing.running_address(name))})


@main.command()
@click.option("--own", is_flag=True, help="Start servers also where an address is given or others stand by.")
@click.argument("words", nargs=-1, type=click.UNPROCESSED)
def run(own: bool, words: Sequence[str]) -> None:
    """Run COMMAND with servers in its environment: run [NAMES] -- COMMAND; without one, until Ctrl-C."""
    names, command = _split(words)
    session = Session.of_this_process()
    address = session.address if own else partial(address_of, session=session)
    try:
        found, lacking = _each(names or list(SERVERS), address, "up")
        if lacking:
            sys.exit(1)
        if not command:
            _print_addresses(found)
            signal.pause()
        variables = {SERVERS[name].variable: address for name, address in found.items()}
        sys.exit(subprocess.run(command, env={**os.environ, **variables}, check=False).returncode)
    except KeyboardInterrupt:
        sys.exit(130)
    finally:
        session.end()


def _split(words: Sequence[str]) -> tuple[list[str], list[str]]:
    """Names come first; what is no name begins the command (click takes the -- away)."""
    count = next((index for index, word in enumerate(words) if word not in SERVERS), len(words))
    return list(words[:count]), list(words[count:])


def _each(names: Sequence[str], act: Callable[[str], str | None], done: str) -> tuple[dict[str, str], list[str]]:
    """Do it for all at once, tell each as it comes: (what came, the names of what did not)."""
    found: dict[str, str] = {}
    lacking: list[str] = []
    began = time.monotonic()

    def one(name: str) -> None:
        try:
            found[name] = act(name) or ""
        except NotHad as error:
            lacking.append(name)
            click.echo(f"{name}: not {done}: {error}", err=True)
        else:
            took = time.monotonic() - began
            if took > _WORTH_TELLING_SECONDS:
                click.echo(f"{name}: {done} after {took:.1f} s", err=True)

    with ThreadPoolExecutor(len(names)) as pool:
        list(pool.map(one, names))
    return found, lacking


def _print_addresses(found: dict[str, str]) -> None:
    for name, address in found.items():
        click.echo(f"export {SERVERS[name].variable}='{address}'")


def _interrupt(_number: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    main(prog_name="python -m logplatform_tests.servers")
