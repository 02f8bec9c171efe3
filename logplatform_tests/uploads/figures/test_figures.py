"""Every figure equals the count that a loop over the input makes."""

import csv
import io
import json
import math
import os
import statistics
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from logplatform.stores.log_query import ALL, BadQuery, Filters
from logplatform.stores.parquet_index import ParquetLogIndex
from logplatform.uploads.figures import analytics, dashboard, performance
from logplatform.uploads.figures import fraud as fraud_figures
from logplatform.uploads.fraud import FraudRules, Transaction, scored
from logplatform.uploads.geoip import Place, open_geoip
from logplatform_tests.uploads.indexed import BEGIN, Event, ndjson, open_index, put, some_events

SAMPLES = Path(os.environ.get("LOGPLATFORM_SAMPLES", Path(__file__).parents[4] / "shared/samples")) / "uploads"
EVENTS = some_events()
RULES = FraudRules(threshold=30)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ParquetLogIndex]:
    with open_index(tmp_path_factory.mktemp("index")) as found:
        put(found, "one", ndjson(EVENTS))
        yield found


def of(kind: str) -> list[Event]:
    return [event for event in EVENTS if event["log_type"] == kind]


def counted(rows: list[dict[str, Any]], name: str) -> dict[Any, int]:
    return {row[name]: row["count"] for row in rows}


def tally(events: list[Event], name: str) -> dict[Any, int]:
    return dict(Counter(event[name] for event in events if name in event))


def day(event: Event) -> str:
    return f"{event['timestamp'][:10]}T00:00:00Z"


def percentile(values: list[float], share: float) -> float:
    """The linear one (Hyndman and Fan's type 7), as spreadsheets have it."""
    ordered, place = sorted(values), share * (len(values) - 1)
    low, high = ordered[math.floor(place)], ordered[math.ceil(place)]
    return low + (high - low) * (place - math.floor(place))


def test_transactions(index: ParquetLogIndex) -> None:
    """/api/analytics/transactions."""
    mine, found = of("transaction"), analytics.transactions(index, ALL)
    amounts = [event["amount"] for event in mine]
    assert found["count"] == len(mine)
    assert math.isclose(found["total_amount"], sum(amounts))
    assert math.isclose(found["average_amount"], statistics.fmean(amounts))
    assert (found["minimum_amount"], found["maximum_amount"]) == (min(amounts), max(amounts))
    assert found["users"] == len({event["user_id"] for event in mine})
    assert counted(found["by_status"], "status") == tally(mine, "status")
    assert counted(found["by_payment_method"], "payment_method") == tally(mine, "payment_method")
    assert counted(found["by_currency"], "currency") == tally(mine, "currency")
    assert counted(found["by_day"], "at") == Counter(map(day, mine))
    assert [row["at"] for row in found["by_day"]] == sorted(row["at"] for row in found["by_day"])
    most = Counter(event["user_id"] for event in mine).most_common(1)[0][1]
    assert found["top_users"][0]["count"] == most


def test_errors(index: ParquetLogIndex) -> None:
    """/api/analytics/errors."""
    mine, found = of("error"), analytics.errors(index, ALL)
    assert found["count"] == len(mine)
    for group, name in {"by_code": "error_code", "by_type": "error_type", "by_message": "error_message",
                        "by_endpoint": "endpoint", "by_service": "service", "by_level": "level"}.items():  # fmt: skip
        assert counted(found[group], name) == tally(mine, name)


def test_user_behavior(index: ParquetLogIndex) -> None:
    """/api/analytics/user-behavior."""
    mine, found = of("user_behavior"), analytics.user_behavior(index, ALL)
    assert (found["count"], found["sessions"]) == (len(mine), len({event["session_id"] for event in mine}))
    assert math.isclose(found["average_duration_ms"], statistics.fmean(event["duration_ms"] for event in mine))
    assert counted(found["by_action"], "action") == tally(mine, "action")
    assert counted(found["by_page"], "page") == tally(mine, "page")


def test_trends(index: ParquetLogIndex) -> None:
    """/api/analytics/trends: each interval, and each kind in it."""
    found = analytics.trends(index, ALL)
    for row in found["events"]:
        mine = [event for event in EVENTS if day(event) == row["at"]]
        assert row["count"] == len(mine)
        assert row["log_types"] == tally(mine, "log_type")
    assert sum(row["count"] for row in analytics.trends(index, ALL, "hour")["events"]) == len(EVENTS)
    with pytest.raises(BadQuery, match="interval"):
        analytics.trends(index, ALL, "week")


def test_a_period_bounds_every_figure(index: ParquetLogIndex) -> None:
    """date_from is included, date_to is not; a figure of half the time is a count of half the input."""
    half = Filters(since=BEGIN, until=BEGIN + timedelta(days=2))
    mine = [event for event in EVENTS if datetime.fromisoformat(event["timestamp"]) < BEGIN + timedelta(days=2)]
    assert dashboard.overview(index, half)["count"] == len(mine)
    assert analytics.errors(index, half)["count"] == sum(event["log_type"] == "error" for event in mine)


def test_overview_and_metrics(index: ParquetLogIndex) -> None:
    """/api/dashboard/overview and /metrics."""
    found = dashboard.overview(index, ALL)
    assert counted(found["by_log_type"], "log_type") == tally(EVENTS, "log_type")
    assert counted(found["by_level"], "level") == tally(EVENTS, "level")
    assert (found["users"], found["errors"]) == (len({event["user_id"] for event in EVENTS}), len(of("error")))
    assert found["first"] == min(event["timestamp"] for event in EVENTS).replace("+00:00", "Z")
    assert found["last"] == max(event["timestamp"] for event in EVENTS).replace("+00:00", "Z")
    rates = dashboard.metrics(index, ALL)
    failed = sum(event["level"] == "ERROR" for event in EVENTS)
    assert (rates["events"], rates["days"], rates["error_events"]) == (len(EVENTS), 4, failed)
    assert rates["error_rate"] == failed / len(EVENTS)
    assert rates["events_per_day"] == len(EVENTS) / 4


def test_charts(index: ParquetLogIndex) -> None:
    """/api/dashboard/charts: a series holds every event once."""
    found = dashboard.charts(index, ALL)
    assert sum(row["count"] for row in found["events_by_hour"]) == len(EVENTS)
    assert counted(found["events_by_day"], "at") == Counter(map(day, EVENTS))
    assert counted(found["services"], "service") == tally(EVENTS, "service")
    geoip = open_geoip(None)
    places = [geoip.find(event["ip"]) for event in EVENTS]
    expected = Counter(place.country_code for place in places if isinstance(place, Place))
    assert counted(found["countries"], "country_code") == expected


def test_kpis(index: ParquetLogIndex) -> None:
    """/api/dashboard/kpis."""
    found, mine = dashboard.kpis(index, ALL, 75), of("transaction")
    assert math.isclose(found["revenue"], sum(event["amount"] for event in mine))
    assert found["success_rate"] == sum(event["status"] == "completed" for event in mine) / len(mine)
    assert found["suspicious"] == sum(event.get("fraud_score", 0) >= 75 for event in EVENTS)
    times = [event["response_time"] for event in of("performance")]
    assert math.isclose(found["p95_response_time"], percentile(times, 0.95))


def test_performance(index: ParquetLogIndex) -> None:
    """/api/performance/metrics, /api-response-times and /database-latency."""
    mine, found = of("performance"), performance.metrics(index, ALL)
    times = [event["response_time"] for event in mine]
    assert found["count"] == len(mine)
    for name, share in {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}.items():
        assert math.isclose(found[name], percentile(times, share))
    assert found["slow"] == sum(time >= 1_000 for time in times)
    assert found["cache_hit_rate"] == sum(event["cache_hit"] for event in mine) / len(mine)
    assert counted(found["by_status_code"], "status_code") == tally(mine, "status_code")
    for row in performance.api_response_times(index, ALL)["endpoints"]:
        times = [event["response_time"] for event in mine if event["endpoint"] == row["endpoint"]]
        assert (row["count"], row["slow"]) == (len(times), sum(time >= 1_000 for time in times))
        assert math.isclose(row["p99"], percentile(times, 0.99))
    database = performance.database_latency(index, ALL)
    queries = [event["db_query_time"] for event in mine]
    assert database["slow"] == sum(time >= 500 for time in queries)
    assert math.isclose(database["p95"], percentile(queries, 0.95))


def test_fraud(index: ParquetLogIndex) -> None:
    """/api/fraud/*: the score of each transaction is that of the rules over the input itself."""
    geoip = open_geoip(None)
    expected = list(scored(sorted((_transaction(event, geoip.find(event["ip"])) for event in of("transaction")),
                                  key=lambda one: (one.user_id, one.at)), RULES))  # fmt: skip
    flagged = [one for one in expected if one.score >= RULES.threshold]
    found = fraud_figures.detect(index, ALL, RULES, limit=1_000)
    assert flagged
    assert found["total"] == len(flagged)
    told = {row["transaction_id"]: (row["fraud_score"], row["reasons"]) for row in found["transactions"]}
    assert told == {one.transaction.id: (one.score, list(one.reasons)) for one in flagged}
    numbers = fraud_figures.stats(index, ALL, RULES)
    assert (numbers["transactions"], numbers["suspicious"]) == (len(expected), len(flagged))
    assert math.isclose(numbers["average_score"], statistics.fmean(one.score for one in expected))
    activities = fraud_figures.suspicious_activities(index, ALL, RULES, limit=100)
    assert counted(activities["users"], "user_id") == Counter(one.transaction.user_id for one in flagged)
    assert sum(counted(activities["reported"], "user_id").values()) == sum(
        event.get("fraud_score", 0) >= RULES.threshold for event in EVENTS
    )
    top = fraud_figures.detect(index, ALL, RULES, limit=3)
    assert [row["fraud_score"] for row in top["transactions"]] == sorted((one.score for one in flagged), reverse=True)[
        :3
    ]


def test_what_was_before_the_period_counts_as_history(index: ParquetLogIndex) -> None:
    """A transaction has the same score in the figures of a day as in those of the month."""
    late = Filters(since=BEGIN + timedelta(days=2))
    whole = {one.transaction.id: one.score for one in fraud_figures.alerts(index, ALL, RULES)}
    part = {one.transaction.id: one.score for one in fraud_figures.alerts(index, late, RULES)}
    assert part
    assert part.items() <= whole.items()
    expected = {event["transaction_id"] for event in of("transaction")
                if datetime.fromisoformat(event["timestamp"]) >= BEGIN + timedelta(days=2)}  # fmt: skip
    assert {one.transaction.transaction_id for one in fraud_figures.alerts(index, late, RULES)} == expected


def _transaction(event: Event, place: object) -> Transaction:
    moment = round(datetime.fromisoformat(event["timestamp"]).timestamp() * 1_000_000)
    code = place.country_code if isinstance(place, Place) else None
    return Transaction(
        event["transaction_id"], event["user_id"], moment, event["amount"], event["ip"], code, event["status"]
    )


@pytest.mark.samples
@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the sample folder is not here")
def test_the_samples_are_counted_exactly(tmp_path: Path) -> None:
    """10,000 real requests in three files, sent twice: figures equal those counted from the files."""
    names = ("web-events.json", "web-events-array.json", "web-events.csv")
    files = {name: (SAMPLES / name).read_bytes() for name in names}
    records: list[dict[str, Any]] = [json.loads(line) for line in files[names[0]].splitlines()]
    records += json.loads(files[names[1]])
    records += csv.DictReader(io.StringIO(files[names[2]].decode(), newline=""))
    with open_index(tmp_path) as mine:
        for _ in range(2):
            for name, data in files.items():
                put(mine, name, data, "csv" if name.endswith("csv") else "json")
        found = dashboard.overview(mine, ALL)
        series = dashboard.charts(mine, ALL)
    assert found["count"] == len(records) == 10_000
    assert found["addresses"] == len({record["ip"] for record in records})
    assert counted(series["events_by_day"], "at") == Counter(map(day, records))
    geoip = open_geoip(None)
    places = [geoip.find(record["ip"]) for record in records]
    countries = Counter(place.country_code for place in places if isinstance(place, Place))
    assert counted(series["countries"], "country_code") == dict(countries.most_common(10))
