"""/api/analytics: transactions, errors, user behaviour, trends.

What belongs here: these four. What does not: what several figures share (`groups`).
"""

from logplatform.stores.log_index import LogIndex
from logplatform.stores.log_query import COUNT, INTERVALS, Aggregation, BadQuery, Filters, Measure
from logplatform.uploads.figures.groups import MANY, Row, moment, one, over_time, top

_AMOUNT = Measure("total_amount", "sum", "amount")
_AVERAGE = Measure("average_amount", "avg", "amount")
_USERS = Measure("users", "distinct", "user_id")


def transactions(index: LogIndex, filters: Filters) -> Row:
    """Transactions and their amounts. Sums over all currencies are sums of numbers; `by_currency` tells them apart."""
    mine = filters.term("log_type", "transaction")
    least, most = Measure("minimum_amount", "min", "amount"), Measure("maximum_amount", "max", "amount")
    return {
        **one(index, mine, COUNT, _AMOUNT, _AVERAGE, least, most, _USERS),
        "by_status": top(index, mine, "status", _AMOUNT),
        "by_payment_method": top(index, mine, "payment_method", _AMOUNT),
        "by_type": top(index, mine, "transaction_type", _AMOUNT),
        "by_currency": top(index, mine, "currency", _AMOUNT, _AVERAGE),
        "by_country": top(index, mine, "country_code", _AMOUNT),
        "by_day": over_time(index, mine, "day", _AMOUNT),
        "top_users": top(index, mine, "user_id", _AMOUNT),
    }


def errors(index: LogIndex, filters: Filters) -> Row:
    """Events of the kind error."""
    mine = filters.term("log_type", "error")
    return {
        **one(index, mine, COUNT, _USERS),
        "by_code": top(index, mine, "error_code"),
        "by_type": top(index, mine, "error_type"),
        "by_message": top(index, mine, "error_message"),
        "by_endpoint": top(index, mine, "endpoint"),
        "by_service": top(index, mine, "service"),
        "by_level": top(index, mine, "level"),
        "by_day": over_time(index, mine, "day"),
    }


def user_behavior(index: LogIndex, filters: Filters) -> Row:
    """What users do: events of the kind user_behavior; durations in milliseconds."""
    mine = filters.term("log_type", "user_behavior")
    sessions = Measure("sessions", "distinct", "session_id")
    duration = Measure("average_duration_ms", "avg", "duration_ms")
    return {
        **one(index, mine, COUNT, _USERS, sessions, duration),
        "by_action": top(index, mine, "action", duration),
        "by_page": top(index, mine, "page", duration),
        "by_hour": over_time(index, mine, "hour"),
        "top_users": top(index, mine, "user_id"),
    }


def trends(index: LogIndex, filters: Filters, interval: str = "day") -> Row:
    """How many events of each kind there are over time, and the amounts of transactions."""
    if interval not in INTERVALS:
        raise BadQuery(f"interval: one of {', '.join(INTERVALS)}")
    kinds = index.aggregate(Aggregation((interval, "log_type"), (COUNT,), filters, order=interval, limit=10 * MANY))
    by_moment: dict[str | None, dict[str, int]] = {}
    for row in kinds:
        by_moment.setdefault(moment(row[interval]), {})[row["log_type"]] = row["count"]
    events = [{**row, "log_types": by_moment.get(row["at"], {})} for row in over_time(index, filters, interval)]
    mine = filters.term("log_type", "transaction")
    return {"interval": interval, "events": events, "transactions": over_time(index, mine, interval, _AMOUNT)}
