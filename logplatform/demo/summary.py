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


def show(console: Console, record: Record, outcomes: Sequence[Outcome], said: Sequence[Said]) -> None:
    """Print the tables: input, output, and what became of each planted fault."""
    console.print(_amounts(record, outcomes))
    console.print()
    console.print(_faults(said))
    for outcome in outcomes:
        _refusals(console, outcome)


def _amounts(record: Record, outcomes: Sequence[Outcome]) -> Table:
    plan = record.plan
    title = f"A {plan.size} demonstration, seed {plan.seed}, up to {plan.end}"
    table = _table(title, "", *(outcome.domain for outcome in outcomes), right=True)
    datasets = sorted({name for one in outcomes for name in one.standing.rows})
    produced = sorted({name for one in outcomes for name in one.production})
    rows: list[tuple[str, list[str]]] = [
        ("came in: files", [f"{record.files[one.domain]:,}" for one in outcomes]),
        ("  bytes", [_bytes(record.bytes[one.domain]) for one in outcomes]),
        ("landed: different contents", [f"{one.landed.files:,}" for one in outcomes]),
        ("  lines in them", [f"{one.landed.lines:,}" for one in outcomes]),
        ("came out: files processed", [_files(one, "processed") for one in outcomes]),
        *((f"  rows of {name}", [_count(one.standing.rows.get(name)) for one in outcomes]) for name in datasets),
        *((f"  {name}", [_count(one.production.get(name)) for one in outcomes]) for name in produced),
        ("known already: files", [_files(one, "seen") for one in outcomes]),
        ("refused: files", [_files(one, "error") for one in outcomes]),
        ("refused: records (dead letters)", [f"{one.standing.open_letters:,}" for one in outcomes]),
    ]
    for name, cells in rows:
        table.add_row(name, *cells)
    return table


def _faults(said: Iterable[Said]) -> Table:
    table = _table("What was broken on purpose, and what became of it", "file", "fault", "what the platform says")
    for one in said:
        file = one.planted.path.partition("/")[2]
        cells = (file, f"{one.planted.fault}\n(expected: {one.planted.expected})", one.said)
        table.add_row(*(Text(cell) for cell in cells))
    return table


def _refusals(console: Console, outcome: Outcome) -> None:
    for trouble in outcome.standing.troubles:
        console.print(Text(f"\n{outcome.domain}: {trouble.files:,} refused ({trouble.kind}). {trouble.recovery}"))


def show_next(console: Console, settings_file: Path, data: Path, reports: Sequence[Path]) -> None:
    """Print where to look next: the web interface, the commands, the files."""
    command = f"logplatform --config {settings_file}"
    console.print(Text("\nWhere to look next", style="bold"))
    lines = [
        ("the web interface, with lineage, runs and checks", f"{command} up   (or: make up)"),
        ("where every file stands", f"{command} status"),
        ("the refused lines", f"{command} dead-letters list"),
        ("trying the refused archives again", f"{command} archives recover"),
        ("the logs, extracted", str(data / "extracted")),
        ("the events as Parquet", str(data / "datasets")),
        *(("a day's report", str(report)) for report in reports),
        ("your own data", "logplatform init   (writes a commented settings file)"),
    ]
    width = max(len(what) for what, _ in lines)
    for what, where in lines:
        console.print(Text(f"  {what:<{width}}  {where}"), soft_wrap=True)


def _table(title: str, *columns: str, right: bool = False) -> Table:
    table = Table(title=Text(title), title_justify="left", title_style="bold", show_edge=False, show_lines=not right)
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if right and number else "left", overflow="fold")
    return table


def _files(outcome: Outcome, status: str) -> str:
    return _count({str(name): count for name, count in outcome.standing.files.items()}.get(status, 0))


def _count(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def _bytes(value: int) -> str:
    return f"{value / 1e6:,.1f} MB"
