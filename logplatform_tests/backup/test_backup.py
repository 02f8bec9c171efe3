"""Backup and restore with embedded stores: all of it, while it runs, whatever dies, and nothing that is damaged."""

import multiprocessing
import os
import signal
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from logplatform.backup import copying, layout
from logplatform.backup import take as taking
from logplatform.backup.layout import RESTORING, Target, read_manifest, seal
from logplatform.backup.restore import Place, restore
from logplatform.backup.sqlite_files import save
from logplatform.backup.take import Sources, take
from logplatform.backup.verify import verify
from logplatform.failures import PermanentFailure, TransientFailure
from logplatform.landing.retention import Retention, RetentionPolicy
from logplatform.startup import ensure_ready
from logplatform.stores.files import Files
from logplatform_tests.archives.platform import access_log
from logplatform_tests.backup.house import House, quiet

SPAWN = multiprocessing.get_context("spawn")


@pytest.fixture
def house(tmp_path: Path) -> House:
    made = House(tmp_path / "house", tmp_path / "sources")
    made.fill()
    return made


def _whole(target: Path, name: str | None = None) -> bool:
    place = Target(target)
    return not list(verify(place, place.backup(name), quiet))


def _elsewhere(house: House, root: Path) -> House:
    return House(root, house.sources, house.stores, house.more)


def test_all_comes_back_and_goes_on_as_the_original(house: House, tmp_path: Path) -> None:
    manifest = house.back_up(tmp_path / "target")
    assert manifest.missing == []
    assert set(manifest.revisions) == {"archives", "uploads", "tickets"}
    assert _whole(tmp_path / "target")
    back = _elsewhere(house, tmp_path / "back")
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
    back = _elsewhere(house, tmp_path / "back")
    back.bring_back(target, first.id)
    assert "web1/new.log" not in back.platform.statuses()
    assert (target / "latest").resolve().name == third.id


def test_files_on_another_disk_are_copied(house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_self: Path, _target: Path) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    house.back_up(tmp_path / "target")
    monkeypatch.undo()
    assert _whole(tmp_path / "target")
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
        back = _elsewhere(house, tmp_path / manifest.id)
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
    back = _elsewhere(house, tmp_path / "back")
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
    assert _whole(tmp_path / "target")


def test_two_backups_into_one_target_do_not_mix(house: House, tmp_path: Path) -> None:
    with Target(tmp_path / "target").making("one"), pytest.raises(TransientFailure, match="another backup"):
        house.back_up(tmp_path / "target")


# ---- kills


def _die_at(step: int) -> Callable[[str, int], None]:
    steps = iter(range(step, -1, -1))

    def progress(_what: str, _done: int) -> None:
        if next(steps) == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    return progress


def _back_up_and_die(house: House, target: Path, step: int) -> None:
    take(Sources(house.settings, house.home), Target(target), _die_at(step))


def _restore_and_die(house: House, target: Path, step: int) -> None:
    place = Target(target)
    restore(Place(house.settings, house.home), place, place.backup(None), _die_at(step))


def _killed(work: Callable[..., None], *arguments: object) -> bool:
    child = SPAWN.Process(target=work, args=arguments)
    child.start()
    child.join()
    assert child.exitcode in {0, -signal.SIGKILL}
    return child.exitcode != 0


def test_a_backup_that_is_killed_leaves_the_former_one(house: House, tmp_path: Path) -> None:
    target = tmp_path / "target"
    first = house.back_up(target)
    house.put("web1", "new.log", access_log("new"))
    house.platform.run()
    step = 0
    while _killed(_back_up_and_die, house, target, step):
        step += 2
        assert [path.name for path in Target(target).backups()] == [first.id]
        assert (target / "latest").resolve().name == first.id
        assert _whole(target)
    assert step > 5
    assert len(Target(target).backups()) == 2
    assert _whole(target)
    assert not list((target / "backups").glob(".making*"))


def test_a_restore_that_is_killed_is_done_again(house: House, tmp_path: Path) -> None:
    target = tmp_path / "target"
    house.back_up(target)
    seen = house.seen()
    for step in range(1, 50, 3):
        back = _elsewhere(house, tmp_path / f"back{step}")
        if not _killed(_restore_and_die, back, target, step):
            assert step > 6
            return
        if (back.settings.data_root / RESTORING).exists():
            with pytest.raises(PermanentFailure, match="has begun and not ended"):
                ensure_ready(back.settings)
        back.bring_back(target)
        assert back.seen() == seen, step


# ---- what must not be restored


@pytest.mark.parametrize("what", ["file", "row", "manifest", "own list", "file list", "missing file"])
def test_a_damaged_backup_is_refused_and_nothing_is_done(house: House, tmp_path: Path, what: str) -> None:
    target = tmp_path / "target"
    newest = Target(target)
    house.back_up(target)
    backup = newest.backup(None)
    victim = {
        "file": next(it for it in (target / "files").rglob("*.parquet")),
        "missing file": next(it for it in (target / "files").rglob("*.parquet")),
        "row": backup / "databases" / "archives.db",
        "manifest": backup / layout.MANIFEST,
        "own list": backup / layout.OWN,
        "file list": backup / layout.FILES,
    }[what]
    data = bytearray(victim.read_bytes())
    victim.unlink()
    if what != "missing file":
        data[len(data) // 2] ^= 1
        victim.write_bytes(data)
    back = _elsewhere(house, tmp_path / "back")
    with pytest.raises(PermanentFailure, match="damaged"):
        back.bring_back(target)
    assert not back.settings.data_root.exists()


def test_a_place_that_holds_something_is_refused(house: House, tmp_path: Path) -> None:
    house.back_up(tmp_path / "target")
    before = house.seen()
    with pytest.raises(PermanentFailure, match=r"needs an empty place.*archives\.db"):
        house.bring_back(tmp_path / "target")
    assert house.seen() == before


def _rewritten(backup: Path, **changes: object) -> None:
    seal(backup, msgspec.structs.replace(read_manifest(backup), **changes))


def test_backups_of_other_stores_tenants_and_later_versions_are_refused(house: House, tmp_path: Path) -> None:
    target = tmp_path / "target"
    house.back_up(target)
    backup = Target(target).backup(None)
    back = _elsewhere(house, tmp_path / "back")
    manifest = read_manifest(backup)
    cases: list[tuple[dict[str, object], str]] = [
        ({"stores": {**manifest.stores, "stores.sql.type": "postgresql"}}, "stores.sql.type is sqlite here"),
        ({"tenant": "acme"}, "tenant is default here, and was acme"),
        ({"revisions": {"archives": "9999"}}, "newer"),
        ({"format": 2, "version": "9.0"}, "newer logplatform"),
    ]
    for changes, told in cases:
        _rewritten(backup, **{"format": 1, **changes})
        with pytest.raises(PermanentFailure, match=told):
            back.bring_back(target)
        seal(backup, manifest)
    assert not back.settings.data_root.exists()
    back.bring_back(target)


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
