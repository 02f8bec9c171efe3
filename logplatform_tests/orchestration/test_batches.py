"""Finding and cutting: what is taken, what is left and told, and at what pace unfinished work comes back."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from logplatform.failures import LeaseHeld, Unreachable
from logplatform.landing.ledger import Ledger, batch_lease
from logplatform.orchestration.batches import Bounds, Proposal, batch_name, propose
from logplatform.orchestration.discovery import BEGINNING, Place, Watched, look
from logplatform.sources.base import Entry
from logplatform.sources.folder import FolderSource
from logplatform.stores.sql import Database
from logplatform_tests.orchestration.toy import day_of

NOW = datetime(2025, 6, 1, 8, 0, tzinfo=UTC)


@dataclass
class Clock:
    """A time that tests move."""

    time: datetime = NOW

    def __call__(self) -> datetime:
        return self.time


@dataclass(frozen=True)
class Listing(FolderSource):
    """A source with a given listing; `breaks` stands for a server that cannot be reached."""

    entries: tuple[Entry, ...] = field(default=())
    breaks: bool = False

    def list(self) -> Iterator[Entry]:
        if self.breaks:
            raise Unreachable(f"source {self.name}: no route to host")
        yield from self.entries


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(database: Database, clock: Clock) -> Ledger:
    return Ledger(database, "machines", "default", clock)


def listing(*days: str, name: str = "plant", size: int = 10, breaks: bool = False) -> Watched:
    entries = tuple(Entry(f"DEM12/{day}.LOG", size, 1) for day in days)
    return Watched(Listing(name, __file__, (), entries=entries, breaks=breaks), day_of)  # ty: ignore[invalid-argument-type] (the root is never read)


def proposed(ledger: Ledger, bounds: Bounds = Bounds(), most: int = 100) -> list[Proposal]:  # noqa: B008 (frozen)
    return propose(ledger, bounds, (), most, "test")


def test_new_files_are_recorded_once_and_known_after(ledger: Ledger) -> None:
    watched = [listing("20250512", "20250513")]
    first, second = look(ledger, watched, 10), look(ledger, watched, 10)
    assert (first.listed, first.new, first.known) == (2, 2, 0)
    assert (second.listed, second.new, second.known) == (2, 0, 2)


def test_files_out_of_bounds_are_left_counted_and_named(ledger: Ledger) -> None:
    """A date before the first partition or in the future is a reported state, never a failed run."""
    found = look(ledger, [listing("20250512", "19991231", "20300101", "notadate")], 10)
    assert found.left == {"too early": 1, "future": 1, "not ours": 1}
    assert found.samples["future"] == ["plant: DEM12/20300101.LOG: dated after today"]
    assert ledger.count() == {"pending": 1}


def test_a_dead_source_is_told_and_the_others_go_on(ledger: Ledger) -> None:
    """One server that is down must not stop the rest, and must not look like success either."""
    found = look(ledger, [listing(name="down", breaks=True), listing("20250512")], 10)
    assert found.failures == {"down": "source down: no route to host"}
    assert found.new == 1


def test_a_listing_longer_than_the_time_budget_is_read_to_its_end_over_several_looks(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a place to go on from, a look that always starts anew would never reach the end."""
    monkeypatch.setattr("logplatform.orchestration.discovery.LOOKUP_CHUNK", 10)
    days = [f"202505{number:02d}" for number in range(1, 31)]
    watched = [listing(*days), listing("20250601", name="second")]
    places, place = [], BEGINNING
    for _ in range(5):
        place = look(ledger, watched, 0, place).next
        places.append(place)
    assert places == [Place(0, 10), Place(0, 20), Place(0, 30), Place(1, 1), BEGINNING]
    assert ledger.count() == {"pending": 31}


def test_batches_end_where_a_day_is_missing_and_at_the_bounds(ledger: Ledger) -> None:
    look(ledger, [listing("20250512", "20250513", "20250515"), listing("20250512", name="b")], 10)
    found = proposed(ledger, Bounds(max_files=2))
    assert [(one.first_day.day, one.last_day.day, one.items) for one in found] == [
        (12, 12, 2),
        (13, 13, 1),
        (15, 15, 1),
    ]
    assert [len(list(ledger.batch(one.batch_id))) for one in found] == [2, 1, 1]


def test_a_file_larger_than_a_batch_makes_a_batch_of_its_own(ledger: Ledger) -> None:
    look(ledger, [listing("20250512", "20250513", size=100)], 10)
    assert [one.bytes for one in proposed(ledger, Bounds(max_bytes=50))] == [100, 100]


def test_what_a_run_has_in_hand_is_left_to_it(ledger: Ledger) -> None:
    """A queued run has no lease yet; taking its files away each tick would never let it start."""
    look(ledger, [listing("20250512")], 10)
    (first,) = proposed(ledger)
    ledger_later = replace(ledger, now=lambda: NOW + timedelta(hours=2))
    assert propose(ledger_later, Bounds(), {first.batch_id}, 8, "test") == []
    with ledger_later.leases.hold(batch_lease(first.batch_id), "host/1/run"):
        assert proposed(ledger_later) == []


def test_an_unfinished_batch_comes_back_as_the_next_attempt_ever_more_slowly(ledger: Ledger, clock: Clock) -> None:
    """A run that fails each time must not be started each tick, and its files must not be given up either."""
    look(ledger, [listing("20250512")], 10)
    (first,) = proposed(ledger)
    assert first.attempt == 1
    assert proposed(ledger) == []
    clock.time += timedelta(seconds=30)
    (second,) = proposed(ledger)
    assert (second.attempt, second.batch_id != first.batch_id) == (2, True)
    clock.time += timedelta(seconds=30)
    assert proposed(ledger) == []
    clock.time += timedelta(seconds=30)
    assert [one.attempt for one in proposed(ledger)] == [3]


def test_a_batch_tells_its_time_content_and_attempt(ledger: Ledger) -> None:
    look(ledger, [listing("20250512")], 10)
    (one,) = proposed(ledger)
    name = batch_name(one.batch_id)
    assert name is not None
    assert (name.proposed_at, name.attempt) == (NOW, 1)
    assert batch_name("somebody-elses") is None


def test_two_proposers_do_not_cut_the_same_files(ledger: Ledger) -> None:
    """A command and the sensor may propose at the same moment."""
    look(ledger, [listing("20250512")], 10)
    with ledger.leases.hold("propose/machines/default", "other/1/x"), pytest.raises(LeaseHeld):
        proposed(ledger)
    assert len(proposed(ledger)) == 1


def test_only_as_many_batches_as_asked_for(ledger: Ledger) -> None:
    """A backlog of any length stays in the ledger, not in Dagster's queue."""
    look(ledger, [listing("20250501", "20250503", "20250505", "20250507")], 10)
    assert [one.first_day for one in proposed(ledger, most=2)] == [date(2025, 5, 1), date(2025, 5, 3)]


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(st.integers(1, 28), st.integers(0, 40)), min_size=1, max_size=30),
    st.integers(1, 5),
    st.integers(1, 100),
)
def test_any_backlog_is_cut_whole_and_within_bounds(
    tmp_path_factory: pytest.TempPathFactory, files: list[tuple[int, int]], max_files: int, max_bytes: int
) -> None:
    """Each file in exactly one batch, each batch within its bounds and without a gap between its days."""
    database = Database.at(tmp_path_factory.mktemp("cut") / "machines.db")
    ledger = Ledger(database, "machines", "default", lambda: NOW)
    entries = [(Entry(f"{number}.LOG", size, 1), date(2025, 5, day)) for number, (day, size) in enumerate(files)]
    with ledger.transaction() as connection:
        ledger.record(connection, "plant", entries, None)
    found = proposed(ledger, Bounds(max_files, max_bytes))
    assert sum(one.items for one in found) == len(files)
    for one in found:
        held = list(ledger.batch(one.batch_id))
        days = sorted({observation.day for observation in held})
        assert (len(held), days[0], days[-1]) == (one.items, one.first_day, one.last_day)
        assert len(held) <= max_files
        assert len(held) == 1 or sum(observation.size for observation in held) <= max_bytes
        assert all(after - before == timedelta(days=1) for before, after in pairwise(days))
    database.close()
