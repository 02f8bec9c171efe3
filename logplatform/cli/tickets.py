"""`logplatform tickets`: a stream of support tickets as tables.

What belongs here: the commands and their printing. What does not: the work (`logplatform.tickets`).
"""

from dataclasses import asdict
from pathlib import Path

import click

from logplatform.cli.output import print_json, print_table
from logplatform.cli.session import Session, pass_session
from logplatform.cli.stopping import until_stopped

TABLES = (
    "tickets_with_assignment",
    "metrics",
    "tickets_by_type",
    "tickets_by_priority",
    "high_priority_tickets",
    "rejected_tickets",
)
CELL_SIGNS = 200
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
@click.option("--brokers", metavar="HOST:PORT[,…]", help="Kafka's; left out: those of the settings (stores.kafka).")
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
    brokers: str | None,
    count: int | None,
    invalid_share: float,
    duplicate_share: float,
    seed: int | None,
    as_json: bool,
) -> None:
    """Send random tickets to a topic at a steady rate; one that is missing is made.

    \b
    Examples:
      logplatform tickets produce --count 100
      logplatform tickets produce --rate 1000 --count 50000 --invalid-share 0.03 --duplicate-share 0.02
      logplatform tickets produce --brokers kafka1:9092,kafka2:9092 --topic client_tickets
    """
    from logplatform.tickets.produce import Mix  # noqa: PLC0415
    from logplatform.tickets.produce import produce as send  # noqa: PLC0415
    from logplatform.tickets.topics import open_to_produce, to_produce_to  # noqa: PLC0415

    settings, source = to_produce_to(session.settings, topic, brokers)
    log, mix = open_to_produce(settings, source), Mix(invalid_share, duplicate_share, seed)
    with until_stopped() as stopped:
        sent = send(log, mix, rate, count, stopped.wait)
    if as_json:
        print_json({"topic": source.topic, **asdict(sent), "rate": sent.rate})
    else:
        click.echo(
            f"{sent.messages} messages to {source.topic} in {sent.seconds:.2f} s, {sent.rate:.1f} a second; "
            f"{sent.invalid} invalid, {sent.duplicates} repeated"
        )


@tickets.command()
@click.option("--json", "as_json", is_flag=True, help="Print what was done as JSON.")
@pass_session
def run(session: Session, as_json: bool) -> None:
    """Take in all that is new, then end.

    Each ticket counts once, across runs and restarts too. Exit code 0: done, refused messages and all; 2: a topic
    cannot be read, or another process is at it.
    """
    from logplatform.orchestration.telling import tell_dagster  # noqa: PLC0415
    from logplatform.tickets.report import Progress  # noqa: PLC0415 (DuckDB and the stores)

    with until_stopped() as stopped:
        progress = Progress(session.ready_for(["tickets"]), tell_dagster)
        report = progress.run(stopped.is_set, lambda line: None if as_json else click.echo(line))
    if as_json:
        print_json(asdict(report))
    else:
        click.echo(report.text())


@tickets.command()
@click.option("--interval", type=click.FloatRange(0.1), help="Seconds between two micro-batches; else the settings'.")
@pass_session
def stream(session: Session, interval: float | None) -> None:
    """Take in what is new every 30 seconds (`tickets.interval_seconds`) until Ctrl-C or SIGTERM.

    What has begun is committed before it ends; a killed stream loses and doubles nothing.
    """
    from logplatform.orchestration.telling import Teller  # noqa: PLC0415
    from logplatform.tickets.report import Progress  # noqa: PLC0415 (DuckDB and the stores)

    seconds = interval or session.settings.tickets.interval_seconds
    with until_stopped() as stopped:
        report = Progress(session.ready_for(["tickets"]), Teller().tell).stream(stopped, seconds, click.echo)
    click.echo(report.text())


@tickets.command()
@click.argument("table", type=click.Choice(TABLES), required=False)
@click.option("--limit", type=click.IntRange(1), default=10, show_default=True, help="Rows of each table.")
@click.option("--conflicts", is_flag=True, help="Later tickets that contradict the first of their id.")
@click.option("--json", "as_json", is_flag=True, help="Print as JSON.")
@pass_session
def show(session: Session, table: str | None, limit: int, conflicts: bool, as_json: bool) -> None:
    """Print the tables: all of them, or TABLE."""
    from logplatform.tickets.show import conflict_rows, table_rows  # noqa: PLC0415 (DuckDB and the stores)

    settings = session.settings
    if conflicts:
        found = {"conflicts": conflict_rows(settings, limit)}
    else:
        found = {name: table_rows(settings, name, limit) for name in TABLES if table in (None, name)}
    if as_json:
        print_json({name: asdict(rows) for name, rows in found.items()})
        return
    for name, rows in found.items():
        click.echo(f"\n{name}: {rows.total} rows")
        print_table("", rows.columns, ([_clipped(value) for value in row] for row in rows.values()))


def _clipped(value: object) -> object:
    """A refused message may be a mebibyte long; `--json` prints it whole."""
    text = str(value)
    return f"{text[:CELL_SIGNS]}…" if len(text) > CELL_SIGNS else value
