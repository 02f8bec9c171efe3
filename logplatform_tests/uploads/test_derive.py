"""What is derived from the index: equal to what the routes tell, whatever the order in which uploads come."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from logplatform.stores.dataset import Dataset
from logplatform.stores.log_query import Filters
from logplatform.uploads.derive import alerts_dataset, derive_alerts, derive_metrics, metrics_dataset
from logplatform.uploads.figures.dashboard import kpis
from logplatform.uploads.figures.fraud import detect
from logplatform.uploads.fraud import FraudRules
from logplatform.uploads.intake import receive
from logplatform.uploads.room import UploadRoom
from logplatform_tests.uploads.indexed import ndjson, some_events
from logplatform_tests.uploads.rooms import Clock, opened, work_off

THRESHOLD = 30
EVENTS = sorted(some_events(600), key=lambda event: str(event["timestamp"]))


@pytest.fixture
def room(tmp_path: Path) -> Iterator[UploadRoom]:
    with opened(tmp_path, Clock(), fraud_threshold=THRESHOLD) as found:
        yield found


def rows(dataset: Dataset) -> list[dict[str, Any]]:
    return [row for file in dataset.visible() for row in pq.read_table(file.uri).to_pylist()]


def add(room: UploadRoom, name: str, events: list[dict[str, Any]]) -> None:
    receive(room, name, [ndjson(events)])
    assert work_off(room) == ["completed"]


def derive(room: UploadRoom) -> None:
    derive_alerts(room, "test", "run")
    derive_metrics(room, "test", "run")


@pytest.mark.parametrize("late", [False, True], ids=["in order", "the first days last"])
def test_alerts_are_those_that_the_route_tells(room: UploadRoom, late: bool) -> None:
    """Days that come late change the scores of those after them."""
    parts = [EVENTS[:300], EVENTS[300:]]
    for number, events in enumerate(reversed(parts) if late else parts):
        add(room, f"{number}.json", events)
        derive(room)
    told = detect(room.index, Filters(), FraudRules(threshold=THRESHOLD), limit=10_000)
    found = {row["id"]: (row["fraud_score"], row["reasons"]) for row in rows(alerts_dataset(room.tenancy))}
    assert len(found) > 20
    assert found == {one["id"]: (one["fraud_score"], one["reasons"]) for one in told["transactions"]}


def test_metrics_are_those_that_the_route_tells_of_each_day(room: UploadRoom) -> None:
    add(room, "a.json", EVENTS)
    derive(room)
    found = {row.pop("origin"): row for row in rows(metrics_dataset(room.tenancy))}
    assert len(found) == 4
    assert sum(row["documents"] for row in found.values()) == 600
    for day, row in found.items():
        since = datetime.fromisoformat(day).replace(tzinfo=UTC)
        told = kpis(room.index, Filters(since=since, until=since + timedelta(days=1)), THRESHOLD)
        assert {name: row[name] for name in told} == pytest.approx(told)


def test_only_what_has_changed_is_derived(room: UploadRoom) -> None:
    """An upload marks the days of its events; once they are derived nothing is left to do."""
    add(room, "a.json", EVENTS)
    (report,) = derive_metrics(room, "test", "run")
    assert report.facts["event days derived"] == 4
    assert derive_metrics(room, "test", "run") == []
    last = str(EVENTS[-1]["timestamp"])[:10]
    add(room, "b.json", [{**EVENTS[-1], "number": -1}])
    (report,) = derive_metrics(room, "test", "run")
    assert (report.facts["event days derived"], report.out) == (1, 1)
    (report,) = derive_alerts(room, "test", "run")
    assert report.facts["derived from event day"] == str(EVENTS[0]["timestamp"])[:10]
    add(room, "c.json", [{**EVENTS[-1], "number": -2}])
    (report,) = derive_alerts(room, "test", "run")
    assert report.facts["derived from event day"] == last
