"""All four domains on PostgreSQL, Redis, MongoDB, Elasticsearch, Kafka, Spark, SFTP, FTP and HTTP at once."""

from datetime import date

import pytest
from rich.console import Console

from logplatform.demo.plan import Plan
from logplatform_tests.endtoend.compared import Compared, Counts, compare, show
from logplatform_tests.servers.plugin import address

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Compared:
    found = compare(tmp_path_factory.mktemp("endtoend"), Plan("small", 1, date(2026, 3, 29)), address)
    show(Console(width=150), found)
    return found


def test_every_count_on_the_servers_is_that_of_the_embedded_run(compared: Compared) -> None:
    told = {key: (compared.embedded.first.get(key), compared.server.first.get(key)) for key in compared.differing}
    assert not told
    assert not compared.server.problems
    assert not compared.embedded.problems


def test_the_counts_are_those_of_the_input(compared: Compared) -> None:
    """Equal on both sides could also be nothing on both sides."""
    counts = compared.server.first
    assert counts["archives", "files processed"] == 43
    assert counts["archives", "files error"] == 5
    assert counts["machines", "files processed"] == 36
    assert counts["uploads", "files completed"] == 26
    assert counts["uploads", "answered 201"] + counts["uploads", "answered 400"] == 30
    assert counts["tickets", "messages taken in"] == 2_842
    assert counts["tickets", "messages refused"] == 95
    assert counts["tickets", "messages duplicates"] == 67
    assert counts["tickets", "table tickets_with_assignment: rows"] == 2_842
    assert counts["uploads", "documents in the index"] > 3_000


def _kept(counts: Counts) -> Counts:
    """Without what a run says of itself alone."""
    of_one_run = (" listed", " new", " known")
    return {key: count for key, count in counts.items() if not key[1].endswith(of_one_run) and key[0] != "dagster"}


@pytest.mark.parametrize("stage", ["embedded", "server"])
def test_nothing_is_counted_twice_by_a_second_run(compared: Compared, stage: str) -> None:
    played = compared.server if stage == "server" else compared.embedded
    assert _kept(played.again) == _kept(played.first)
    assert {key[0]: count for key, count in played.again.items() if key[1].endswith(" new")} == {
        "archives": 0, "machines": 0, "uploads": 0, "tickets": 0,
    }  # fmt: skip


def test_every_arrow_is_whole(compared: Compared) -> None:
    arrows = {key: count for key, count in compared.server.first.items() if "→" in key[1]}
    missing = {key: count for key, count in arrows.items() if key[1].endswith(" missing")}
    assert len(missing) >= 8
    assert not any(missing.values())
