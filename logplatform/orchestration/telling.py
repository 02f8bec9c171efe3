"""Telling Dagster of work that a command did without it, so that the web interface shows it soon.

What belongs here: when it is worth it. What does not: what is told (`reconcile`). Without this the sensor `upkeep`
tells it, as soon as a daemon runs. This module imports Dagster only when there is something to tell.
"""

import time
from dataclasses import dataclass

from logplatform.tenancy import Tenancy

BUDGET_SECONDS = 30.0
EVERY_SECONDS = 30.0


def tell_dagster(tenancy: Tenancy, seconds: float = BUDGET_SECONDS) -> int:
    """Tell of the days that were committed without Dagster, for about `seconds` at most; return how many.

    Where Dagster was never used with this data root there is nobody to tell, and nothing is made.
    """
    settings = tenancy.settings
    if not settings.dagster_home.is_dir() or next(tenancy.days.unreported(), None) is None:
        return 0
    # Dagster takes seconds to import: work without a Dagster beside it never pays for it.
    from logplatform.orchestration.home import opened_instance  # noqa: PLC0415
    from logplatform.orchestration.reconcile import reconcile  # noqa: PLC0415

    deadline = time.monotonic() + seconds
    with opened_instance(settings) as instance:
        return reconcile(instance, tenancy.days, late=lambda: time.monotonic() >= deadline).days


@dataclass(slots=True)
class Teller:
    """Tells now and then while work goes on for long."""

    every_seconds: float = EVERY_SECONDS
    _last: float = float("-inf")

    def tell(self, tenancy: Tenancy) -> int:
        """Tell what is to be told, unless that was done a moment ago; return how many days were told."""
        now = time.monotonic()
        if now - self._last < self.every_seconds:
            return 0
        self._last = now
        return tell_dagster(tenancy)
