"""The checks of archives: nothing is lost on any arrow, and what is still broken.

What belongs here: which asset a check stands on. What does not: what it measures (`measures`).
"""

import dagster as dg

from logplatform.archives.measures import arrows, broken
from logplatform.archives.reports import EVENTS, RAW
from logplatform.orchestration.checks import broken_check, conservation_check
from logplatform.orchestration.days import DayGroup


def checks(group: DayGroup) -> list[dg.AssetChecksDefinition]:
    """Conservation over the whole store (blocking), and standing faults (a warning)."""
    return [conservation_check(group, EVENTS, arrows), broken_check(group, EVENTS, RAW, broken)]
