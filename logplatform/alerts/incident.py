"""An incident: something that needs somebody, from the first failure until it is good again; and what is due of it.

What belongs here: the values and the rule, free of any store. What does not: keeping incidents (`book`).

Failures of one domain, kind and reason are one incident. It is told first when the grouping window after its first
failure is over, again after each repeat interval while it lasts, and once when it is good again. An incident that was
good again before anybody was told is told once, as resolved.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from logplatform.settings.alerts import AlertsSettings, Severity

Kind = Literal["run_failed", "still_broken", "source_unreachable", "disk_full", "store_down", "daemon_silent", "test"]
MessageStatus = Literal["firing", "resolved"]

SAMPLE = 5
TEXT_LIMIT = 300
_RANK: dict[Severity, int] = {"warning": 0, "error": 1}


@dataclass(frozen=True, slots=True)
class Signal:
    """What was found to be wrong; `domain`, `kind` and `reason` together say which incident it belongs to.

    `title` is a sentence, `sample` the first few things concerned as `what: why`, `recovery` what to do; all redacted
    already. `count` is how many things are concerned.
    """

    domain: str
    kind: Kind
    reason: str
    severity: Severity
    title: str
    count: int = 1
    sample: Sequence[str] = ()
    recovery: str = ""

    @property
    def topic(self) -> tuple[str, str, str]:
        """What tells incidents apart."""
        return (self.domain, self.kind, self.reason)


@dataclass(frozen=True, slots=True)
class Incident:
    """An incident as it is kept; times in UTC. `events`: failures so far, or things concerned now.

    `told_at` is when a receiver last took a message of it.
    """

    id: int
    domain: str
    kind: Kind
    reason: str
    severity: Severity
    title: str
    sample: Sequence[str]
    recovery: str
    events: int
    first_at: datetime
    last_at: datetime
    resolved_at: datetime | None
    told_at: datetime | None

    @property
    def topic(self) -> tuple[str, str, str]:
        """What tells incidents apart."""
        return (self.domain, self.kind, self.reason)


@dataclass(frozen=True, slots=True)
class Policy:
    """When to tell: the grouping window, the repeat interval (None: never again), what is worth a message."""

    group: timedelta
    repeat: timedelta | None
    min_severity: Severity

    @classmethod
    def of(cls, settings: AlertsSettings) -> "Policy":
        """The policy that the settings describe."""
        repeat = timedelta(seconds=settings.repeat_seconds) if settings.repeat_seconds else None
        return cls(timedelta(seconds=settings.group_seconds), repeat, settings.min_severity)

    def tells(self, severity: Severity) -> bool:
        """Whether this severity is worth a message."""
        return _RANK[severity] >= _RANK[self.min_severity]


def due(incident: Incident, policy: Policy, now: datetime) -> MessageStatus | None:
    """The message that is due of an incident whose last message, if any, was taken; None: none yet."""
    if not policy.tells(incident.severity):
        return None
    if incident.resolved_at is not None:
        return "resolved"
    if incident.told_at is None:
        return "firing" if now >= incident.first_at + policy.group else None
    if policy.repeat is not None and now >= incident.told_at + policy.repeat:
        return "firing"
    return None


def shortened(text: str) -> str:
    """A text as it may stand in a message: one line of at most TEXT_LIMIT characters."""
    line = " ".join(text.split())
    return line if len(line) <= TEXT_LIMIT else f"{line[: TEXT_LIMIT - 1]}…"
