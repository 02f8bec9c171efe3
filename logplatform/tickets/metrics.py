"""The figures over all tickets: `metrics`, `tickets_by_type`, `tickets_by_priority`.

What belongs here: turning counts into rows. What does not: keeping the counts (`stores/ticket_state.py`).

Counts by (request_type, priority) add up over commits; distinct clients do not, so their number is given.
"""

from collections import Counter
from collections.abc import Mapping
from typing import TypedDict

from logplatform.tickets.ticket import PRIORITIES, REQUEST_TYPES

Counts = Mapping[tuple[str, str], int]
"""Tickets by (request_type, priority)."""


class Metrics(TypedDict):
    """The one row of `metrics`."""

    total_tickets: int
    billing_count: int
    technical_count: int
    account_count: int
    general_count: int
    critical_priority_count: int
    unique_clients: int


def metrics(counts: Counts, unique_clients: int) -> Metrics:
    """The row of `metrics`."""
    types, priorities = Counter[str](), Counter[str]()
    for (request_type, priority), tickets in counts.items():
        types[request_type] += tickets
        priorities[priority] += tickets
    return Metrics(
        total_tickets=types.total(),
        billing_count=types["billing"],
        technical_count=types["technical"],
        account_count=types["account"],
        general_count=types["general"],
        critical_priority_count=priorities["critical"],
        unique_clients=unique_clients,
    )


def by_type(counts: Counts) -> list[tuple[str, int]]:
    """(request_type, count), the highest count first, types without tickets left out."""
    return _ranked({name: sum(n for (kind, _), n in counts.items() if kind == name) for name in REQUEST_TYPES})


def by_priority(counts: Counts) -> list[tuple[str, int]]:
    """(priority, count), the highest count first, priorities without tickets left out."""
    return _ranked({name: sum(n for (_, level), n in counts.items() if level == name) for name in PRIORITIES})


def _ranked(totals: Mapping[str, int]) -> list[tuple[str, int]]:
    return sorted(((name, n) for name, n in totals.items() if n), key=lambda row: (-row[1], row[0]))
