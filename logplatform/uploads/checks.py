"""The checks of uploads: nothing is lost on any arrow, and what is still broken.

What belongs here: which asset a check stands on. What does not: what it measures (`measures`).
"""

import dagster as dg

from logplatform.orchestration.checks import broken_check, conservation_check
from logplatform.orchestration.days import DayGroup
from logplatform.uploads.day_reports import INDEXED, RAW
from logplatform.uploads.measures import arrows, broken


def checks(group: DayGroup) -> list[dg.AssetChecksDefinition]:
    """Conservation over the whole store (blocking), and standing faults (a warning)."""
    return [conservation_check(group, INDEXED, arrows), broken_check(group, INDEXED, RAW, broken)]
