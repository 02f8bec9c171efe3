"""How the command line prints: tables for people, JSON for scripts.

What belongs here: what every command's output has in common. What does not: what a command has to say.
"""

import json
import sys
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import click
from rich.console import Console
from rich.table import Table
from rich.text import Text

PIPE_WIDTH = 10_000


def console(*, stderr: bool = False) -> Console:
    """A console on the stream that click writes to now (tests and pipes replace it)."""
    stream = sys.stderr if stderr else sys.stdout
    # What is piped into another program has no width: folding a cell would only hide it from grep.
    return Console(file=stream, width=None if stream.isatty() else PIPE_WIDTH)


def print_json(value: object) -> None:
    """One JSON document, indented; times in ISO 8601, decimals as numbers, paths as text."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, default=_plain))


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table; cells are shown as they are, nothing in them is taken for markup, and long ones are never cut."""
    table = Table(title=Text(title), title_justify="left", show_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(Text("" if cell is None else str(cell)) for cell in row))
    console().print(table)


def _plain(value: object) -> object:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    message = f"{type(value).__name__} has no JSON form"
    raise TypeError(message)
