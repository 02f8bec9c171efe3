"""`/metrics`, collected over HTTP as a monitoring system does: what was done shows, and so does what was broken."""

import gzip
import os
import time
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import httpx
import pytest
from click.testing import CliRunner
from dagster._daemon.types import DaemonHeartbeat
from prometheus_client.parser import text_string_to_metric_families

from logplatform.cli import main
from logplatform.definitions import build_defs
from logplatform.orchestration.home import opened_instance
from logplatform.orchestration.resources import domain_resources
from logplatform.settings.model import DOMAINS, Settings
from logplatform_tests.api.conftest import Serve, Service

LOG = "".join(f'10.0.0.1 - - [17/May/2015:10:05:{n:02d} +0000] "GET /{n} HTTP/1.1" 200 12\n' for n in range(20))
CSV = b"timestamp,level,service,user_id\n2025-06-01 10:00:00,INFO,web,u1\n2025-06-01 10:00:01,INFO,web,u2\n"

Value = Callable[..., float | None]


def collect(client: httpx.Client) -> Value:
    """One collection: a function from a metric's name and labels to its value."""
    answer = client.get("/metrics")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/plain; version=")
    told: dict[tuple[str, frozenset[tuple[str, str]]], float] = {}
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            key = (sample.name, frozenset(sample.labels.items()))
            assert key not in told
            told[key] = sample.value
    return lambda name, **labels: told.get((f"logplatform_{name}", frozenset(labels.items())))


def until(client: httpx.Client, true: Callable[[Value], bool]) -> Value:
    """Collect until it is so; what was measured is kept for five seconds."""
    deadline = time.monotonic() + 60
    while not true(value := collect(client)):
        assert time.monotonic() < deadline, client.get("/metrics").text
        time.sleep(0.5)
    return value


def test_the_key_is_asked_for_here_too(serve: Serve) -> None:
    client = serve(api={"api_key": "correct-horse"}).client
    assert client.get("/metrics").status_code == 401
    bearer = {"Authorization": "Bearer correct-horse"}
    assert client.get("/metrics", headers=bearer).status_code == 200
    openmetrics = client.get("/metrics", headers={**bearer, "Accept": "application/openmetrics-text; version=1.0.0"})
    assert openmetrics.headers["content-type"].startswith("application/openmetrics-text")
    assert openmetrics.text.endswith("# EOF\n")


@pytest.mark.parametrize(
    ("accept", "form"),
    [
        ("*/*", "text/plain"),
        ("text/plain;version=x", "text/plain"),
        (";;;=,", "text/plain"),
        ("application/openmetrics-text;version=abc", "application/openmetrics-text"),
        (
            "application/openmetrics-text;version=1.0.0;q=0.5,text/plain;version=0.0.4;q=0.2,*/*;q=0.1",
            "application/openmetrics-text",
        ),
    ],
)
def test_whatever_form_is_asked_for_there_is_an_answer(client: httpx.Client, accept: str, form: str) -> None:
    answer = client.get("/metrics", headers={"Accept": accept})
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith(f"{form}; version=")


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A settings file with one server of archives, one of its files cut off."""
    (tmp_path / "web1").mkdir()
    whole = gzip.compress(LOG.encode())
    for name, data in (("good.log.gz", whole), ("cut.log.gz", whole[:-20])):
        path = tmp_path / "web1" / name
        path.write_bytes(data)
        os.utime(path, (1_700_000_000, 1_700_000_000))
    file = tmp_path / "logplatform.yaml"
    file.write_text(
        "archives: {sources: [{name: web1, path: web1}]}\nlanding: {disk_space_threshold_gb: 0}\n", encoding="utf-8"
    )
    return file


@pytest.fixture
def watched(file: Path, serve: Serve) -> Service:
    """A server over the stores of that settings file."""
    archives = {"sources": [{"name": "web1", "path": file.parent / "web1"}]}
    return serve(archives=archives, landing={"disk_space_threshold_gb": 0})


def command(file: Path, *arguments: str) -> None:
    result = CliRunner().invoke(main, ["--config", str(file), *arguments])
    assert result.exit_code in (0, 1), result.output


def evaluate(settings: Settings, instance: dg.DagsterInstance, name: str) -> None:
    """One tick of a sensor, as the daemon makes it."""
    repository = build_defs(settings).get_repository_def()
    resources = {key: one for domain in DOMAINS for key, one in domain_resources(settings, domain).items()}
    with dg.build_sensor_context(instance=instance, repository_def=repository, resources=resources) as context:
        for event in repository.get_sensor_def(name).evaluate_tick(context).asset_events:
            instance.report_runless_asset_event(event)


@pytest.mark.slow
def test_what_was_done_and_what_was_broken_shows(file: Path, watched: Service) -> None:
    client, settings = watched.client, watched.settings
    answer = client.post("/api/logs/upload", files={"file": ("events.csv", CSV)})
    assert answer.status_code == 201, answer.text
    value = until(client, lambda value: value("uploads", status="pending") == 1)
    assert value("queue_jobs") == 1
    assert value("waiting_items", domain="uploads", source="uploads") == 1
    assert value("upload_bytes", status="pending") == len(CSV)
    assert value("up", store="dagster") is None, "nobody has started Dagster yet"

    command(file, "uploads", "work", "--once")
    value = until(client, lambda value: value("uploads", status="completed") == 1)
    assert value("uploads", status="pending") is None
    assert value("upload_attempts", status="completed") == 1
    assert [value("upload_records", outcome=name) for name in ("document", "dead_letter", "duplicate")] == [2, 0, 0]
    assert (value("queue_jobs"), value("waiting_items", domain="uploads", source="uploads")) == (0, 0)
    assert abs((value("last_success_timestamp_seconds", domain="uploads", source="uploads") or 0) - time.time()) < 60

    command(file, "tickets", "produce", "--count", "50", "--rate", "10000", "--invalid-share", "0")
    command(file, "tickets", "run")
    command(file, "run", "--domain", "archives")
    with opened_instance(settings) as instance:
        instance.add_daemon_heartbeat(DaemonHeartbeat(time.time() - 500, "SENSOR", "id", []))
        value = until(client, lambda value: value("files", domain="archives", source="web1", status="processed") == 1)
        assert value("failed_files", domain="archives", source="web1", kind="corruption", type="permanent") == 1
        assert value("flow_items", domain="archives", asset="archive_events", unit="lines", part="in") == 20
        assert value("dataset_rows", domain="archives", dataset="archive_events") == 20
        assert value("ticket_messages_total", source="spool", topic="client_tickets", outcome="accepted") == 50
        lags = [value("topic_lag_messages", source="spool", topic="client_tickets", partition=str(n)) for n in range(3)]
        assert lags == [0, 0, 0]
        assert value("dagster_runs", status="success") or value("dagster_runs", status="failure")
        assert (value("dagster_heartbeat_age_seconds", daemon="SENSOR") or 0) > 490
        for store in ("archives", "uploads", "tickets", "topics", "files", "dagster"):
            assert value("up", store=store) == 1, store

        (file.parent / "web1").rename(file.parent / "gone")
        evaluate(settings, instance, "archives_sources")
        evaluate(settings, instance, "alerts")
        gone = {"domain": "archives", "kind": "source_unreachable", "severity": "error"}
        value = until(client, lambda value: value("alerts_firing", **gone) == 1)
        assert value("alerts_firing", domain="archives", kind="still_broken", severity="warning") == 1
        assert value("alerts_unsent") == 0, "no receiver is set"

    (settings.data_root / "tickets.db").write_bytes(b"this is no database" * 500)
    value = until(client, lambda value: value("up", store="tickets") == 0)
    assert value("up", store="archives") == 1
    assert value("files", domain="archives", source="web1", status="processed") == 1
