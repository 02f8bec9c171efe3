"""Retention between two of its steps: deaths, landings meanwhile, what a dead process left."""

import os
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from logplatform.landing.publish import Landing
from logplatform.landing.retention import Removed
from logplatform.stores.files import LocalFiles
from logplatform.stores.sql import Database
from logplatform_tests.landing.houses import House


def test_abandoned_parts_go_by_age_and_those_being_written_stay(house: House) -> None:
    with house.files.part() as live:
        dead = house.files.root / "tmp" / "dead.part"
        dead.write_bytes(b"1")
        eight_days_ago = datetime.now(UTC).timestamp() - 8 * 86_400
        os.utime(dead, (eight_days_ago, eight_days_ago))
        assert _kinds(list(house.retention().by_age())) == {"tmp": 1}
        assert live.path.exists()
        assert not dead.exists()


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


def _kinds(removed: list[Removed]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for one in removed:
        counts[one.kind] += one.files
    return +counts


def _age(house: House, key: str, days: float) -> None:
    with house.files.local_path(key) as path:
        moment = house.now.timestamp() - days * 86_400
        os.utime(path, (moment, moment))


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
