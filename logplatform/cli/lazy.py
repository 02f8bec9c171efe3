"""A command group that imports a command only when it is called, and tells failures in one line.

What belongs here: click machinery. What does not: the commands and their table.
"""

import errno
import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click

from logplatform.failures import LogplatformError

EXIT_UNUSABLE = 2
_USERS_MISTAKES = {
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.ENOSPC,
    errno.EDQUOT,
    errno.ENOTDIR,
    errno.EISDIR,
    errno.ENOENT,
}


def _database_errors() -> tuple[type[Exception], ...]:
    """What SQLAlchemy raises for a database that is locked, full, unreadable or none at all; empty if not imported.

    Python asks for them only once something was raised, so that a fast command need not import SQLAlchemy.
    """
    loaded = sys.modules.get("sqlalchemy.exc")
    found = getattr(loaded, "DatabaseError", None)
    return (found,) if isinstance(found, type) and issubclass(found, Exception) else ()


class Refused(click.ClickException):
    """A failure that its message tells in full; exit code 2."""

    exit_code = EXIT_UNUSABLE


class LazyGroup(click.Group):
    """A group over `lazy`: command name -> ("module:attribute", one line of help), shown in that order."""

    def __init__(self, *args: Any, lazy: Mapping[str, tuple[str, str]] | None = None, **kwargs: Any) -> None:  # noqa: ANN401 (click's own signature)
        super().__init__(*args, **kwargs)
        self.lazy = lazy or {}

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names in the table's order."""
        return [*self.lazy, *super().list_commands(ctx)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, imported now if it comes from the table."""
        if cmd_name not in self.lazy:
            return super().get_command(ctx, cmd_name)
        module, _, attribute = self.lazy[cmd_name][0].partition(":")
        command = getattr(import_module(module), attribute)
        if not isinstance(command, click.Command):
            message = f"{self.lazy[cmd_name][0]} is no click command"
            raise TypeError(message)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands from the table, without importing any."""
        rows = [(name, self.lazy[name][1]) for name in self.list_commands(ctx) if name in self.lazy]
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, but a mistyped name is compared with the table's names too."""
        try:
            return super().resolve_command(ctx, args)
        except click.exceptions.NoSuchCommand as error:
            raise click.exceptions.NoSuchCommand(args[0], possibilities=list(self.lazy), ctx=ctx) from error

    def invoke(self, ctx: click.Context) -> object:
        """Run the command; a failure whose message tells all becomes one line on stderr and exit code 2."""
        try:
            return super().invoke(ctx)
        except LogplatformError as error:
            raise Refused(str(error)) from error
        except OSError as error:
            if error.errno in _USERS_MISTAKES and error.filename is not None:
                raise Refused(f"{error.filename}: {error.strerror}") from error
            raise
        except _database_errors() as error:
            # Its other kinds (a broken constraint, a statement that is wrong) are faults of the program.
            if type(error).__name__ not in ("DatabaseError", "OperationalError"):
                raise
            reason = str(error.__cause__ or error).splitlines()[0]
            raise Refused(f"a database under the data root cannot be used: {reason}") from error
