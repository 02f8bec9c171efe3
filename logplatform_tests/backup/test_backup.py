"""Backup and restore with embedded stores: all of it, while it runs, whatever dies, and nothing that is damaged."""

import multiprocessing
import sqlite3
import time
from pathlib import Path

import pytest

from logplatform.backup import copying
from logplatform.backup import take as taking
from logplatform.backup.layout import Target
from logplatform.backup.sqlite_files import save
from logplatform.failures import TransientFailure
from logplatform.landing.retention import Retention, RetentionPolicy
from logplatform.startup import ensure_ready
from logplatform.stores.files import Files
from logplatform_tests.archives.platform import access_log
from logplatform_tests.backup.house import House, whole

pytestmark = pytest.mark.slow

SPAWN = multiprocessing.get_context("spawn")


def test_all_comes_back_and_goes_on_as_the_original(house: House, tmp_path: Path) -> None:
    manifest = house.back_up(tmp_path / "target")
    assert manifest.missing == []
    assert set(manifest.revisions) == {"archives", "uploads", "tickets"}
    assert whole(tmp_path / "target")
    back = house.elsewhere(tmp_path / "back")
    back.bring_back(tmp_path / "target")
    assert back.seen() == house.seen()
    for one in (house, back):
        one.go_on()
    assert back.seen() == house.seen()
    waiting = house.platform.files()["incoming/web2/waits.log"]
    assert waiting.status == "processed"
    ensure_ready(back.settings)
    assert not list((back.settings.data_root / "tmp").glob("*.part"))


def test_a_second_backup_costs_what_is_new(house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "target"
    first = house.back_up(target)
    some = next((target / "files" / "landing").rglob("*[0-9a-f]"))
    assert any(path.stat().st_nlink == 2 for path in (target / "files").rglob("*") if path.is_file()), some
    copied: list[str] = []
    real = taking.take_file

    def counted(files: Files, key: str, place: Path, parts: Path) -> None:
        copied.append(key)
        real(files, key, place, parts)

    monkeypatch.setattr(taking, "take_file", counted)
    house.back_up(target)
    assert copied == []
    house.put("web1", "new.log", access_log("new"))
    house.platform.run()
    third = house.back_up(target)
    # Two landed logs (one had waited in `incoming`), and their events.
    assert len(copied) == 3
    assert len(Target(target).backups()) == 3
    back = house.elsewhere(tmp_path / "back")
    back.bring_back(target, first.id)
    assert "web1/new.log" not in back.platform.statuses()
    assert (target / "latest").resolve().name == third.id


def test_files_on_another_disk_are_copied(house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_self: Path, _target: Path) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    house.back_up(tmp_path / "target")
    monkeypatch.undo()
    assert whole(tmp_path / "target")
    assert all(it.stat().st_nlink == 1 for it in (tmp_path / "target" / "files").rglob("*") if it.is_file())


def _work_on(root: Path, sources: Path, until: float) -> None:
    house, number = House(root, sources), 0
    while time.time() < until:
        house.put("web1", f"n{number}.log", access_log(f"n{number}"))
        house.platform.run()
        house.upload(f"n{number}.json", 100 + number * 5, 105 + number * 5)
        number += 1


def test_backups_made_while_others_write_are_each_of_one_moment(house: House, tmp_path: Path) -> None:
    target = tmp_path / "target"
    writer = SPAWN.Process(target=_work_on, args=(house.root, house.sources, time.time() + 25))
    writer.start()
    while "web1/n0.log" not in house.platform.statuses():
        time.sleep(0.1)
    made = []
    for _ in range(3):
        made.append(house.back_up(target))
        time.sleep(3)
    writer.join()
    assert writer.exitcode == 0
    house.go_on()
    files = set()
    for manifest in made:
        back = house.elsewhere(tmp_path / manifest.id)
        back.bring_back(target, manifest.id)
        assert set(back.platform.missing().values()) == {0}
        files.add(len(back.platform.events()))
        back.go_on()
        mine, theirs = back.seen(), house.seen()
        # Uploads that came after the backup are known to the original only.
        for name in ("uploads", "documents", "links", "statuses"):
            mine.pop(name), theirs.pop(name)
        assert mine == theirs
    assert max(files) > 9


def test_what_retention_removes_meanwhile_has_the_rows_saved_again(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    real = taking.take_file

    def first_prune(files: Files, key: str, place: Path, parts: Path) -> None:
        if not asked:
            with house.platform.tenancy() as tenancy:
                gone = RetentionPolicy(processed_days=-1, error_days=-1, tmp_days=-1)
                assert sum(it.files for it in Retention(tenancy.ledger, tenancy.files, gone).by_age()) > 2
        asked.append(key)
        real(files, key, place, parts)

    monkeypatch.setattr(taking, "take_file", first_prune)
    manifest = house.back_up(tmp_path / "target")
    assert manifest.missing == []
    back = house.elsewhere(tmp_path / "back")
    back.bring_back(tmp_path / "target")
    assert back.platform.events() == house.platform.events()
    with back.platform.tenancy() as tenancy:
        assert all(it.removed_at is not None for it in tenancy.ledger.contents(_digests(house)).values())


def _digests(house: House) -> list[str]:
    return [it.sha256 for it in house.platform.files().values() if it.sha256]


def test_what_is_lost_is_told_and_the_rest_is_saved(house: House, tmp_path: Path) -> None:
    with house.platform.tenancy() as tenancy:
        lost = next(iter(tenancy.files.keys("landing/default/archives")))
        tenancy.files.remove(lost)
    manifest = house.back_up(tmp_path / "target")
    assert manifest.missing == [lost]
    assert whole(tmp_path / "target")


def test_two_backups_into_one_target_do_not_mix(house: House, tmp_path: Path) -> None:
    with Target(tmp_path / "target").making("one"), pytest.raises(TransientFailure, match="another backup"):
        house.back_up(tmp_path / "target")


def test_a_database_is_saved_as_of_one_moment_beside_a_writer(tmp_path: Path) -> None:
    """Copying page by page would mix them."""
    live = sqlite3.connect(tmp_path / "live.db", isolation_level=None)
    live.execute("PRAGMA journal_mode=WAL")
    live.execute("CREATE TABLE pair (a INTEGER, b INTEGER)")
    live.execute("INSERT INTO pair SELECT 0, 0 FROM (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n "
                 "WHERE i < 20000) SELECT i FROM n)")  # fmt: skip
    child = SPAWN.Process(target=_flip, args=(tmp_path / "live.db", time.time() + 5))
    child.start()
    for turn in range(10):
        taking_copy = tmp_path / f"copy{turn}.db"
        save(tmp_path / "live.db", taking_copy)
        with sqlite3.connect(taking_copy) as copy:
            assert len(copy.execute("SELECT DISTINCT a, b FROM pair").fetchall()) == 1
    child.join()
    assert copying.sha256_of(taking_copy)


def _flip(path: Path, until: float) -> None:
    connection = sqlite3.connect(path, isolation_level=None, timeout=30)
    turn = 0
    while time.time() < until:
        turn += 1
        connection.execute("UPDATE pair SET a = ?, b = ?", (turn, turn))
