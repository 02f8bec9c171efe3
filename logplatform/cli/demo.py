"""`logplatform demo`: every pipeline on generated data, from input to summary.

What belongs here: options, progress and the order of things. What does not: making the input, its settings and the
summary (`logplatform.demo`), and running a domain (`accounts`).
"""

import shutil
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from threading import Event, Thread
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from logplatform.cli.output import console
from logplatform.cli.session import Session, pass_session
from logplatform.demo.generate import generate
from logplatform.demo.outcome import Outcome, sayings
from logplatform.demo.plan import DOMAINS, SIZES, Domain, Plan, Record, SizeName, clear, read_record
from logplatform.demo.settings import INPUT, SETTINGS, write_settings
from logplatform.demo.summary import show, show_next
from logplatform.domains import parts_of
from logplatform.failures import PermanentFailure
from logplatform.logs import configure
from logplatform.settings.load import load
from logplatform.settings.model import Settings
from logplatform.tenancy import Tenancy, open_tenancy

if TYPE_CHECKING:
    from logplatform.cli.accounts import Account

FOLDER = "demo"
EXIT_FAILED = 1
SETTLED = timedelta(hours=25)
"""The last day of input by default ended at least an hour ago: its files count as settled."""
UPLOADED = ("completed", "failed", "duplicate")
DONE = frozenset({"processed", "seen", "superseded", "error", "taken in", "refused", "duplicates", *UPLOADED})
DEFAULT_SIZE: SizeName = "small"
DEFAULT_SEED = 1


@click.command()
@click.option("--size", type=click.Choice(list(SIZES)), help="How much: 4 MB of logs (small), 90 MB or 1 GB.")
@click.option("--seed", type=int, help="Equal seeds make equal input (1 where left out).")
@click.option("--end-date", type=click.DateTime(["%Y-%m-%d"]), help="The last day of input (yesterday).")
@click.option("--folder", type=click.Path(path_type=Path, file_okay=False), help="Where (demo under the data root).")
@click.option("--fresh", is_flag=True, help="Remove the demonstration that is there and begin again.")
@pass_session
@click.pass_context
def demo(
    context: click.Context,
    session: Session,
    size: SizeName | None,
    seed: int | None,
    end_date: datetime | None,
    folder: Path | None,
    fresh: bool,
) -> None:
    """Run every pipeline on generated data and show what came out.

    Makes the logs of six servers and three machining centres, files of a web shop and a topic of support tickets,
    with the faults that real data has, runs the jobs of their domains and tells what came in, what came out, what was
    refused and why, and where to look next.

    The demonstration lives in a folder of its own, with its own settings and stores: nothing of yours is touched.
    Repeated, it takes the input that is there, and no count changes.

    Exit codes: 0 all well (the planted faults were refused as they should be); 1 a run failed, or something is not
    accounted for; 2 another demonstration is in the way.
    """
    home = (folder or session.settings.data_root / FOLDER).absolute()
    screen = console(stderr=True)
    if fresh:
        _remove(home)
    plan = _plan(home, size, seed, end_date.date() if end_date else None)
    with _progress(screen) as progress:
        record = _input(progress, home, plan)
        settings = load(home / SETTINGS, {}).settings
        # What the planted faults make the platform say belongs into the demonstration's own log.
        configure(settings, quiet=True)
        accounts = _run(progress, settings, record)
    outcomes = [_outcome(domain, it) for domain, it in zip(DOMAINS, accounts, strict=True)]
    show(console(), record, outcomes, sayings(settings, record))
    show_next(console(), _command(home), _near(settings.data_root), _newest_reports(_near(settings.data_root)))
    for account in accounts:
        for problem in account.problems:
            click.echo(f"{account.domain}: a run failed: {problem}", err=True)
    context.exit(0 if all(it.conserved and not it.problems for it in accounts) else EXIT_FAILED)


def _remove(home: Path) -> None:
    if home.exists() and any(home.iterdir()) and not (home / INPUT).is_dir():
        raise PermanentFailure(f"{home} is no demonstration: it is left alone")
    clear(home)


def _plan(home: Path, size: SizeName | None, seed: int | None, end: date | None) -> Plan:
    """The plan of the demonstration that is there, or a new one; asking for another than that is a mistake."""
    made = read_record(home / INPUT)
    if made is None:
        yesterday = (datetime.now(UTC) - SETTLED).date()
        return Plan(size or DEFAULT_SIZE, DEFAULT_SEED if seed is None else seed, end or yesterday)
    there = made.plan
    if Plan(size or there.size, there.seed if seed is None else seed, end or there.end) != there:
        raise PermanentFailure(
            f"{home} holds a {there.size} demonstration of seed {there.seed} with days up to {there.end}; "
            "--fresh removes it, --folder makes another one beside it"
        )
    return there


def _input(progress: Progress, home: Path, plan: Plan) -> Record:
    task = progress.add_task("making the input")
    record = generate(home / INPUT, plan, lambda done, of: progress.update(task, completed=done, total=of))
    files = sum(record.files.values())
    progress.update(task, completed=files, total=files)
    write_settings(home, plan)
    return record


def _run(progress: Progress, settings: Settings, record: Record) -> list["Account"]:
    """Run every domain's job until nothing is new."""
    # Dagster takes seconds to import: the input is made meanwhile, and --help needs none of it.
    task = progress.add_task("starting Dagster", total=None)
    from logplatform.cli.accounts import run_domain  # noqa: PLC0415
    from logplatform.definitions import build_defs  # noqa: PLC0415
    from logplatform.orchestration.home import opened_instance  # noqa: PLC0415

    definitions = build_defs(settings)
    accounts: list[Account] = []
    with opened_instance(settings) as instance:
        progress.remove_task(task)
        for domain in DOMAINS:
            amount = record.lines[domain] if domain == "tickets" else record.files[domain]
            task = progress.add_task(f"running {domain}", total=amount)
            with open_tenancy(settings, domain) as tenancy, _followed(progress, task, tenancy):
                account = run_domain(definitions, instance, tenancy, lambda _: None)
            progress.update(task, total=account.new + account.known)
            accounts.append(account)
    return accounts


@contextmanager
def _followed(progress: Progress, task: TaskID, tenancy: Tenancy) -> Generator[None]:
    """Show how many files are done while the job runs in this thread; read from the ledger every second."""
    ended = Event()

    def look() -> None:
        counts = parts_of(tenancy.domain).standing(tenancy).files
        progress.update(task, completed=sum(count for status, count in counts.items() if status in DONE))

    def follow() -> None:
        while not ended.wait(1):
            look()

    thread = Thread(target=follow, name="progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
    look()


def _progress(screen: Console) -> Progress:
    columns = (TextColumn("{task.description:<18}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=screen)


def _outcome(domain: Domain, account: "Account") -> Outcome:
    return Outcome(domain, account.new, account.known, account.left, account.flow, account.results, account.now)


def _command(home: Path) -> str:
    """The command that sees the demonstration, as it can be typed here (`make` puts no program on PATH)."""
    program = "logplatform" if shutil.which("logplatform") else str(_near(Path(sys.argv[0])))
    return f"{program} --config {_near(home / SETTINGS)}"


def _near(path: Path) -> Path:
    """A path as it is shorter: from here on where it lies below."""
    whole, here = path.absolute(), Path.cwd()
    return whole.relative_to(here) if whole.is_relative_to(here) else whole


def _newest_reports(data: Path) -> Sequence[Path]:
    """The newest report page of every machining centre."""
    newest = {page.parent: page for page in sorted(data.glob("reports/*/machines/*/*.html"))}
    return list(newest.values())
