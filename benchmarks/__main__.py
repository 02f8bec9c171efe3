"""`make bench`: all comparisons, as a table and as JSON.

What belongs here: which comparisons there are, and their sizes. What does not: the comparisons themselves.
"""

import platform
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import click
import msgspec
import psutil
from rich.console import Console

from benchmarks import api, archives, backfill, bulk, machines, search, sensor, sftp, sql, tickets, uploads
from benchmarks.table import Comparison, as_json, show

SizeName = Literal["small", "full"]


@dataclass(frozen=True, slots=True)
class Size:
    """How much each comparison is given."""

    archive_bytes: int
    machine_lines: int
    listed_files: int
    machine_days: int
    events: int
    seen_ids: int
    sftp_bytes: int
    sftp_files: int


SIZES: dict[str, Size] = {
    "small": Size(64 << 20, 50_000, 50_000, 60, 50_000, 300_000, 50_000_000, 200),
    "full": Size(1 << 30, 1_000_000, 1_000_000, 3_000, 1_000_000, 20_000_000, 500_000_000, 2_000),
}


def comparisons(folder: Path, size: Size) -> dict[str, Callable[[], Iterator[Comparison]]]:
    """Every comparison by its name, ready to run."""
    return {
        "archives": partial(archives.compare, folder, size.archive_bytes),
        "machines": partial(machines.compare, folder, size.machine_lines),
        "sensor": partial(sensor.compare, folder, size.listed_files),
        "backfill": partial(backfill.compare, folder, size.machine_days),
        "sql": partial(sql.compare, size.machine_lines),
        "uploads": partial(uploads.compare, folder, size.events),
        "sftp": partial(sftp.compare, folder, size.sftp_bytes, size.sftp_files),
        "search": partial(search.compare, folder, 2 * size.events),
        "bulk": partial(bulk.compare, folder, size.events),
        "api": partial(api.compare, folder, size.events),
        "tickets": partial(tickets.compare, folder, size.events, size.seen_ids),
    }


def machine() -> dict[str, object]:
    """What the figures were measured on."""
    return {
        "python": platform.python_version(),
        "system": platform.platform(),
        "cores": psutil.cpu_count(),
        "memory_bytes": psutil.virtual_memory().total,
    }


@click.command(context_settings={"show_default": True})
@click.option("--size", type=click.Choice(list(SIZES)), default="full", help="How much each comparison is given.")
@click.option(
    "--only", multiple=True, help="Run this one alone (may be repeated): archives, machines, sensor, backfill."
)
@click.option("--folder", type=click.Path(path_type=Path), default=Path("data/bench"), help="Inputs and results.")
@click.option("--json", "as_text", is_flag=True, help="Print JSON instead of the table.")
def main(size: str, only: tuple[str, ...], folder: Path, as_text: bool) -> None:
    """Run the platform side by side with named baselines; print ratios, keep them in FOLDER/results.json."""
    console = Console(stderr=True)
    folder.mkdir(parents=True, exist_ok=True)
    known = comparisons(folder.resolve(), SIZES[size])
    if unknown := sorted(set(only) - set(known)):
        raise click.BadParameter(f"no comparison {unknown[0]!r}; there are {', '.join(known)}", param_hint="--only")
    rows: list[Comparison] = []
    for name in only or known:
        with console.status(f"{name}: measuring"):
            rows.extend(known[name]())
        console.print(f"{name}: done")
    result = {"size": size, "machine": machine(), "comparisons": [as_json(row) for row in rows]}
    text = msgspec.json.format(msgspec.json.encode(result), indent=2)
    (folder / "results.json").write_bytes(text + b"\n")
    if as_text:
        sys.stdout.write(text.decode() + "\n")
    else:
        show(Console(width=max(150, console.width)), rows)


if __name__ == "__main__":
    main()
