"""`logplatform backup`, `backup list`, `backup verify`, `backup prune` and `logplatform restore`.

What belongs here: where to, what is told, exit codes. What does not: what is saved and how (`logplatform.backup`).
"""

import os
import shutil
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from logplatform.cli.output import console, print_json, print_table
from logplatform.cli.session import Session, pass_session
from logplatform.failures import PermanentFailure

if TYPE_CHECKING:
    from logplatform.backup.layout import Manifest
    from logplatform.settings.model import Settings

_MIB = 1 << 20
_SETTINGS_FILE = "logplatform.yaml"
_target = click.argument("target", type=click.Path(path_type=Path, file_okay=False))
_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


class _Group(click.Group):
    """`backup TARGET` makes one; `backup list TARGET` and its neighbours deal with what is there."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if args and args[0] not in self.commands and args[0] not in {"-h", "--help"}:
            args = ["make", *args]
        return super().parse_args(ctx, args)


@click.group(cls=_Group, subcommand_metavar="TARGET | list TARGET | verify TARGET | prune TARGET")
def backup() -> None:
    """Save everything the platform owns in the folder TARGET, while it runs.

    \b
      logplatform backup /mnt/backups                 make a backup
      logplatform backup list /mnt/backups            the backups there
      logplatform backup verify /mnt/backups          read the newest one, every byte of it
      logplatform backup prune /mnt/backups --keep 14 drop all but the 14 newest

    Each backup is whole by itself; files that never change are kept once for all of them, so the second one costs
    what is new. `logplatform restore TARGET` brings one back.
    """


@backup.command()
@_target
@click.option("--with-secrets", is_flag=True, help="Save the .env file beside the settings too; it holds secrets.")
@_json
@pass_session
@click.pass_context
def make(context: click.Context, session: Session, target: Path, with_secrets: bool, as_json: bool) -> None:
    """Make a backup in TARGET (`logplatform backup TARGET` says the same).

    Exit code 0: all is saved; 1: saved, but for files that the ledgers speak of and nobody has any more.
    """
    from logplatform.backup.layout import Target  # noqa: PLC0415
    from logplatform.backup.take import Sources, take  # noqa: PLC0415

    settings = session.ready
    _require_apart(target, settings.data_root)
    sources = Sources(settings, _dagster_home(settings), _settings_files(session, with_secrets))
    with closing(_Told()) as told:
        manifest = take(sources, Target(target.absolute()), told)
    if as_json:
        print_json(_plain(manifest))
    else:
        click.echo(f"Saved as {manifest.id}: {manifest.files:,} shared files, {manifest.bytes / _MIB:,.1f} MiB.")
        for key in manifest.missing:
            click.echo(f"Missing: {key}: a ledger speaks of it, and it is not there.")
    context.exit(1 if manifest.missing else 0)


@backup.command("list")
@_target
@_json
def list_(target: Path, as_json: bool) -> None:
    """Show the backups in TARGET, oldest first."""
    from logplatform.backup.layout import Target, read_manifest  # noqa: PLC0415

    found = [read_manifest(path) for path in Target(target.absolute()).backups()]
    if as_json:
        print_json([_plain(manifest) for manifest in found])
        return
    rows = [(it.id, it.version, f"{it.files:,}", f"{it.bytes / _MIB:,.1f}", len(it.missing)) for it in found]
    print_table("", ("backup", "logplatform", "shared files", "MiB", "missing"), rows)


@backup.command()
@_target
@click.option("--backup", "name", metavar="ID", help="Another than the newest.")
@_json
@click.pass_context
def verify(context: click.Context, target: Path, name: str | None, as_json: bool) -> None:
    """Read a whole backup and compare it with what was written.

    Exit code 0: it is whole; 1: it is damaged.
    """
    from logplatform.backup.layout import Target  # noqa: PLC0415
    from logplatform.backup.verify import verify as check  # noqa: PLC0415

    place = Target(target.absolute())
    which = place.backup(name)
    with closing(_Told()) as told:
        faults = list(check(place, which, told))
    if as_json:
        print_json({"backup": which.name, "whole": not faults, "faults": [asdict(fault) for fault in faults]})
    else:
        for fault in faults:
            click.echo(f"{fault.path} {fault.what}")
        click.echo(f"{which.name} is {'damaged' if faults else 'whole'}.")
    context.exit(1 if faults else 0)


@backup.command()
@_target
@click.option("--keep", type=click.IntRange(1), required=True, help="How many of the newest stay.")
@_json
def prune(target: Path, keep: int, as_json: bool) -> None:
    """Drop old backups, and the files that only they needed.

    Exit code 0: done; 2: not done, or not to its end, and why. It may be called again at any time.
    """
    from logplatform.backup.drop import drop_old  # noqa: PLC0415
    from logplatform.backup.layout import Target  # noqa: PLC0415

    with closing(_Told()) as told:
        dropped = drop_old(Target(target.absolute()), keep, told)
    if as_json:
        print_json(asdict(dropped))
    else:
        for name in dropped.backups:
            click.echo(f"Dropped {name}.")
        click.echo(f"{dropped.files:,} shared files dropped, {dropped.bytes / _MIB:,.1f} MiB.")


@click.command()
@click.argument("source", type=click.Path(path_type=Path, file_okay=False, exists=True))
@click.option("--backup", "name", metavar="ID", help="Another than the newest.")
@_json
@pass_session
def restore(session: Session, source: Path, name: str | None, as_json: bool) -> None:
    """Bring a backup in SOURCE back onto an empty place.

    The settings say where: those of --config or of the folder here. Where there are none, the settings of the backup
    are put here as logplatform.yaml first. The backup is checked before anything is done, and a place that holds
    something is refused. A restore that was interrupted is done again by the same command.

    Secrets that are no part of the backup (.env, variables) must be set as before. What servers outside of the platform
    keep (Kafka's topics, files at sources) is not in a backup.
    """
    from logplatform.backup.layout import Target  # noqa: PLC0415
    from logplatform.backup.restore import Place  # noqa: PLC0415
    from logplatform.backup.restore import restore as bring_back  # noqa: PLC0415
    from logplatform.orchestration.services import alone  # noqa: PLC0415
    from logplatform.startup import ensure_stores  # noqa: PLC0415

    target = Target(source.absolute())
    chosen = target.backup(name)
    _put_settings(session, chosen)
    settings = session.settings
    ensure_stores(settings)
    with closing(_Told()) as told, alone(settings.data_root):
        manifest = bring_back(Place(settings, _dagster_home(settings)), target, chosen, told)
    if as_json:
        print_json(_plain(manifest))
    else:
        click.echo(f"Restored {manifest.id} to {settings.data_root}. `logplatform status` tells what is in.")


class _Told:
    """Shows on a terminal what is being done; says nothing into a pipe."""

    def __init__(self) -> None:
        screen = console(stderr=True)
        self._status = screen.status("") if screen.is_terminal else None
        if self._status is not None:
            self._status.start()

    def __call__(self, what: str, done: int) -> None:
        if self._status is not None:
            self._status.update(f"{what} {done:,}" if done else what)

    def close(self) -> None:
        """Leave the terminal as it was."""
        if self._status is not None:
            self._status.stop()


def _require_apart(target: Path, root: Path) -> None:
    here, data = target.resolve(), root.resolve()
    if here.is_relative_to(data) or data.is_relative_to(here):
        raise PermanentFailure(f"{target} and the data root {root} lie in one another; name a folder apart from it")


def _dagster_home(settings: "Settings") -> Path:
    return Path(os.environ.get("DAGSTER_HOME") or settings.dagster_home)


def _settings_files(session: Session, with_secrets: bool) -> tuple[Path, ...]:
    file = session.loaded.file
    if file is None:
        return ()
    secrets = file.with_name(".env")
    return (file, secrets) if with_secrets and secrets.is_file() else (file,)


def _put_settings(session: Session, chosen: Path) -> None:
    """Where nobody has settings here, put those of the backup."""
    from logplatform.settings.environment import CONFIG_VARIABLE  # noqa: PLC0415

    saved = sorted(path for path in (chosen / "settings").glob("*") if path.name != ".env")
    here = Path(_SETTINGS_FILE)
    if session.config is not None or os.environ.get(CONFIG_VARIABLE) or here.exists() or not saved:
        return
    shutil.copyfile(saved[0], here)
    click.echo(f"{here} is that of the backup.", err=True)
    if (secrets := chosen / "settings" / ".env").is_file() and not Path(".env").exists():
        shutil.copy(secrets, ".env")
        Path(".env").chmod(0o600)


def _plain(manifest: "Manifest") -> dict[str, object]:
    return {name: getattr(manifest, name) for name in manifest.__struct_fields__ if name != "lists"}
