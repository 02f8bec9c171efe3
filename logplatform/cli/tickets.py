"""`logplatform tickets`: a stream of support tickets as tables.

What belongs here: the commands and their printing. What does not: the work (`logplatform.tickets`).
"""

import signal
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import click

from logplatform.cli.output import print_json, print_table
from logplatform.cli.session import Session, pass_session

_SHARE = click.FloatRange(0, 1)
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group()
def tickets() -> None:
    """Support tickets from a topic, each once, as tables that other tools read as they lie."""


@tickets.command()
@click.argument("file", type=_FILE)
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
@pass_session
def check(session: Session, file: Path, as_json: bool) -> None:
    """Judge the messages in FILE (one JSON object a line) without storing anything.

    total = accepted + rejected + duplicates; a message may be refused for several reasons. Exit code 0: read to the
    end, whatever was in it; 2: the file cannot be read.
    """
    from logplatform.tickets.dry_run import check_file  # noqa: PLC0415 (only this command needs DuckDB)

    settings = session.settings
    report = check_file(file, settings.tickets.teams, settings.tickets.high_priorities, settings.landing.max_line_bytes)
    if as_json:
        print_json(report)
        return
    counts = [(name, report[name]) for name in ("total", "accepted", "rejected", "duplicates")]
    print_table(f"Messages of {file}", ("messages", "count"), counts)
    if report["reasons"]:
        print_table("Refused because", ("reason", "messages"), list(report["reasons"].items()))
    print_table("Metrics of the accepted", ("metric", "value"), list(report["metrics"].items()))


@tickets.command()
@click.option(
    "--rate", type=click.FloatRange(0, min_open=True), default=10, show_default=True, help="Messages a second."
)
@click.option("--topic", metavar="TOPIC", help="The topic; left out: that of the first source in the settings.")
@click.option("--count", type=click.IntRange(1), help="Stop after so many messages; left out: go on until Ctrl-C.")
@click.option("--invalid-share", type=_SHARE, default=0, show_default=True, help="Share that breaks a rule.")
@click.option("--duplicate-share", type=_SHARE, default=0, show_default=True, help="Share that repeats a ticket.")
@click.option("--seed", type=int, help="The same tickets each time, but for their times.")
@click.option("--json", "as_json", is_flag=True, help="Print what was sent as JSON.")
@pass_session
def produce(
    session: Session,
    rate: float,
    topic: str | None,
    count: int | None,
    invalid_share: float,
    duplicate_share: float,
    seed: int | None,
    as_json: bool,
) -> None:
    """Send random tickets to a topic at a steady rate.

    \b
    Examples:
      logplatform tickets produce --count 100
      logplatform tickets produce --rate 1000 --count 50000 --invalid-share 0.03 --duplicate-share 0.02
    """
    from logplatform.tickets.produce import Mix  # noqa: PLC0415
    from logplatform.tickets.produce import produce as send  # noqa: PLC0415
    from logplatform.tickets.topics import find_topic, open_log  # noqa: PLC0415

    source = find_topic(session.settings, topic)
    log, mix = open_log(session.settings, source), Mix(invalid_share, duplicate_share, seed)
    with _until_stopped() as stopped:
        sent = send(log, mix, rate, count, stopped.wait)
    if as_json:
        print_json({"topic": source.topic, **asdict(sent), "rate": sent.rate})
    else:
        click.echo(
            f"{sent.messages} messages to {source.topic} in {sent.seconds:.2f} s, {sent.rate:.1f} a second; "
            f"{sent.invalid} invalid, {sent.duplicates} repeated"
        )


@contextmanager
def _until_stopped() -> Generator[threading.Event]:
    """An event that SIGTERM and Ctrl-C set: what has begun is finished, then the command ends well."""
    stopped = threading.Event()
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    for number in before:
        signal.signal(number, lambda *_: stopped.set())
    try:
        yield stopped
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
