"""`logplatform archives`: run, collect, extract, recover and verify compressed logs.

What belongs here: options, progress, tables and exit codes. What does not: the work (`logplatform.archives`). Heavy
modules are imported by the commands that need them, so that `verify` and `--help` are fast.
"""

from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click

from logplatform.cli.archives_output import EXIT_FAILED, print_outcome, print_verdict
from logplatform.cli.output import console, print_json
from logplatform.cli.session import Session, pass_session
from logplatform.failures import PermanentFailure

if TYPE_CHECKING:
    from logplatform.settings.model import Settings

_as_json = click.option("--json", "as_json", is_flag=True, help="Print the outcome as JSON.")
_sequential = click.option("--sequential", is_flag=True, help="One server and one file at a time.")
_config_dir = click.option(
    "--config-dir",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Folder that holds logplatform.yaml.",
)


@click.group()
def archives() -> None:
    """Compressed logs of many servers: collected, verified, extracted and parsed into events.

    \b
      logplatform archives verify app.log.gz     is this archive whole? (reads only)
      logplatform archives run                   everything that is new, on all servers
      logplatform archives recover               try again what failed
    """


@archives.command()
@_config_dir
@_sequential
@click.option("--no-incoming", is_flag=True, help="Leave files that were dropped into incoming/<server>/.")
@_as_json
@pass_session
@click.pass_context
def run(
    context: click.Context,
    session: Session,
    config_dir: Path | None,
    sequential: bool,
    no_incoming: bool,
    as_json: bool,
) -> None:
    """Collect, extract and parse what is new on all servers, once.

    The same job runs here that the web interface shows, on the same Dagster instance.

    Exit codes: 0 all well; 1 some files failed; 2 a server unreachable or bad configuration.
    """
    settings = _settings(session, config_dir, sequential=sequential)
    from logplatform.cli.archives_work import drained  # noqa: PLC0415

    outcome = drained(settings, incoming=not no_incoming and settings.archives.incoming)
    print_outcome(outcome, as_json=as_json)
    context.exit(outcome.exit_code)


@archives.command()
@click.argument("server")
@click.argument("remote_path")
@_config_dir
@_as_json
@pass_session
@click.pass_context
def collect(
    context: click.Context, session: Session, server: str, remote_path: str, config_dir: Path | None, as_json: bool
) -> None:
    """Fetch one file of one server; the next run extracts it.

    Exit codes: 0 it is here (or was already); 1 it could not be fetched; 2 the server is unknown or unreachable.
    """
    settings = _settings(session, config_dir)
    from logplatform.cli.archives_work import collected  # noqa: PLC0415

    outcome = collected(settings, server, remote_path)
    print_outcome(outcome, as_json=as_json)
    context.exit(outcome.exit_code)


@archives.command()
@click.argument("file")
@click.argument("server", required=False)
@_config_dir
@_as_json
@pass_session
@click.pass_context
def extract(
    context: click.Context, session: Session, file: str, server: str | None, config_dir: Path | None, as_json: bool
) -> None:
    """Verify, extract and parse one collected file, or any archive on this machine.

    FILE is the path or name of a collected file, a link to it, or an archive that lies anywhere here; for the latter
    SERVER says whose it is, and a copy is taken as if it had been dropped into incoming/SERVER/.

    Exit codes: 0 all well; 1 the file failed; 2 no such file.
    """
    settings = _settings(session, config_dir)
    from logplatform.cli.archives_work import extracted  # noqa: PLC0415

    outcome = extracted(settings, file, server)
    print_outcome(outcome, as_json=as_json)
    context.exit(outcome.exit_code)


@archives.command()
@click.option("--error-type", type=click.Choice(["copy", "extract", "quarantine"]), help="Only errors of this kind.")
@click.option("--server", help="Only this server.")
@click.option("--file", "file", help="Only this file: a path, a name, or a pattern such as '*.gz'.")
@_config_dir
@_sequential
@_as_json
@pass_session
@click.pass_context
def recover(
    context: click.Context,
    session: Session,
    error_type: str | None,
    server: str | None,
    file: str | None,
    config_dir: Path | None,
    sequential: bool,
    as_json: bool,
) -> None:
    """Try failed files again, from the step that failed. Never deletes what fails again.

    Exit codes: 0 all made good; 1 some failed again; 2 bad configuration.
    """
    settings = _settings(session, config_dir, sequential=sequential)
    from logplatform.archives.by_hand import RECOVER_TYPES, Choice  # noqa: PLC0415
    from logplatform.cli.archives_work import recovered  # noqa: PLC0415

    kind = next((name for name in RECOVER_TYPES if name == error_type), None)
    outcome = recovered(settings, Choice(kind, server, file))
    print_outcome(outcome, as_json=as_json)
    context.exit(outcome.exit_code)


@archives.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@_as_json
@pass_session
@click.pass_context
def verify(context: click.Context, session: Session, file: Path, as_json: bool) -> None:
    """Tell whether an archive is whole, reading only: format, sizes, SHA-256 of the file and of its content.

    Exit codes: 0 whole; 1 corrupt or past the limits; 2 it cannot be read.
    """
    from logplatform.archives.extract import Limits, extract, nowhere, verdict  # noqa: PLC0415

    settings = session.settings.archives.limits
    limits = Limits(settings.max_extracted_bytes, settings.max_ratio, settings.ratio_from_bytes)
    try:
        with ExitStack() as stack:
            reader = stack.enter_context(file.open("rb", buffering=0))
            if not as_json and console(stderr=True).is_terminal:
                from rich.progress import wrap_file  # noqa: PLC0415

                size = file.stat().st_size
                reader = stack.enter_context(wrap_file(reader, size, description=file.name, transient=True))
            found = extract(reader, file.name, nowhere, limits)
    except OSError as error:
        raise PermanentFailure(f"{file}: {error.strerror}") from error
    if as_json:
        print_json(verdict(found))
    else:
        print_verdict(file, found)
    context.exit(0 if found.ok else EXIT_FAILED)


def _settings(session: Session, config_dir: Path | None, *, sequential: bool = False) -> "Settings":
    """The settings; those of `config_dir` if one is named, with one file at a time if that is asked for."""
    if config_dir is not None:
        file = config_dir / "logplatform.yaml"
        if not file.exists():
            raise PermanentFailure(f"{file} does not exist; `logplatform init --import {config_dir}` can make one")
        session = Session(file)
    settings = session.ready_for(["archives"])
    if not sequential:
        return settings
    one = settings.archives.model_copy(update={"parallel_servers": 1, "parallel_files": 1})
    return settings.model_copy(update={"archives": one})
