"""The checks of machines: nothing is lost on any arrow, and what is still broken.

What belongs here: which asset a check stands on. What does not: what it measures (`measures`).
"""

import dagster as dg

from logplatform.machines.job import EVENTS, RAW, SESSIONS
from logplatform.machines.measures import arrows, broken
from logplatform.orchestration.checks import broken_check, conservation_check
from logplatform.orchestration.days import DayGroup


def checks(group: DayGroup) -> list[dg.AssetChecksDefinition]:
    """Conservation over the whole store, before and after sessions are made (blocking), and standing faults."""
    return [
        conservation_check(group, EVENTS, arrows),
        conservation_check(group, SESSIONS, arrows),
        broken_check(group, SESSIONS, RAW, broken),
    ]
