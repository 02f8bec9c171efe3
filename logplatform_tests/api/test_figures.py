"""Every route of figures over HTTP: its counts are those that a loop over the input makes."""

import csv
import io
import json
import math
import os
import statistics
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from logplatform.settings.model import Settings
from logplatform.uploads.fraud import FraudRules, Scored, Transaction, scored
from logplatform.uploads.geoip import Place, open_geoip
from logplatform.uploads.worker import work
from logplatform_tests.api.conftest import Service, serving
from logplatform_tests.uploads.indexed import Event, ndjson, some_events

SAMPLES = Path(os.environ.get("LOGPLATFORM_SAMPLES", Path(__file__).parents[3] / "shared/samples")) / "uploads"
EVENTS = some_events()
GEOIP = open_geoip(None)
ROUTES = (
    "analytics/transactions", "analytics/errors", "analytics/user-behavior", "analytics/trends", "dashboard/overview",
    "dashboard/metrics", "dashboard/charts", "dashboard/kpis", "performance/metrics",
    "performance/api-response-times", "performance/database-latency", "fraud/detect", "fraud/suspicious-activities",
    "fraud/stats",
)  # fmt: skip

Ask = Callable[..., Any]


def ingested(service: Service, files: dict[str, bytes]) -> None:
    """Send files and have them ingested, as users do."""
    for name, data in files.items():
        assert service.client.post("/api/logs/upload", files={"file": (name, data)}).status_code == 201
    assert {outcome for _, outcome in work(service.room, "figures", lambda: False, once=True)} == {"completed"}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    with serving(Settings.model_validate({"data_root": tmp_path_factory.mktemp("figures")})) as service:
        ingested(service, {"one.json": ndjson(EVENTS[:400]), "two.json": ndjson(EVENTS[400:])})
        yield service.client


@pytest.fixture
def ask(client: httpx.Client) -> Ask:
    def asked(route: str, **parameters: object) -> Any:
        answer = client.get(f"/api/{route}", params={name: str(value) for name, value in parameters.items()})
        assert answer.status_code == 200, answer.text
        told = answer.json()
        assert told["success"] is True
        return told["data"]

    return asked


def of(kind: str, events: Iterable[Event] = EVENTS) -> list[Event]:
    return [event for event in events if event["log_type"] == kind]


def counted(rows: list[dict[str, Any]], name: str) -> dict[Any, int]:
    return {row[name]: row["count"] for row in rows}


def tally(events: Iterable[Event], name: str) -> dict[Any, int]:
    return dict(Counter(event[name] for event in events if name in event))


def share_of(values: list[float], share: float) -> float:
    """The percentile by linear interpolation."""
    ordered, place = sorted(values), share * (len(values) - 1)
    low, high = ordered[math.floor(place)], ordered[math.ceil(place)]
    return low + (high - low) * (place - math.floor(place))


def scores(events: Iterable[Event]) -> list[Scored]:
    def transaction(event: Event) -> Transaction:
        place = GEOIP.find(event["ip"])
        code = place.country_code if isinstance(place, Place) else None
        at = round(datetime.fromisoformat(event["timestamp"]).timestamp() * 1_000_000)
        name, user, amount = event["transaction_id"], event["user_id"], event["amount"]
        return Transaction(name, user, at, amount, event["ip"], code, event["status"])

    paid = sorted(map(transaction, of("transaction", events)), key=lambda one: (one.user_id, one.at))
    return list(scored(paid, FraudRules()))


def test_analytics(ask: Ask) -> None:
    paid, failed, acted = of("transaction"), of("error"), of("user_behavior")
    found = ask("analytics/transactions")
    assert found["count"] == len(paid)
    assert math.isclose(found["total_amount"], sum(one["amount"] for one in paid))
    for group, name in {
        "by_status": "status",
        "by_payment_method": "payment_method",
        "by_currency": "currency",
    }.items():
        assert counted(found[group], name) == tally(paid, name)
    found = ask("analytics/errors")
    assert found["count"] == len(failed)
    for group, name in {"by_code": "error_code", "by_message": "error_message", "by_endpoint": "endpoint"}.items():
        assert counted(found[group], name) == tally(failed, name)
    found = ask("analytics/user-behavior")
    assert (found["count"], found["sessions"]) == (len(acted), len({one["session_id"] for one in acted}))
    assert counted(found["by_action"], "action") == tally(acted, "action")
    found = ask("analytics/trends", interval="hour")
    hours = Counter(f"{one['timestamp'][:13]}:00:00Z" for one in EVENTS)
    assert counted(found["events"], "at") == hours


def test_dashboard(ask: Ask) -> None:
    found = ask("dashboard/overview")
    assert found["count"] == len(EVENTS)
    assert counted(found["by_log_type"], "log_type") == tally(EVENTS, "log_type")
    assert counted(found["by_level"], "level") == tally(EVENTS, "level")
    found = ask("dashboard/metrics")
    failed = sum(one["level"] == "ERROR" for one in EVENTS)
    assert (found["events"], found["error_events"]) == (len(EVENTS), failed)
    assert math.isclose(found["error_rate"], failed / len(EVENTS))
    found = ask("dashboard/charts")
    days = Counter(f"{one['timestamp'][:10]}T00:00:00Z" for one in EVENTS)
    assert counted(found["events_by_day"], "at") == days
    found, paid = ask("dashboard/kpis"), of("transaction")
    assert found["transactions"] == len(paid)
    assert math.isclose(found["revenue"], sum(one["amount"] for one in paid))
    assert found["suspicious"] == sum(one.get("fraud_score", 0) >= 75 for one in EVENTS)


def test_performance(ask: Ask) -> None:
    mine = of("performance")
    times = [one["response_time"] for one in mine]
    found = ask("performance/metrics")
    assert found["slow"] == sum(time >= 1_000 for time in times)
    for name, share in {"p50": 0.5, "p90": 0.9, "p95": 0.95, "p99": 0.99}.items():
        assert math.isclose(found[name], share_of(times, share))
    rows = ask("performance/api-response-times")["endpoints"]
    assert counted(rows, "endpoint") == tally(mine, "endpoint")
    for row in rows:
        times = [one["response_time"] for one in mine if one["endpoint"] == row["endpoint"]]
        assert math.isclose(row["p95"], share_of(times, 0.95))
    found = ask("performance/database-latency")
    assert found["slow"] == sum(one["db_query_time"] >= 500 for one in mine)


def test_fraud(ask: Ask) -> None:
    expected = scores(EVENTS)
    threshold = 45
    flagged = [one for one in expected if one.score >= threshold]
    found = ask("fraud/detect", threshold=threshold, limit=1000)
    assert flagged
    assert {row["transaction_id"]: row["fraud_score"] for row in found["transactions"]} == {
        one.transaction.id: one.score for one in flagged
    }
    assert found["total"] == len(flagged)
    found = ask("fraud/suspicious-activities", threshold=threshold, limit=1000)
    assert counted(found["users"], "user_id") == Counter(one.transaction.user_id for one in flagged)
    found = ask("fraud/stats", threshold=threshold)
    assert (found["transactions"], found["suspicious"]) == (len(expected), len(flagged))
    assert math.isclose(found["average_score"], statistics.fmean(one.score for one in expected))
    assert ask("fraud/stats")["threshold"] == 75


def test_a_period_bounds_the_figures(ask: Ask) -> None:
    """A day named as the end is included as a whole; a time is not."""
    second = sum(one["timestamp"].startswith("2026-03-02") for one in EVENTS)
    assert ask("dashboard/overview", date_from="2026-03-02", date_to="2026-03-02")["count"] == second
    by_time = {"date_from": "2026-03-02T01:00:00+01:00", "date_to": "2026-03-03T00:00:00Z"}
    assert ask("dashboard/overview", **by_time)["count"] == second
    assert ask("dashboard/overview", date_from="2030-01-01")["count"] == 0


@pytest.mark.parametrize("route", ROUTES)
def test_each_route_answers_for_no_documents_and_refuses_what_is_no_period(client: httpx.Client, route: str) -> None:
    empty = client.get(f"/api/{route}", params={"date_from": "2030-01-01", "date_to": ""})
    assert empty.status_code == 200, empty.text
    for period, status in (
        ({"date_from": "yesterday"}, 422),
        ({"date_to": "9999-12-31"}, 422),
        ({"date_from": "0001-01-01T00:00+14:00"}, 422),
        ({"date_from": "2026-03-02", "date_to": "2026-03-01T00:00:00Z"}, 400),
    ):
        answer = client.get(f"/api/{route}", params=period)
        assert answer.status_code == status
        assert answer.json()["success"] is False
        assert "date_" in answer.json()["error"]


@pytest.mark.samples
@pytest.mark.skipif(not SAMPLES.is_dir(), reason="the sample folder is not here")
def test_the_samples_counted_from_their_files(tmp_path: Path) -> None:
    """10,000 real web requests of three files: under the days of their own times, a country for public addresses."""
    files = {path.name: path.read_bytes() for path in SAMPLES.iterdir()}
    records: list[dict[str, Any]] = []
    for name, data in files.items():
        text = data.decode()
        if name.endswith(".csv"):
            records += csv.DictReader(io.StringIO(text, newline=""))
        else:
            records += json.loads(text) if text.startswith("[") else map(json.loads, text.splitlines())
    with serving(Settings.model_validate({"data_root": tmp_path})) as service:
        ingested(service, files)
        again = service.client.post("/api/logs/upload", files={"file": ("again.csv", files["web-events.csv"])})
        assert again.json()["data"]["duplicate_of"]
        told = {route: service.client.get(f"/api/{route}").json()["data"] for route in ROUTES}
        found = service.client.get("/api/search", params={"q": '"robots.txt"', "size": 1}).json()["data"]
        lines = service.client.get("/api/search/export", params={"format": "csv"}).text
    days = Counter(f"{record['timestamp'][:10]}T00:00:00Z" for record in records)
    places = [GEOIP.find(record["ip"]) for record in records]
    countries = Counter(place.country_code for place in places if isinstance(place, Place))
    assert told["dashboard/overview"]["count"] == len(records) == 10_000
    assert counted(told["dashboard/overview"]["by_level"], "level") == Counter(record["level"] for record in records)
    assert told["dashboard/overview"]["addresses"] == len({record["ip"] for record in records})
    assert counted(told["dashboard/charts"]["events_by_day"], "at") == days
    assert counted(told["analytics/trends"]["events"], "at") == days
    assert counted(told["dashboard/charts"]["countries"], "country_code") == dict(countries.most_common(10))
    assert counted(told["dashboard/charts"]["services"], "service") == Counter(record["service"] for record in records)
    errors = sum(record["level"] in {"ERROR", "CRITICAL", "FATAL"} for record in records)
    assert told["dashboard/metrics"]["error_events"] == errors
    # Web requests tell neither amounts nor response times.
    for route in ("analytics/transactions", "analytics/errors", "analytics/user-behavior", "performance/metrics",
                  "performance/database-latency"):  # fmt: skip
        assert told[route]["count"] == 0
    assert told["performance/api-response-times"]["endpoints"] == []
    assert (told["fraud/detect"]["total"], told["fraud/stats"]["transactions"]) == (0, 0)
    assert told["fraud/suspicious-activities"]["users"] == []
    assert told["dashboard/kpis"]["transactions"] == 0
    assert found["total"] == sum("robots.txt" in record["message"] for record in records)
    exported = list(csv.DictReader(io.StringIO(lines, newline="")))
    assert Counter(row["@timestamp"] for row in exported) == Counter(record["timestamp"] for record in records)
