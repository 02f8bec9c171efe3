"""The checks of tickets: nothing is lost on any arrow, and what is still broken.

What belongs here: which asset a check stands on. What does not: what it measures (`measures`).
"""

import dagster as dg

from logplatform.orchestration.checks import broken_check, conservation_check
from logplatform.orchestration.days import DayGroup
from logplatform.tickets.day_reports import ASSIGNED, RAW
from logplatform.tickets.measures import arrows, broken


def checks(group: DayGroup) -> list[dg.AssetChecksDefinition]:
    """Conservation over the whole store (blocking), and standing faults (a warning)."""
    return [conservation_check(group, ASSIGNED, arrows), broken_check(group, ASSIGNED, RAW, broken)]
