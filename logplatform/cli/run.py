"""`logplatform run`: every domain once, from its sources to its results, with the account of what came of it.

What belongs here: the order, the progress and what is printed. What does not: running a domain (`accounts`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from logplatform.cli.output import console, print_json, print_table
from logplatform.cli.session import Session, pass_session
from logplatform.domains import parts_of
from logplatform.settings.model import DOMAINS, Domain, Settings
from logplatform.tenancy import open_tenancy

if TYPE_CHECKING:
    from logplatform.cli.accounts import Account

EXIT_FAILED = 1
EXIT_UNREACHABLE = 2
_COLUMNS = ("flow", "unit", "in", "out", "duplicates", "dead letters", "waiting", "missing")


@click.command()
@click.option("--domain", "chosen", type=click.Choice(DOMAINS), multiple=True, help="Only this domain (repeatable).")
@click.option("--json", "as_json", is_flag=True, help="Print the account as JSON.")
@pass_session
@click.pass_context
def run(context: click.Context, session: Session, chosen: Sequence[Domain], as_json: bool) -> None:
    """Look at every source once, take what is new to its end, and show the account of it.

    The work is done by the same jobs that `logplatform up` runs, on the same Dagster instance: the web interface
    shows it. May be stopped at any moment and repeated: nothing is lost, nothing is counted twice.

    Exit codes: 0 all well; 1 some files failed; 2 a source cannot be reached, or the settings are wrong.
    """
    settings = session.ready_for(chosen or DOMAINS)
    accounts = run_all(settings, [domain for domain in DOMAINS if domain in (chosen or with_sources(settings))])
    if as_json:
        print_json({it.domain: _as_json(it) for it in accounts})
    else:
        for account in accounts:
            _print(account)
        if not accounts:
            click.echo("There is no source yet: `logplatform init` shows how to add one.")
    context.exit(exit_code(accounts))


def exit_code(accounts: Sequence["Account"]) -> int:
    """2 if a source could not be reached, else 1 if a file or a run failed or something is unaccounted for, else 0."""
    if any(it.unreachable for it in accounts):
        return EXIT_UNREACHABLE
    failed = any(it.problems or it.failed_files or not it.conserved for it in accounts)
    return EXIT_FAILED if failed else 0


def with_sources(settings: Settings) -> list[Domain]:
    """The domains that are switched on and have a source to look at."""
    return [domain for domain in DOMAINS if parts_of(domain).has_input(settings)]


def run_all(settings: Settings, domains: Sequence[Domain]) -> list["Account"]:
    """Run domains one after the other; progress goes to stderr."""
    if not domains:
        return []
    # Dagster takes seconds to import: only a run that has something to do pays for it.
    from logplatform.cli.accounts import run_domain  # noqa: PLC0415
    from logplatform.definitions import build_defs  # noqa: PLC0415
    from logplatform.orchestration.home import opened_instance  # noqa: PLC0415

    definitions = build_defs(settings)
    accounts: list[Account] = []
    with opened_instance(settings) as instance, console(stderr=True).status("starting") as line:
        for domain in domains:
            with open_tenancy(settings, domain) as tenancy:
                accounts.append(run_domain(definitions, instance, tenancy, line.update))
    return accounts


def _cell(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value)


def _listed(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count:,}" for name, count in counts.items()) or "none"


def _as_json(account: "Account") -> dict[str, object]:
    flow = [{**asdict(arrow), "missing": arrow.missing} for arrow in account.flow]
    return {**asdict(account), "flow": flow, "conserved": account.conserved}


def _print(account: "Account") -> None:
    left = "".join(f", left alone ({kind}) {count:,}" for kind, count in account.left.items())
    seen = f"{account.unit} seen {account.listed:,}, new {account.new:,}, known {account.known:,}{left}"
    click.echo(f"\n{account.domain}: {seen}")
    rows = [
        (it.name, it.unit, it.came, it.out, it.duplicates, it.dead_letters, it.waiting, it.missing)
        for it in account.flow
    ]
    print_table("", _COLUMNS, [(name, unit, *(f"{count:,}" for count in counts)) for name, unit, *counts in rows])
    if account.results:
        lines = [[_cell(value) for value in result.values()] for result in account.results]
        print_table("", tuple(account.results[0]), lines)
    letters = account.now.open_letters
    click.echo(f"  {letters:,} dead letters; rows: {_listed(account.now.rows)}")
    for source, reason in account.unreachable.items():
        click.echo(f"  unreachable: {source}: {reason}", err=True)
    for problem in account.problems:
        click.echo(f"  a run failed: {problem}", err=True)
    if not account.conserved:
        click.echo("  NOT everything is accounted for: see the column `missing`", err=True)
    if account.now.broken:
        click.echo(f"  something needs you: `logplatform status --domain {account.domain}`")
