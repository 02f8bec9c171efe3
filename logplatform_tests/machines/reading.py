"""Helpers of these tests: a day out of text, read and judged as the dry run does it."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from logplatform.machines.anomalies import Anomaly, AnomalyRules, find_anomalies
from logplatform.machines.day import DayBuilder, DayEvents
from logplatform.machines.parse import DeadLine
from logplatform.machines.reading import ReadingLimits, read_events
from logplatform.machines.session import Session, compute_session

DAY = dt.date(2025, 5, 12)
LIMITS = ReadingLimits()


@dataclass(frozen=True)
class Read:
    """What a file's bytes made."""

    events: DayEvents
    session: Session
    dead: list[DeadLine]

    def anomalies(self, rules: AnomalyRules | None = None) -> list[Anomaly]:
        return find_anomalies(self.events, self.session, rules or AnomalyRules())


def read_bytes(chunks: Iterable[bytes], *, final: bool = True, limits: ReadingLimits = LIMITS) -> Read:
    builder, dead = DayBuilder(), list[DeadLine]()
    for events, refused in read_events(chunks, limits, final=final):
        builder.append(events)
        dead.extend(refused)
    events = builder.build()
    return Read(events, compute_session(DAY, events), dead)


def read_day(*lines: str) -> Read:
    """Lines `HH:MM:SS Event…` of the test day."""
    text = "".join(f"20250512 {line[:8]}|@{line[9:]}\r\n" for line in lines)
    return read_bytes([text.encode("latin-1")])


def at(clock: str) -> int:
    """`HH:MM:SS` of the test day in milliseconds."""
    moment = dt.datetime.combine(DAY, dt.time.fromisoformat(clock), dt.UTC)
    return int(moment.timestamp() * 1000)
