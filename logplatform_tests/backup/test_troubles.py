"""Kills in the middle of a backup and of a restore, and backups that must not be restored."""

from pathlib import Path

import msgspec
import pytest

from logplatform.backup import layout
from logplatform.backup.layout import RESTORING, Target, read_manifest, seal
from logplatform.backup.restore import Place, restore
from logplatform.backup.take import Sources, take
from logplatform.failures import PermanentFailure
from logplatform.startup import ensure_ready
from logplatform_tests.archives.platform import access_log
from logplatform_tests.backup.house import House, whole
from logplatform_tests.backup.kills import die_at, killed


def _back_up_and_die(house: House, target: Path, step: int) -> None:
    take(Sources(house.settings, house.home), Target(target), die_at(step))


def _restore_and_die(house: House, target: Path, step: int) -> None:
    place = Target(target)
    restore(Place(house.settings, house.home), place, place.backup(None), die_at(step))


def test_a_backup_that_is_killed_leaves_the_former_one(house: House, tmp_path: Path) -> None:
    target = tmp_path / "target"
    first = house.back_up(target)
    house.put("web1", "new.log", access_log("new"))
    house.platform.run()
    step = 0
    while killed(_back_up_and_die, house, target, step):
        step += 2
        assert [path.name for path in Target(target).backups()] == [first.id]
        assert (target / "latest").resolve().name == first.id
        assert whole(target)
    assert step > 5
    assert len(Target(target).backups()) == 2
    assert whole(target)
    assert not list((target / "backups").glob(".making*"))


def test_a_restore_that_is_killed_is_done_again(house: House, tmp_path: Path) -> None:
    target = tmp_path / "target"
    house.back_up(target)
    seen = house.seen()
    for step in range(1, 50, 3):
        back = house.elsewhere(tmp_path / f"back{step}")
        if not killed(_restore_and_die, back, target, step):
            assert step > 6
            return
        if (back.settings.data_root / RESTORING).exists():
            with pytest.raises(PermanentFailure, match="has begun and not ended"):
                ensure_ready(back.settings)
        back.bring_back(target)
        assert back.seen() == seen, step


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
    back = house.elsewhere(tmp_path / "back")
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
    back = house.elsewhere(tmp_path / "back")
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
