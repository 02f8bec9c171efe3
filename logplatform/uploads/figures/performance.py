"""/api/performance: response times and database latency, in milliseconds.

What belongs here: these. What does not: what several figures share (`groups`).
"""

from logplatform.stores.log_index import LogIndex
from logplatform.stores.log_query import COUNT, Filters, Measure
from logplatform.uploads.figures.groups import Row, count, one, over_time, share, spread, top

SLOW_MS = 1_000.0
SLOW_QUERY_MS = 500.0


def metrics(index: LogIndex, filters: Filters) -> Row:
    """All events that tell a response time, of whatever kind."""
    mine = filters.having("response_time")
    cached = filters.having("cache_hit")
    hits = {row["cache_hit"]: row["count"] for row in top(index, cached, "cache_hit")}
    slow = count(index, mine.at_least("response_time", SLOW_MS))
    found = one(index, mine, COUNT, *spread("response_time"))
    return {
        **found,
        "slow": slow,
        "slow_share": share(slow, found["count"]),
        "slow_from_ms": SLOW_MS,
        "cache_hit_rate": share(hits.get(True, 0), sum(hits.values())),
        "by_status_code": top(index, filters, "status_code"),
        "by_hour": over_time(index, mine, "hour", Measure("average", "avg", "response_time")),
    }


def api_response_times(index: LogIndex, filters: Filters) -> Row:
    """Response times by endpoint, those with most requests first."""
    mine = filters.having("response_time")
    slow = {row["endpoint"]: row["count"] for row in _slow(index, mine, "response_time", SLOW_MS)}
    endpoints = top(index, mine, "endpoint", *spread("response_time"), limit=100)
    return {
        "slow_from_ms": SLOW_MS,
        "endpoints": [{**row, "slow": slow.get(row["endpoint"], 0)} for row in endpoints],
    }


def database_latency(index: LogIndex, filters: Filters) -> Row:
    """Times of database queries."""
    mine = filters.having("db_query_time")
    found = one(index, mine, COUNT, *spread("db_query_time"))
    slow = count(index, mine.at_least("db_query_time", SLOW_QUERY_MS))
    return {
        **found,
        "slow": slow,
        "slow_share": share(slow, found["count"]),
        "slow_from_ms": SLOW_QUERY_MS,
        "slow_by_endpoint": _slow(index, mine, "db_query_time", SLOW_QUERY_MS)[:10],
        "by_endpoint": top(index, mine, "endpoint", *spread("db_query_time")),
    }


def _slow(index: LogIndex, filters: Filters, field: str, from_ms: float) -> list[Row]:
    return top(index, filters.at_least(field, from_ms), "endpoint", limit=10_000)
