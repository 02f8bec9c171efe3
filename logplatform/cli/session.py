"""What one call of the command line knows: which settings file, and the settings once a command asks for them.

What belongs here: the object every command is passed (`pass_session`). What does not: printing (`output`).
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Collection

    from logplatform.settings.load import Loaded
    from logplatform.settings.model import Domain, Settings


@dataclass(slots=True)
class Session:
    """One call. `config` is the file named by --config, if any."""

    config: Path | None = None
    _loaded: "Loaded | None" = field(default=None, repr=False)

    @property
    def loaded(self) -> "Loaded":
        """The settings with their origins, read once; the platform's own log is set up by them.

        Raises SettingsError with every mistake. Imports wait until here: `--help` needs none of them.
        """
        if self._loaded is None:
            from logplatform.logs import configure  # noqa: PLC0415
            from logplatform.settings.load import load  # noqa: PLC0415

            self._loaded = load(self.config)
            configure(self._loaded.settings, self._loaded.variables)
        return self._loaded

    @property
    def settings(self) -> "Settings":
        """The settings, read once. Raises SettingsError with every mistake."""
        return self.loaded.settings

    @property
    def ready(self) -> "Settings":
        """The settings, once every store on a server has answered that it can be used.

        Raises SettingsError as `settings`, PermanentFailure or Unreachable with every store that cannot.
        """
        from logplatform.settings.model import DOMAINS  # noqa: PLC0415

        return self.ready_for(DOMAINS)

    def ready_for(self, domains: "Collection[Domain]") -> "Settings":
        """As `ready`, for a command that works for these domains alone: what only others need may be down."""
        from logplatform.startup import ensure_ready  # noqa: PLC0415

        ensure_ready(self.settings, domains)
        return self.settings


pass_session = click.make_pass_decorator(Session, ensure=True)
"""Decorator: the command is given the call's Session first."""
