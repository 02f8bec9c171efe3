"""The settings' rules for anomalies.

What belongs here: their translation. What does not: applying them (`anomalies`).
"""

from logplatform.machines.anomalies import AnomalyRules
from logplatform.settings.machines import MachinesSettings


def rules_of(settings: MachinesSettings) -> AnomalyRules:
    """The settings' rules."""
    return AnomalyRules(
        gap_ms=round(settings.gap_minutes * 60_000),
        threshold=settings.anomaly_threshold,
        min_sessions=settings.anomaly_min_sessions,
    )
