"""`logplatform init`: write the settings file, new, from folders, or from the configuration of existing systems.

What belongs here: what is written where, and the report of it. What does not: the file's text and what is taken over
(`logplatform.settings`).
"""

import os
import shutil
import tempfile
from dataclasses import asdict
from pathlib import Path

import click

from logplatform.cli.output import print_json, print_table
from logplatform.cli.session import Session, pass_session
from logplatform.failures import PermanentFailure
from logplatform.settings.discover import archive_sources, machine_sources
from logplatform.settings.environment import dotenv_file, dotenv_line
from logplatform.settings.importer import Imported, import_legacy
from logplatform.settings.legacy import FILE_NAMES, LegacyFiles, read_legacy
from logplatform.settings.load import DEFAULT_FILE
from logplatform.settings.template import render

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.command()
@click.option("--import", "legacy", type=_FOLDER, metavar="DIR", help="Fill it from sources.conf, pipeline.conf, .env.")
@click.option("--archives", "archives_in", type=_FOLDER, metavar="DIR", help="Each folder in DIR is a server's logs.")
@click.option("--machines", "machines_in", type=_FOLDER, metavar="DIR", help="Each folder in DIR is a centre's logs.")
@click.option("--force", is_flag=True, help="Replace an existing settings file; it is kept as FILE.bak.")
@click.option("--json", "as_json", is_flag=True, help="Print what was written and taken over as JSON.")
@pass_session
def init(
    session: Session,
    legacy: Path | None,
    archives_in: Path | None,
    machines_in: Path | None,
    force: bool,
    as_json: bool,
) -> None:
    """Write a commented settings file (logplatform.yaml, or what --config names).

    \b
    Examples:
      logplatform init
      logplatform init --archives /srv/logs --machines /srv/machines
      logplatform init --import /opt/old-pipeline

    With --import every value of the existing systems is set, or kept as a comment with the place it belongs to;
    passwords go to a `.env` file that only you can read, and are never shown. The existing files are only read.
    """
    target = session.config or Path(DEFAULT_FILE)
    if target.exists() and not force:
        raise PermanentFailure(f"{target} exists already: --force replaces it, and keeps it as {target.name}.bak")
    found = read_legacy(legacy) if legacy else LegacyFiles((), (), (), ())
    if legacy and not found.files and not found.mistakes:
        raise PermanentFailure(f"{legacy} holds none of {', '.join(FILE_NAMES)}")
    imported = import_legacy(found)
    if archives_in:
        imported.values["archives"] = _with_sources(imported, "archives", archive_sources(archives_in, target.parent))
    if machines_in:
        imported.values["machines"] = _with_sources(imported, "machines", machine_sources(machines_in, target.parent))
    secrets = _write_secrets(target.parent / ".env", imported.secrets)
    if target.exists():
        shutil.copy2(target, target.with_name(f"{target.name}.bak"))
    write_whole(target, render(imported), 0o644)
    if as_json:
        mistakes = [asdict(mistake) for mistake in found.mistakes]
        taken = [asdict(taken) for taken in imported.taken]
        print_json({"file": str(target), "secrets": secrets, "taken": taken, "mistakes": mistakes})
    else:
        _report(target, found, imported, secrets)


def _with_sources(imported: Imported, domain: str, sources: list[dict[str, object]]) -> dict[str, object]:
    known = imported.values.get(domain, {})
    section = known if isinstance(known, dict) else {}
    return {**section, "sources": [*section.get("sources", []), *sources]}


def _write_secrets(path: Path, secrets: dict[str, str]) -> list[str]:
    """Add those secrets that `path` does not hold; the file can then be read by its owner only. Returns their names.

    A name that the file holds already keeps its value there.
    """
    present, mistakes = dotenv_file(path)
    if mistakes and secrets:
        raise PermanentFailure(f"{mistakes[0]}: nothing was written")
    names = {variable.name for variable in present}
    new = {name: value for name, value in secrets.items() if name not in names}
    if new:
        before = path.read_text(encoding="utf-8", errors="surrogateescape") if path.exists() else ""
        text = before if not before or before.endswith("\n") else f"{before}\n"
        write_whole(path, text + "".join(f"{dotenv_line(name, value)}\n" for name, value in new.items()), 0o600)
    return list(new)


def write_whole(path: Path, text: str, mode: int) -> None:
    """Write a file so that it is seen whole or not at all, and never with wider rights than `mode`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    part = Path(name)
    try:
        with os.fdopen(handle, "w", encoding="utf-8", errors="surrogateescape", newline="\n") as file:
            file.write(text)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _report(target: Path, found: LegacyFiles, imported: Imported, secrets: list[str]) -> None:
    click.echo(f"Wrote {target}.")
    if secrets:
        click.echo(f"Wrote {len(secrets)} secrets to {target.parent / '.env'}, readable by you only.")
    if imported.taken:
        rows = [(t.place, t.name, t.shown, t.fate, t.target, t.note) for t in imported.taken]
        print_table("Taken over", ("from", "name", "value", "what", "place here", "note"), rows)
    for mistake in found.mistakes:
        click.echo(f"could not be read: {mistake}", err=True)
    click.echo("Next: look through it, then `logplatform config check`.")
