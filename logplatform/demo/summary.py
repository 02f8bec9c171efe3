"""The end of a demonstration, for people: what came in, what came out, what was refused and why, where to look next.

What belongs here: words and tables. What does not: figures (`outcome`).
"""

from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from logplatform.demo.outcome import Outcome, Said
from logplatform.demo.plan import Record

FLOW = ("flow", "unit", "in", "out", "duplicates", "refused", "waiting", "missing")


def show(console: Console, record: Record, outcomes: Sequence[Outcome], said: Sequence[Said]) -> None:
    """Print what came in and out of every domain, then what became of each planted fault."""
    plan = record.plan
    console.print(Text(f"A {plan.size} demonstration, seed {plan.seed}, days up to {plan.end}", style="bold"))
    for outcome in outcomes:
        console.print()
        _came_in(console, record, outcome)
        console.print(_flow(outcome))
        console.print()
        console.print(_results(outcome))
    console.print()
    console.print(_faults(said))
    for outcome in outcomes:
        _refusals(console, outcome)


def _came_in(console: Console, record: Record, outcome: Outcome) -> None:
    name = outcome.domain
    console.print(Text(f"{name}: {record.files[name]:,} files, {record.bytes[name] / 1e6:,.1f} MB", style="bold"))
    left = "".join(f", {count:,} left alone ({kind})" for kind, count in outcome.left.items())
    unit = outcome.standing.unit
    console.print(Text(f"this run saw {outcome.new:,} new {unit}, {outcome.known:,} known ones{left}"))
    standing = ", ".join(f"{count:,} {status}" for status, count in sorted(outcome.standing.files.items()))
    console.print(Text(f"where they stand: {standing}"))


def _flow(outcome: Outcome) -> Table:
    table = _table("", FLOW, numbers_from=2)
    for it in outcome.flow:
        counts = (it.came, it.out, it.duplicates, it.dead_letters, it.waiting, it.missing)
        table.add_row(Text(it.name), it.unit, *(f"{count:,}" for count in counts))
    return table


def _results(outcome: Outcome) -> Table:
    columns = tuple(outcome.results[0]) if outcome.results else ("nothing was made",)
    words = [isinstance(value, str) for value in outcome.results[0].values()] if outcome.results else [True]
    table = _table("", columns, numbers_from=words.index(False) if False in words else len(words))
    for row in outcome.results:
        table.add_row(*(Text(f"{value:,}" if isinstance(value, int) else str(value)) for value in row.values()))
    return table


def _faults(said: Iterable[Said]) -> Table:
    columns = ("file or message", "what was broken (and what should come of it)", "what the platform says")
    table = _table("What was broken on purpose, and what became of it", columns, numbers_from=len(columns))
    for one in said:
        fault = f"{one.planted.fault} ({one.planted.expected})"
        table.add_row(*(Text(cell) for cell in (one.planted.path.partition("/")[2], fault, one.said)))
        table.add_section()
    return table


def _refusals(console: Console, outcome: Outcome) -> None:
    for trouble in outcome.standing.troubles:
        text = f"\n{outcome.domain}: {trouble.files:,} files were refused ({trouble.kind}). {trouble.recovery}"
        console.print(Text(text), soft_wrap=True)
    if letters := outcome.standing.open_letters:
        what = "lines" if outcome.standing.unit == "files" else outcome.standing.unit
        text = f"\n{outcome.domain}: {letters:,} {what} were refused. `logplatform dead-letters list` shows them."
        console.print(Text(text), soft_wrap=True)


def show_next(console: Console, command: str, data: Path, reports: Sequence[Path]) -> None:
    """Print where to look next: the web interface, commands, files; `command` begins every command."""
    lines = [
        ("web interface: lineage, runs, checks", f"{command} up"),
        ("where every file stands", f"{command} status"),
        ("the refused lines", f"{command} dead-letters list"),
        ("try the refused archives again", f"{command} archives recover"),
        ("the logs, by server", str(data / "processed")),
        ("refused archives, each with its reason", str(data / "error" / "quarantine")),
        ("the events as Parquet", str(data / "datasets")),
        ("search what the shop left", f"{command} uploads search timeout"),
        ("the tables of tickets", f"{command} tickets show"),
        ("all sessions as a workbook", str(data / "reports" / "default" / "machines" / "sessions.xlsx")),
        *((f"a day of {report.parent.name}", str(report)) for report in reports),
        ("the same with your own data", f"{command.partition(' ')[0]} init"),
    ]
    console.print(Text("\nWhere to look next", style="bold"))
    width = max(len(what) for what, _ in lines)
    for what, where in lines:
        console.print(Text(f"  {what:<{width}}  {where}"), soft_wrap=True)


def _table(title: str, columns: Sequence[str], *, numbers_from: int) -> Table:
    table = Table(title=Text(title) if title else None, title_justify="left", title_style="bold", show_edge=False)
    for number, column in enumerate(columns):
        table.add_column(column, justify="left" if number < numbers_from else "right", overflow="fold")
    return table
