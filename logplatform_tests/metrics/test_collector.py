"""What is measured: equal to what was put in, and told for every store that can be asked, whatever the others do."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import event

from logplatform.failures import Unreachable
from logplatform.landing.dead_letters import Letter, Origin
from logplatform.landing.retry import RetryPolicy
from logplatform.metrics.catalogue import CATALOGUE, Sample
from logplatform.metrics.collector import PlatformCollector, families, registry_of
from logplatform.metrics.files import measure_files
from logplatform.metrics.stored import measure_stored
from logplatform.metrics.stores import Measure, platform, stores
from logplatform.metrics.uploads import measure_uploads
from logplatform.orchestration.figures import NO_DAY, DayReport
from logplatform.settings.archives import ArchiveFolder, ArchivesSettings
from logplatform.settings.model import Settings
from logplatform.sources.base import Entry
from logplatform.tenancy import Tenancy, open_tenancy

NOON = datetime(2025, 6, 1, 12, tzinfo=UTC)
DAY = date(2025, 6, 1)
Told = dict[tuple[str, frozenset[tuple[str, str]]], float]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    source = ArchiveFolder(name="web1", path=tmp_path / "in")
    return Settings(data_root=tmp_path / "data", archives=ArchivesSettings(sources=(source,)))


def page(registry: CollectorRegistry) -> Told:
    """The page as a monitoring system reads it: samples by name and labels; each may stand there once only."""
    told: Told = {}
    for family in text_string_to_metric_families(generate_latest(registry).decode()):
        for sample in family.samples:
            key = (sample.name, frozenset(sample.labels.items()))
            assert key not in told, f"twice: {key}"
            told[key] = sample.value
    return told


def value(told: Told, metric: str, **labels: str) -> float | None:
    return told.get((metric, frozenset(labels.items())))


def fill(tenancy: Tenancy) -> None:
    """Four files: done an hour ago, waiting for two hours, failed for good, to be tried again."""
    ledger = tenancy.ledger
    entries = [(Entry(f"{name}.gz", 10, 1), DAY) for name in ("done", "new", "cut", "away")]
    with ledger.transaction() as connection:
        ledger.record(connection, "web1", entries, "b1")
    done, _, cut, away = ledger.find()
    with ledger.transaction() as connection:
        ledger.fail(connection, cut, "corruption", "cut off", "run", RetryPolicy())
    later = Tenancy(tenancy.settings, "archives", tenancy.database, tenancy.files, lambda: NOON - timedelta(hours=1))
    with later.ledger.transaction() as connection:
        later.ledger.advance(connection, [done], "processed", "run")
        later.ledger.fail(connection, away, "copy", Unreachable("gone"), "run", RetryPolicy())
        origin = Origin("o", "web1", "done.gz", "ab" * 32, DAY)
        tenancy.letters.replace(connection, origin, [Letter(n, b"x", ("odd",)) for n in (1, 2, 3)])
        tenancy.letters.replace(connection, origin, [Letter(3, b"x", ("odd",))])
        for day, came in ((DAY - timedelta(days=1), 7), (DAY, 5)):
            report = DayReport(day, "lines", came, came - 2, 1, 1, unit_out="events", bytes=100, seconds=0.5)
            tenancy.days.commit(connection, "archives/archive_events", day, "run", report.counts())
            whole = DayReport(NO_DAY, "records", came, 3)
            tenancy.days.commit(connection, "archives/summary", NO_DAY, "run", whole.counts())
        tenancy.days.commit(connection, "archives/old", DAY, "run", {"files": 3})


def test_the_page_tells_what_was_put_in(settings: Settings) -> None:
    with open_tenancy(settings, "archives", lambda: NOON - timedelta(hours=2)) as tenancy:
        fill(tenancy)
    with open_tenancy(settings, "archives", lambda: NOON) as tenancy:
        samples = [*measure_stored(tenancy), *measure_files(tenancy)]
    registry = CollectorRegistry()
    registry.register(PlatformCollector({"archives": lambda: samples}, platform(settings)))
    told = page(registry)

    def of_archives(metric: str, **labels: str) -> float | None:
        return value(told, metric, domain="archives", **labels)

    statuses = {
        status: of_archives("logplatform_files", source="web1", status=status)
        for status in ("processed", "pending", "error", "seen")
    }
    assert statuses == {"processed": 1, "pending": 1, "error": 2, "seen": None}
    assert of_archives("logplatform_failed_files", source="web1", kind="corruption", type="permanent") == 1
    assert of_archives("logplatform_failed_files", source="web1", kind="copy", type="transient") == 1
    assert of_archives("logplatform_waiting_items", source="web1") == 2
    assert of_archives("logplatform_oldest_waiting_seconds", source="web1") == 7200
    success = of_archives("logplatform_last_success_timestamp_seconds", source="web1")
    assert success == (NOON - timedelta(hours=1)).timestamp()
    flow = {"asset": "archive_events", "unit": "lines"}
    assert [
        of_archives("logplatform_flow_items", **flow, part=part) for part in ("in", "duplicate", "dead_letter")
    ] == [12, 2, 2]
    assert of_archives("logplatform_flow_items", asset="archive_events", unit="events", part="out") == 8
    assert of_archives("logplatform_flow_bytes", asset="archive_events") == 200
    assert of_archives("logplatform_flow_seconds", asset="archive_events") == 1
    assert of_archives("logplatform_flow_items", asset="summary", unit="records", part="in") == 5, (
        "its newest day is all"
    )
    assert of_archives("logplatform_unreported_days") == 4
    assert (of_archives("logplatform_dead_letters_open"), of_archives("logplatform_dead_letters_total")) == (1, 3)
    assert value(told, "logplatform_up", store="archives") == 1


def test_only_what_exists_is_told_and_nothing_is_made_by_asking(settings: Settings) -> None:
    told = page(registry_of(settings))
    assert {name for name, _ in told if name.startswith("logplatform")} == {"logplatform_info"}
    assert not settings.data_root.exists()
    open_tenancy(settings, "tickets").__enter__().database.close()
    told = page(registry_of(settings))
    ups = {dict(labels)["store"]: number for (name, labels), number in told.items() if name == "logplatform_up"}
    assert ups == {"tickets": 1, "topics": 1, "files": 1}
    assert value(told, "logplatform_disk_room") in (0, 1)
    assert (value(told, "logplatform_disk_free_bytes") or 0) > 0


def test_a_store_that_is_down_is_told_and_takes_nothing_else_with_it(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    for domain in ("archives", "machines"):
        with open_tenancy(settings, domain):
            pass
    (settings.data_root / "machines.db").write_bytes(b"this is no database" * 500)
    registry = registry_of(settings)
    told = page(registry)
    assert value(told, "logplatform_up", store="machines") == 0
    assert value(told, "logplatform_up", store="archives") == 1
    assert value(told, "logplatform_dead_letters_open", domain="archives") == 0
    assert "the metrics of machines cannot be measured" in caplog.text
    assert "file is not a database" in caplog.text


def test_a_broken_dagster_home_is_a_store_that_is_down(settings: Settings, tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "dagster.yaml").write_text("run_storage: {module: nowhere, class: Nothing}\n", encoding="utf-8")
    registry = CollectorRegistry()
    registry.register(PlatformCollector(stores(settings, home), platform(settings)))
    assert value(page(registry), "logplatform_up", store="dagster") == 0


def test_the_answer_is_kept_for_some_seconds_and_measured_by_one() -> None:
    """A hundred who collect at once, or one who asks without a pause, must not be a load on the stores."""
    asked, now = [], [0.0]
    begun = threading.Event()

    def ask() -> list[Sample]:
        asked.append(now[0])
        begun.set()
        time.sleep(0.05)
        return [Sample("logplatform_queue_jobs", (), len(asked))]

    collector = PlatformCollector({"x": ask}, Sample("logplatform_info", ("1", "t"), 1), 5.0, lambda: now[0])
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda _: list(collector.collect()), range(8)))
    assert len(asked) == 1
    assert len(found) == 8
    now[0] = 4.9
    collector.collect()
    assert len(asked) == 1
    now[0] = 5.1
    collector.collect()
    assert len(asked) == 2


def test_every_metric_is_named_and_documented_by_the_rules() -> None:
    """Base units, `_total` on counters alone, a help text in words; and the page of the docs lists each."""
    text = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text(encoding="utf-8")
    for name, metric in CATALOGUE.items():
        assert name.startswith("logplatform_")
        assert name.endswith("_total") == (metric.kind == "counter")
        assert not name.endswith(("_ms", "_mb", "_minutes", "_count"))
        assert metric.help.endswith(".")
        assert f"`{name}`" in text, f"docs/metrics.md does not tell {name}"


def test_labels_may_hold_anything() -> None:
    """A source's name comes from the settings, a topic's from people."""
    odd = 'a"b\\c\nd{}='
    made = families([Sample("logplatform_waiting_items", ("archives", odd), 1)])
    registry = CollectorRegistry()
    registry.register(type("Fixed", (), {"collect": lambda self: made})())
    assert value(page(registry), "logplatform_waiting_items", domain="archives", source=odd) == 1


def plans_of(tenancy: Tenancy, *measures: Measure) -> dict[str, str]:
    """How the database answers each statement of `measures`: statement -> plan."""
    statements: list[tuple[str, tuple[object, ...]]] = []

    def note(
        _connection: object, _cursor: object, statement: str, parameters: tuple[object, ...], *_rest: object
    ) -> None:
        statements.append((statement, parameters))

    event.listen(tenancy.database.engine, "before_cursor_execute", note)
    for measure in measures:
        list(measure(tenancy))
    event.remove(tenancy.database.engine, "before_cursor_execute", note)
    plans: dict[str, str] = {}
    with tenancy.database.read() as connection:
        for statement, parameters in statements:
            plan = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            plans[statement] = "; ".join(str(row[-1]) for row in plan)
    return plans


def test_what_is_many_is_counted_from_indexes_alone(settings: Settings) -> None:
    """A million files must not be read to be counted; dead letters hold up to 8 KiB each, uploads their previews."""
    with open_tenancy(settings, "archives") as tenancy:
        found = plans_of(tenancy, measure_files, measure_stored, measure_uploads)
    for table, wanted in (("observation", 1), ("dead_letter", 2), ("upload", 3)):
        plans = [plan for statement, plan in found.items() if f"FROM {table} " in statement.replace("\n", " ")]
        assert len(plans) == wanted, (table, plans)
        assert all("USING COVERING INDEX" in plan and "TEMP B-TREE" not in plan for plan in plans), (table, plans)


def test_a_topic_that_cannot_be_read_is_a_store_of_its_own(settings: Settings, tmp_path: Path) -> None:
    """The tables of tickets are told even if their log is broken."""
    with open_tenancy(settings, "tickets"):
        pass
    topic = settings.data_root / "spool" / "default" / "client_tickets"
    topic.mkdir(parents=True)
    (topic / "0").write_bytes(b"this is no folder")
    told = page(registry_of(settings))
    assert value(told, "logplatform_up", store="topics") == 0
    assert value(told, "logplatform_up", store="tickets") == 1
