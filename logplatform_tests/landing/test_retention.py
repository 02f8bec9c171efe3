"""Retention: each rule by a clock and a disk that the test moves, and the moments between two steps."""

import os
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from logplatform.failures import TransientFailure
from logplatform.landing.ledger import Ledger
from logplatform.landing.observations import Observation, Status
from logplatform.landing.publish import Landing
from logplatform.landing.retention import GIB, Removed, Retention, RetentionPolicy
from logplatform.landing.retry import RetryPolicy
from logplatform.sources.base import Entry, Landed
from logplatform.stores.files import LocalFiles
from logplatform.stores.sql import Database

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY = date(2026, 1, 1)
POLICY = RetentionPolicy(processed_days=30, error_days=90, tmp_days=7, disk_space_threshold_gb=10)


class TightFiles(LocalFiles):
    """A store whose free space is what the test says, and grows by GIB with each file that is removed."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.free = 100 * GIB
        self.removed: list[str] = []

    def free_bytes(self) -> int:
        return self.free

    def remove(self, key: str) -> bool:
        self.free += GIB
        self.removed.append(key)
        return super().remove(key)


@dataclass
class House:
    """A domain's landing with a clock that stands still until it is moved."""

    files: TightFiles
    database: Database
    now: datetime = START
    names: Counter[str] = field(default_factory=Counter)

    @property
    def ledger(self) -> Ledger:
        return Ledger(self.database, "archives", "default", now=lambda: self.now)

    def retention(self, policy: RetentionPolicy = POLICY) -> Retention:
        return Retention(self.ledger, self.files, policy)

    def land(self, name: str, content: bytes | None = None, source: str = "web1") -> tuple[Observation, Landed]:
        data = name.encode() if content is None else content
        self.names[name] += 1
        with Landing(self.files, "archives", "default").receive() as receiver:
            receiver.write(data)
        landed = receiver.landed
        assert landed is not None
        with self.ledger.transaction() as connection:
            self.ledger.record(connection, source, [(Entry(name, len(data), self.names[name]), DAY)], None)
        found = list(self.ledger.versions(source, name))[-1]
        with self.ledger.transaction() as connection:
            self.ledger.land(connection, self.files, found, landed, "run")
        return found, landed

    def bring(self, found: Observation, status: Status) -> None:
        with self.ledger.transaction() as connection:
            self.ledger.advance(connection, [found], status, "run")

    def fail(self, found: Observation, *, permanent: bool) -> None:
        failure = "it is cut" if permanent else TransientFailure("busy")
        with self.ledger.transaction() as connection:
            self.ledger.fail(connection, found, "extract", failure, "run", RetryPolicy())

    def extract(self, landed: Landed) -> str:
        with self.files.part() as part:
            part.write(b"extracted " + landed.sha256.encode())
            key = f"contents/default/archives/{landed.sha256}"
            part.publish(key)
        with self.ledger.transaction() as connection:
            self.ledger.describe(
                connection, landed.sha256, content_key=key, content_sha256=landed.sha256, content_size=5
            )
        return key

    def pass_days(self, days: float) -> None:
        self.now += timedelta(days=days)


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(TightFiles(tmp_path / "data"), Database.at(tmp_path / "data" / "archives.db"))


def _kinds(removed: list[Removed]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for one in removed:
        counts[one.kind] += one.files
    return +counts


@pytest.mark.parametrize("status", ["processed", "seen"])
def test_what_is_delivered_goes_after_its_days_and_not_before(house: House, status: Status) -> None:
    found, landed = house.land("a.gz")
    extracted = house.extract(landed)
    house.bring(found, status)
    house.pass_days(29.9)
    assert _kinds(list(house.retention().by_age())) == {}
    house.pass_days(0.2)
    assert _kinds(list(house.retention().by_age())) == {"processed": 1, "extracted": 1}
    assert not house.files.exists(landed.object_key)
    assert not house.files.exists(extracted)


@pytest.mark.parametrize("status", ["pending", "copied", "extracted"])
def test_what_is_not_delivered_never_goes(house: House, status: Status) -> None:
    """Neither age nor a full disk may take what nobody has used yet."""
    found, landed = house.land("a.gz")
    house.extract(landed)
    house.bring(found, status)
    house.pass_days(10_000)
    house.files.free = 0
    assert _kinds([*house.retention().by_age(), *house.retention().make_room()]) == {}
    assert house.files.exists(landed.object_key)


def test_what_failed_for_good_is_kept_longer_than_what_is_delivered(house: House) -> None:
    found, landed = house.land("broken.gz")
    extracted = house.extract(landed)
    house.fail(found, permanent=True)
    house.pass_days(89.9)
    assert _kinds(list(house.retention().by_age())) == {}
    house.pass_days(0.2)
    assert _kinds(list(house.retention().by_age())) == {"error": 1, "extracted": 1}
    assert not house.files.exists(extracted)


def test_what_will_be_tried_again_is_kept(house: House) -> None:
    found, landed = house.land("busy.gz")
    house.fail(found, permanent=False)
    house.pass_days(10_000)
    house.files.free = 0
    assert _kinds([*house.retention().by_age(), *house.retention().make_room()]) == {}
    assert house.files.exists(landed.object_key)


def test_delivered_files_do_not_go_by_the_shorter_time_of_failed_ones(house: House) -> None:
    """With error_days below processed_days, delivered files once went as if they had failed."""
    found, landed = house.land("a.gz")
    house.bring(found, "processed")
    house.pass_days(50)
    policy = RetentionPolicy(processed_days=100, error_days=10)
    assert _kinds(list(house.retention(policy).by_age())) == {}
    assert house.files.exists(landed.object_key)


def test_bytes_that_two_files_share_wait_for_both(house: House) -> None:
    first, landed = house.land("a.gz", b"same")
    house.bring(first, "processed")
    house.pass_days(31)
    second, _ = house.land("b.gz", b"same", source="web2")
    assert _kinds(list(house.retention().by_age())) == {}
    house.bring(second, "processed")
    house.pass_days(31)
    assert _kinds(list(house.retention().by_age())) == {"processed": 1}
    assert not house.files.exists(landed.object_key)


def test_a_failed_twin_keeps_the_bytes_as_long_as_a_failure_is_kept(house: House) -> None:
    first, landed = house.land("a.gz", b"same")
    second, _ = house.land("b.gz", b"same", source="web2")
    house.bring(first, "processed")
    house.fail(second, permanent=True)
    house.pass_days(60)
    assert _kinds(list(house.retention().by_age())) == {}
    assert house.files.exists(landed.object_key)


def test_cleaning_forgets_no_row_so_nothing_is_collected_again(house: House) -> None:
    found, landed = house.land("a.gz")
    house.bring(found, "processed")
    house.pass_days(31)
    list(house.retention().by_age())
    assert list(house.ledger.unknown("web1", [found.entry])) == []
    assert house.ledger.count() == {"processed": 1}
    content = house.ledger.content(landed.sha256)
    assert content is not None
    assert content.removed_at == house.now


def test_bytes_that_come_back_are_there_again(house: House) -> None:
    found, landed = house.land("a.gz", b"same")
    house.bring(found, "processed")
    house.pass_days(31)
    list(house.retention().by_age())
    house.land("a.gz", b"same")
    content = house.ledger.content(landed.sha256)
    assert content is not None
    assert content.removed_at is None
    assert house.files.exists(landed.object_key)
    house.pass_days(1_000)
    assert _kinds(list(house.retention().by_age())) == {}


def test_the_disk_guard_pauses_below_its_threshold_only(house: House) -> None:
    house.files.free = 10 * GIB
    assert house.retention().has_room()
    house.files.free -= 1
    assert not house.retention().has_room()
    with pytest.raises(TransientFailure, match="less than 10 GB are free"):
        house.retention().require_room()
    assert house.retention(RetentionPolicy(disk_space_threshold_gb=0)).has_room()


def test_a_disk_with_room_is_not_cleaned(house: House) -> None:
    found, _ = house.land("a.gz")
    house.bring(found, "processed")
    house.pass_days(1)
    house.files.free = 11 * GIB
    assert list(house.retention().make_room()) == []


def test_a_full_disk_is_cleaned_in_order_and_oldest_first(house: House) -> None:
    """tmp, processed, extracted and delivered, then error; within each the oldest first."""
    keys: dict[str, str] = {}
    for name in ("p1", "p2", "e1", "e2", "waiting"):
        house.pass_days(1)
        found, landed = house.land(name)
        keys[landed.object_key] = name
        if name.startswith("p"):
            keys[house.extract(landed)] = f"{name} extracted"
            house.bring(found, "processed")
        elif name.startswith("e"):
            house.fail(found, permanent=True)
    house.pass_days(1)
    house.files.free = 0
    removed = list(house.retention(RetentionPolicy(disk_space_target_gb=100)).make_room())
    assert [keys[key] for key in house.files.removed] == ["p1", "p2", "p1 extracted", "p2 extracted", "e1", "e2"]
    assert [one.kind for one in removed] == ["tmp", *["processed"] * 2, *["extracted"] * 2, *["error"] * 2]


def test_cleaning_stops_at_the_target(house: House) -> None:
    for name in ("p1", "p2", "p3", "p4"):
        house.pass_days(1)
        found, _ = house.land(name)
        house.bring(found, "processed")
    house.pass_days(1)
    house.files.free = 9 * GIB
    list(house.retention(RetentionPolicy(disk_space_target_gb=11)).make_room())
    assert len(house.files.removed) == 2


def test_abandoned_parts_go_by_age_and_those_being_written_stay(house: House) -> None:
    with house.files.part() as live:
        dead = house.files.root / "tmp" / "dead.part"
        dead.write_bytes(b"1")
        eight_days_ago = datetime.now(UTC).timestamp() - 8 * 86_400
        os.utime(dead, (eight_days_ago, eight_days_ago))
        assert _kinds(list(house.retention().by_age())) == {"tmp": 1}
        assert live.path.exists()
        assert not dead.exists()


def _age(house: House, key: str, days: float) -> None:
    with house.files.local_path(key) as path:
        moment = house.now.timestamp() - days * 86_400
        os.utime(path, (moment, moment))


def test_bytes_of_a_process_that_died_before_it_committed_are_swept(house: House) -> None:
    with Landing(house.files, "archives", "default").receive() as receiver:
        receiver.write(b"nobody knows me")
    assert receiver.landed is not None
    keys = [receiver.landed.object_key, f"contents/default/archives/ab/{'ab' * 32}"]
    with house.files.part() as part:
        part.publish(keys[1])
    for key in keys:
        _age(house, key, 6)
    assert _kinds(list(house.retention().by_age())) == {}
    for key in keys:
        _age(house, key, 8)
    assert _kinds(list(house.retention().by_age())) == {"tmp": 2}
    assert not any(house.files.exists(key) for key in keys)


def test_old_bytes_that_the_ledger_knows_are_no_orphans(house: House) -> None:
    _, landed = house.land("a.gz")
    _age(house, landed.object_key, 1_000)
    _age(house, house.extract(landed), 1_000)
    assert _kinds(list(house.retention().by_age())) == {}


class _Killed(BaseException):
    """Ends a retention like a kill: nothing after it runs."""


def _dies_unlinking(house: House, monkeypatch: pytest.MonkeyPatch, *, after: bool) -> None:
    remove = LocalFiles.remove

    def dying(files: LocalFiles, key: str) -> bool:
        if after:
            remove(files, key)
        raise _Killed

    with monkeypatch.context() as patch:
        patch.setattr(LocalFiles, "remove", dying)
        with pytest.raises(_Killed):
            list(house.retention().by_age())


@pytest.mark.parametrize("after", [False, True], ids=["before the unlink", "after the unlink"])
def test_a_death_between_mark_and_unlink_leaves_no_bytes_for_ever(
    house: House, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    found, landed = house.land("a.gz")
    house.bring(found, "processed")
    house.pass_days(31)
    _age(house, landed.object_key, 31)
    _dies_unlinking(house, monkeypatch, after=after)
    content = house.ledger.content(landed.sha256)
    assert content is not None
    assert content.removed_at is not None  # never bytes that the ledger promises and that are gone
    list(house.retention().by_age())
    assert not house.files.exists(landed.object_key)


def test_a_death_between_mark_and_unlink_loses_nothing_that_lands_after(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, landed = house.land("a.gz", b"same")
    house.bring(found, "processed")
    house.pass_days(31)
    _dies_unlinking(house, monkeypatch, after=False)
    house.land("b.gz", b"same")
    house.pass_days(31)
    list(house.retention().by_age())
    assert house.files.exists(landed.object_key)


def _race(house: House, monkeypatch: pytest.MonkeyPatch, step: int, act: Callable[[], None]) -> None:
    """Let `act` happen right before the `step`-th transaction of a retention that runs now."""
    write, done = Database.write, Counter[str]()

    def racing(database: Database) -> object:
        done["transactions"] += 1
        if done["transactions"] == step:
            with monkeypatch.context() as patch:
                patch.setattr(Database, "write", write)
                act()
        return write(database)

    with monkeypatch.context() as patch:
        patch.setattr(Database, "write", racing)
        list(house.retention().by_age())


@pytest.mark.parametrize("step", [1, 2], ids=["before the mark", "between mark and unlink"])
def test_a_file_with_the_same_bytes_that_lands_meanwhile_keeps_them(
    house: House, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """What was chosen to go a moment ago was once removed although an undelivered file had landed on it since."""
    found, landed = house.land("a.gz", b"same")
    house.bring(found, "processed")
    house.pass_days(31)
    _race(house, monkeypatch, step, lambda: house.land("b.gz", b"same") and None)
    assert house.files.exists(landed.object_key)
    content = house.ledger.content(landed.sha256)
    assert content is not None
    assert content.removed_at is None


def test_bytes_under_two_names_go_with_the_last_of_them(house: House) -> None:
    """A plain file needs no extraction: its landed bytes are its content, and both go only together."""
    found, landed = house.land("plain.log")
    with house.ledger.transaction() as connection:
        house.ledger.describe(
            connection, landed.sha256, content_key=landed.object_key, content_sha256=landed.sha256, content_size=1
        )
    house.bring(found, "processed")
    house.pass_days(31)
    list(house.retention().by_age())
    assert not house.files.exists(landed.object_key)
    assert len(house.files.removed) == 1
