"""The `logplatform` command: its root group and the table of its commands.

What belongs here: the table and what holds for every command. What does not: any command; each group of commands is
a module of this package, imported only when it is called, so that `logplatform --help` is fast.
"""

from pathlib import Path

import click

from logplatform.cli.lazy import LazyGroup
from logplatform.cli.session import Session

COMMANDS = {
    "init": ("logplatform.cli.init:init", "Write a commented settings file, new or from existing systems."),
    "demo": ("logplatform.cli.demo:demo", "Run every pipeline on generated data and show what came out."),
    "up": ("logplatform.cli.up:up", "Start the web interface, the daemon and the sensors."),
    "dagster": ("logplatform.cli.dagster_programs:dagster", "Dagster's programs one by one, for clusters."),
    "run": ("logplatform.cli.run:run", "Every domain once, from its sources to its results."),
    "config": ("logplatform.cli.config:config", "Check and show the settings."),
    "archives": ("logplatform.cli.archives:archives", "Compressed logs from many servers."),
    "machines": ("logplatform.cli.machines:machines", "Production sessions out of machine logs."),
    "uploads": ("logplatform.cli.uploads:uploads", "Log files over HTTP or from an inbox, made searchable."),
    "tickets": ("logplatform.cli.tickets:tickets", "A stream of support tickets as tables."),
    "api": ("logplatform.cli.api:api", "Serve the HTTP API: uploads, search, figures."),
    "dead-letters": ("logplatform.cli.dead_letters:dead_letters", "Records that were refused: look, and try again."),
    "status": ("logplatform.cli.status:status", "What is in, what failed, and what to do about it."),
    "alerts": ("logplatform.cli.alerts:alerts", "What is told to a webhook; a message to try it with."),
    "db": ("logplatform.cli.db:db", "The databases' schemas: where they stand, and up to date."),
    "prune": ("logplatform.cli.maintenance:prune", "Remove what retention no longer keeps."),
    "backup": ("logplatform.cli.backup:backup", "Save everything the platform owns, while it runs."),
    "restore": ("logplatform.cli.backup:restore", "Bring a backup back onto an empty place."),
    "reset": ("logplatform.cli.maintenance:reset", "Remove everything the platform has stored."),
}


@click.group(cls=LazyGroup, lazy=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--config",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Settings file; else LOGPLATFORM_CONFIG, else logplatform.yaml here, else defaults.",
)
@click.version_option(package_name="logplatform", prog_name="logplatform")
@click.pass_context
def main(context: click.Context, config: Path | None) -> None:
    """Logs of servers and machines as data you can trust: nothing lost, nothing counted twice.

    \b
    First steps:
      logplatform demo            see it work on generated data
      logplatform init            write logplatform.yaml, then point it at your data
      logplatform config check    every mistake with its place and the fix
      logplatform run             everything once, with the account of it
      logplatform up              the web interface, with sensors watching

    Exit codes: 0 all well; 1 some files failed, or the check found something; 2 wrong use, wrong settings, or a
    source that cannot be reached.
    """
    context.obj = Session(config)
