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
from rich.markup import escape
from rich.table import Table


def console(*, stderr: bool = False) -> Console:
    """A console on the stream that click writes to now (tests and pipes replace it)."""
    return Console(file=sys.stderr if stderr else sys.stdout, soft_wrap=True)


def print_json(value: object) -> None:
    """One JSON document, indented; times in ISO 8601, decimals as numbers, paths as text."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False, default=_plain))


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table; cells are shown as they are, whatever brackets they hold. Long cells are folded, never cut."""
    table = Table(title=title, title_justify="left", show_edge=False)
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*(escape("" if cell is None else str(cell)) for cell in row))
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
