"""`logplatform config`: check the settings, and show what they are and where each value came from.

What belongs here: these two commands. What does not: reading and checking (`logplatform.settings`).
"""

from collections.abc import Sequence
from dataclasses import asdict

import click
from pydantic import SecretStr

from logplatform.cli.output import print_json, print_table
from logplatform.cli.session import Session, pass_session
from logplatform.landing.redaction import MASK
from logplatform.settings.check import check
from logplatform.settings.load import DEFAULT_ORIGIN, Loaded, values
from logplatform.settings.mistakes import Mistake, SettingsError, key_text


@click.group()
def config() -> None:
    """Check the settings, and show what they are and where each value came from.

    Settings come from one YAML file, then a `.env` beside it, then the environment; the last one wins. A variable is
    named after the key: LOGPLATFORM_MACHINES__GAP_MINUTES=5 sets machines.gap_minutes.
    """


@config.command("check")
@click.option("--connect", is_flag=True, help="Also ask every store and every source on a server.")
@click.option("--json", "as_json", is_flag=True, help="Print the mistakes as JSON.")
@pass_session
@click.pass_context
def check_command(context: click.Context, session: Session, connect: bool, as_json: bool) -> None:
    """List every mistake in the settings with its place and the fix.

    With --connect every store and source on a server is asked (stores are, too, before anything starts): a wrong
    address, wrong credentials, a version that cannot be used and missing rights are told.

    Exit code 0: the settings can be used (warnings may be told); 1: there are mistakes.
    """
    try:
        found: Sequence[Mistake] = check(session.loaded)
        if connect:
            found = [*found, *_unusable(session.loaded)]
    except SettingsError as error:
        found = error.mistakes
    errors = [mistake for mistake in found if mistake.level == "error"]
    if as_json:
        print_json({"ok": not errors, "mistakes": [asdict(mistake) for mistake in found]})
    else:
        for mistake in found:
            click.echo(f"{mistake.level}: {mistake}")
        noun = "mistake" if len(errors) == 1 else "mistakes"
        click.echo(f"{len(errors)} {noun}." if errors else "The settings are fine.")
    context.exit(1 if errors else 0)


def _unusable(loaded: Loaded) -> list[Mistake]:
    """The stores and sources that cannot be used, each at the place of its address."""
    from logplatform.startup import faults, source_faults  # noqa: PLC0415

    written = [
        (fault, next((place for key, place in loaded.origins.items() if key in _addresses(fault.key)), DEFAULT_ORIGIN))
        for fault in (*faults(loaded.settings), *source_faults(loaded.settings))
    ]
    return [Mistake(place, fault.key, str(fault.failure).removeprefix(f"{fault.key}: ")) for fault, place in written]


def _addresses(section: str) -> set[str]:
    return {f"{section}.{name}" for name in ("url", "bootstrap_servers", "master", "host")}


@config.command("show")
@click.option("--json", "as_json", is_flag=True, help="Print a list of {key, value, origin} as JSON.")
@click.option("--set", "only_set", is_flag=True, help="Only what is not a default.")
@pass_session
def show_command(session: Session, as_json: bool, only_set: bool) -> None:
    """Show every effective value and where it came from; secrets are shown as ********."""
    loaded = session.loaded
    rows = [
        {"key": key_text(path), "value": _shown(value), "origin": loaded.origins[key_text(path)]}
        for path, value in values(loaded.settings)
    ]
    if only_set:
        rows = [row for row in rows if row["origin"] != "default"]
    if as_json:
        print_json(rows)
    else:
        title = f"Settings from {loaded.file or 'defaults and the environment (no file)'}"
        print_table(title, ("key", "value", "origin"), [tuple(row.values()) for row in rows])


def _shown(value: object) -> object:
    if isinstance(value, SecretStr):
        return MASK
    if isinstance(value, tuple):
        return [_shown(item) for item in value]
    return value if value is None or isinstance(value, bool | int | float) else str(value)
