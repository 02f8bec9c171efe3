"""`logplatform tickets`: a stream of support tickets as tables.

What belongs here: the commands and their printing. What does not: the work (`logplatform.tickets`).
"""

from pathlib import Path

import click

from logplatform.cli.output import print_json, print_table
from logplatform.cli.session import Session, pass_session

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
