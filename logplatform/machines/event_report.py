"""What a day's logs became, as people read it: lines in, events out, dead letters, duplicates.

What belongs here: a day's report of `machine_events`. What does not: counting (the accounts do).
"""

from collections.abc import Sequence
from datetime import date

from logplatform.orchestration.figures import FIRST_FAILURES, Cell, DayReport, FailureNote
from logplatform.stores.machine_days import DayAccount


def event_report(
    day: date, accounts: Sequence[DayAccount], notes: Sequence[FailureNote], size: int, seconds: float
) -> DayReport:
    """The lines of all folders of a day, whenever they were derived; `notes` and `size` (bytes read) are of those
    that were derived just now.
    """
    unended = sum(account.unended for account in accounts)
    facts: dict[str, Cell] = {"centres": len(accounts)}
    if unended:
        facts["lines that wait for their end"] = unended
    if partial := sum(not account.final for account in accounts):
        facts["days that still grow"] = partial
    return DayReport(
        day=day,
        unit="lines",
        came=sum(account.lines for account in accounts),
        out=sum(account.events for account in accounts),
        unit_out="events",
        used=sum(account.events for account in accounts),
        duplicates=sum(account.duplicates for account in accounts),
        dead_letters=sum(account.dead_letters for account in accounts),
        bytes=size,
        seconds=seconds,
        failures=notes[:FIRST_FAILURES],
        preview=[_row(account) for account in accounts],
        facts=facts,
    )


def _row(account: DayAccount) -> dict[str, Cell]:
    return {
        "file": f"{account.source}/{account.path}",
        "lines": account.lines,
        "events": account.events,
        "dead letters": account.dead_letters,
        "duplicates": account.duplicates,
        "versions": account.versions,
        "day is over": account.final,
    }
