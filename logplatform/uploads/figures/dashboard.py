"""/api/dashboard: the platform's events at a glance.

What belongs here: overview, metrics, charts, key figures. What does not: what several figures share (`groups`).
"""

from logplatform.stores.log_index import LogIndex
from logplatform.stores.log_query import COUNT, Filters, Measure
from logplatform.uploads.figures.groups import Row, count, moment, one, over_time, share, top

ERROR_LEVELS = ("ERROR", "CRITICAL", "FATAL")
SUCCEEDED = ("completed", "success", "succeeded", "approved")

_AMOUNT = Measure("total_amount", "sum", "amount")
_SPAN = (Measure("first", "min", "timestamp"), Measure("last", "max", "timestamp"))
_WHO = (Measure("users", "distinct", "user_id"), Measure("addresses", "distinct", "ip"))


def overview(index: LogIndex, filters: Filters) -> Row:
    """What there is: how many events, of which time, kinds and levels."""
    found = one(index, filters, COUNT, *_SPAN, *_WHO, Measure("countries", "distinct", "country_code"))
    return {
        **found,
        "first": moment(found["first"]),
        "last": moment(found["last"]),
        "by_log_type": top(index, filters, "log_type", limit=100),
        "by_level": top(index, filters, "level", limit=100),
        "transactions": one(index, filters.term("log_type", "transaction"), COUNT, _AMOUNT),
        "errors": count(index, filters.term("log_type", "error")),
    }


def metrics(index: LogIndex, filters: Filters) -> Row:
    """Rates over the days that hold events."""
    events = count(index, filters)
    failed = count(index, filters.term("level", *ERROR_LEVELS))
    days = len(over_time(index, filters, "day", limit=100_000))
    response = one(index, filters.having("response_time"), Measure("average", "avg", "response_time"))
    return {
        "events": events,
        "days": days,
        "events_per_day": share(events, days),
        "error_events": failed,
        "error_rate": share(failed, events),
        "average_response_time": response["average"],
        **one(index, filters, *_WHO),
    }


def charts(index: LogIndex, filters: Filters) -> Row:
    """Series to draw: events over time, and their shares."""
    return {
        "events_by_hour": over_time(index, filters, "hour"),
        "events_by_day": over_time(index, filters, "day"),
        "errors_by_hour": over_time(index, filters.term("level", *ERROR_LEVELS), "hour"),
        "amount_by_day": over_time(index, filters.term("log_type", "transaction"), "day", _AMOUNT),
        "log_types": top(index, filters, "log_type"),
        "levels": top(index, filters, "level"),
        "services": top(index, filters, "service"),
        "countries": top(index, filters, "country_code"),
    }


def kpis(index: LogIndex, filters: Filters, fraud_threshold: int) -> Row:
    """Key figures. `suspicious`: events whose sender gave them a fraud score of `fraud_threshold` or more."""
    paid = filters.term("log_type", "transaction")
    money = one(index, paid, COUNT, _AMOUNT, Measure("average_amount", "avg", "amount"))
    known = one(index, paid.having("status"))["count"]
    events = count(index, filters)
    failed = count(index, filters.term("level", *ERROR_LEVELS))
    response = one(index, filters, Measure("p95", "percentile", "response_time", 0.95))
    return {
        "transactions": money["count"],
        "revenue": money["total_amount"],
        "average_order_value": money["average_amount"],
        "success_rate": share(count(index, paid.term("status", *SUCCEEDED)), known),
        "error_rate": share(failed, events),
        "active_users": one(index, filters, Measure("users", "distinct", "user_id"))["users"],
        "p95_response_time": response["p95"],
        "suspicious": count(index, filters.at_least("fraud_score", fraud_threshold)),
    }
