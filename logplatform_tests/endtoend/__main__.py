"""The command: python -m logplatform_tests.endtoend; it prints the table of counts, embedded beside server.

What belongs here: options and printing. What does not: the comparison (`compared`).
"""

import sys
import tempfile
from datetime import date
from functools import partial
from pathlib import Path

import click
from rich.console import Console

from logplatform.demo.plan import SIZES, Plan, SizeName
from logplatform_tests.endtoend.compared import compare, show
from logplatform_tests.servers.sessions import Session, address_of, end_orphans

_WIDTH = 150


@click.command()
@click.option("--size", type=click.Choice(list(SIZES)), default="small", show_default=True, help="How much input.")
@click.option("--seed", type=int, default=1, show_default=True, help="Equal seeds make equal input.")
@click.option("--folder", type=click.Path(path_type=Path, file_okay=False), help="Keep everything here.")
def main(size: SizeName, seed: int, folder: Path | None) -> None:
    """Run all four domains on all servers at once and on none, and compare every count.

    Exit codes: 0 all counts are the same; 1 some differ.
    """
    end_orphans()
    session = Session.of_this_process()
    plan = Plan(size, seed, date(2026, 3, 29))
    try:
        with tempfile.TemporaryDirectory() as temporary:
            compared = compare(folder or Path(temporary), plan, partial(address_of, session=session))
    finally:
        session.end()
    show(Console(width=_WIDTH), compared)
    problems = {**compared.embedded.problems, **compared.server.problems}
    for domain, told in problems.items():
        click.echo(f"{domain}: a run failed: {'; '.join(told)}", err=True)
    sys.exit(1 if compared.differing or problems else 0)


if __name__ == "__main__":
    main(prog_name="python -m logplatform_tests.endtoend")
