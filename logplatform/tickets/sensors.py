"""What waits for tickets: the messages of all topics behind the committed offsets.

What belongs here: looking at them. What does not: the sensor itself (`logplatform.orchestration.backlog_sensor`).
"""

from logplatform.orchestration.backlog import Backlog
from logplatform.tenancy import Tenancy
from logplatform.tickets.lag import look
from logplatform.tickets.topics import lease_name


def waits(tenancy: Tenancy) -> Backlog | None:
    """The messages that are not taken in yet; None while somebody is at it (a stream, a command, another run).

    They belong to today (UTC), the day they would be ingested. A topic with a gap is trouble, and not counted; so is
    one that is missing, or whose brokers do not answer.
    """
    if tenancy.ledger.leases.live(lease_name(tenancy)):
        return None
    looked = look(tenancy)
    found = looked.lags
    gaps = {lag.source.name: "; ".join(lag.gaps()) for lag in found}
    trouble = {name: text for name, text in gaps.items() if text}
    trouble |= {name: str(failure) for name, failure in looked.failures.items()}
    items = sum(lag.waiting for lag in found if lag.source.name not in trouble)
    if not items and not trouble:
        return None
    ends = [f"{lag.source.name}/{lag.source.topic}/{place}={end}" for lag in found for place, end in lag.ends.items()]
    today = tenancy.now().date()
    return Backlog(" ".join(sorted(ends)), today, today, items, trouble=trouble)
