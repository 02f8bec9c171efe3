"""`logplatform machines`: run, session and report for production sessions out of machine logs.

What belongs here: options, tables and exit codes. What does not: the work (`logplatform.machines`). Heavy modules are
imported by the commands that need them, so that `session` and `--help` are fast.
"""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from logplatform.cli.output import print_table
from logplatform.cli.session import Session, pass_session
from logplatform.failures import PermanentFailure

if TYPE_CHECKING:
    from logplatform.machines.dry_run import Row, SessionReport

_SHOWN = 20

_as_json = click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")


@click.group()
def machines() -> None:
    """Production sessions out of the logs of machining centres.

    \b
      logplatform machines session 20250512.LOG       what does this file make? (reads only)
      logplatform machines run                        everything that is new, at every source
      logplatform machines report DEM12 2025-05-12    the day's page of a centre
    """


@machines.command()
@click.option("--retry", is_flag=True, help="First give every file that failed new attempts.")
@_as_json
@pass_session
@click.pass_context
def run(context: click.Context, session: Session, retry: bool, as_json: bool) -> None:
    """Read what is new at every source, once: sessions, anomalies, reports.

    The same job runs here that the web interface shows, on the same Dagster instance.

    Exit codes: 0 all well; 1 some files failed; 2 a source cannot be reached, or the settings are wrong.
    """
    from logplatform.cli.run import run as run_domains  # noqa: PLC0415

    if retry:
        from logplatform.machines.by_hand import reopen_failed  # noqa: PLC0415
        from logplatform.tenancy import open_tenancy  # noqa: PLC0415

        with open_tenancy(session.settings, "machines") as tenancy:
            click.echo(f"{reopen_failed(tenancy):,} failed files get new attempts", err=True)
    context.invoke(run_domains, chosen=("machines",), as_json=as_json)


@machines.command()
@click.argument("file", type=click.Path(path_type=Path))
@_as_json
@pass_session
def session(session: Session, file: Path, as_json: bool) -> None:
    """Tell what a log makes, as it stands, reading only: its session, jobs, waits, stops, anomalies, refused lines.

    FILE is named by its production day, YYYYMMDD.LOG.

    Exit codes: 0 it was read (refused lines are told); 2 the name says no day, or the file cannot be read.
    """
    from logplatform.machines.dry_run import session_report  # noqa: PLC0415
    from logplatform.machines.reading import ReadingLimits  # noqa: PLC0415
    from logplatform.machines.rules import rules_of  # noqa: PLC0415

    settings = session.settings
    limits = ReadingLimits(settings.landing.max_line_bytes)
    report = session_report(file, limits=limits, rules=rules_of(settings.machines))
    if as_json:
        import msgspec  # noqa: PLC0415

        click.echo(msgspec.json.format(msgspec.json.encode(report), indent=2))
    else:
        _print(file, report)


@machines.command()
@click.argument("centre", required=False)
@click.argument("day", required=False, type=click.DateTime(["%Y-%m-%d"]))
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), help="Where to write the page.")
@click.option("--workbook", type=click.Path(path_type=Path, dir_okay=False), help="Write the workbook of all sessions.")
@pass_session
def report(
    session: Session, centre: str | None, day: datetime | None, output: Path | None, workbook: Path | None
) -> None:
    """Write a centre's page of a day (HTML, with its timeline), or the workbook of all sessions (Excel).

    Without --output the page goes to CENTRE-DAY.html here. Every run publishes both under the data root too, in
    reports/TENANT/machines.
    """
    from logplatform.machines.by_hand import page_of, workbook_of  # noqa: PLC0415
    from logplatform.tenancy import open_tenancy  # noqa: PLC0415

    if workbook is None and (centre is None or day is None):
        raise PermanentFailure("which page? Name CENTRE and DAY (such as DEM12 2025-05-12), or give --workbook FILE")
    with open_tenancy(session.settings, "machines") as tenancy:
        if workbook is not None:
            click.echo(f"{workbook_of(tenancy, workbook):,} sessions written to {workbook}")
        if centre is not None and day is not None:
            target = output or Path(f"{centre}-{day:%Y-%m-%d}.html")
            _write(target, page_of(tenancy, centre, day.date()))
            click.echo(f"written to {target}")


def _write(target: Path, page: str) -> None:
    try:
        target.write_text(page, encoding="utf-8")
    except OSError as error:
        raise PermanentFailure(f"{target}: {error.strerror}") from error


def _print(file: Path, report: "SessionReport") -> None:
    click.echo(f"{file}: {report['events']:,} events, {len(report['dead_letters']):,} refused lines")
    told = [(name, value) for name, value in report["session"].items() if value is not None]
    print_table("session", ("column", "value"), told)
    _print_rows("jobs", report["jobs"])
    _print_rows("waits", report["waits"])
    _print_rows("stops", report["stops"])
    _print_rows("anomalies", report["anomalies"])
    _print_rows("refused lines", report["dead_letters"])


def _print_rows(title: str, rows: "Sequence[Row]") -> None:
    if not rows:
        click.echo(f"{title}: none")
        return
    more = f", the first {_SHOWN}" if len(rows) > _SHOWN else ""
    print_table(f"{title} ({len(rows):,}{more})", tuple(rows[0]), [tuple(row.values()) for row in rows[:_SHOWN]])
