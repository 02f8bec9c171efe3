"""Dropping old backups: what is kept stays whole, whatever dies."""

from pathlib import Path

import pytest

from logplatform.backup.drop import drop_old
from logplatform.backup.layout import FILES, SEAL, Target
from logplatform.failures import PermanentFailure, TransientFailure
from logplatform.landing.retention import Retention, RetentionPolicy
from logplatform_tests.archives.platform import access_log
from logplatform_tests.backup.house import House, quiet, whole
from logplatform_tests.backup.kills import die_removing, killed

pytestmark = pytest.mark.slow


def _forget_landed(house: House) -> None:
    """Retention removes what was landed: later backups do not list it."""
    with house.platform.tenancy() as tenancy:
        gone = RetentionPolicy(processed_days=-1, error_days=-1, tmp_days=-1)
        assert sum(one.files for one in Retention(tenancy.ledger, tenancy.files, gone).by_age()) > 2


def _three_backups(house: House, target: Path) -> list[str]:
    first = house.back_up(target)
    _forget_landed(house)
    second = house.back_up(target)
    house.put("web1", "new.log", access_log("new"))
    house.platform.run()
    return [first.id, second.id, house.back_up(target).id]


def _shared(target: Path) -> set[str]:
    return {str(path.relative_to(target)) for path in (target / "files").rglob("*") if path.is_file()}


def test_old_backups_go_with_the_files_that_only_they_needed(house: House, tmp_path: Path) -> None:
    target = tmp_path / "target"
    first, second, third = _three_backups(house, target)
    before = _shared(target)
    dropped = drop_old(Target(target), 2, quiet)
    assert dropped.backups == [first]
    after = _shared(target)
    assert (dropped.files, dropped.files > 2) == (len(before - after), True)
    assert [path.name for path in Target(target).backups()] == [second, third]
    for name in (second, third):
        back = house.elsewhere(tmp_path / name)
        back.bring_back(target, name)
        assert back.platform.missing() == house.platform.missing()
    assert not [path for path in (target / "files").rglob("*") if path.is_dir() and not any(path.iterdir())]
    (target / "latest").unlink()
    assert drop_old(Target(target), 2, quiet).files == 0
    assert (target / "latest").resolve().name == third


def _drop_and_die(target: Path, removals: int) -> None:
    die_removing(removals)
    drop_old(Target(target), 1, quiet)


def test_what_is_killed_leaves_the_kept_ones_whole(house: House, tmp_path: Path) -> None:
    target = tmp_path / "target"
    *_, third = _three_backups(house, target)
    kills = 0
    while killed(_drop_and_die, target, 11):
        kills += 1
        assert whole(target)
    assert kills > 2
    assert [path.name for path in Target(target).backups()] == [third]
    assert [path.name for path in (target / "backups").iterdir()] == [third]
    house.elsewhere(tmp_path / "back").bring_back(target)
    fresh = tmp_path / "fresh"
    house.back_up(fresh)
    assert _shared(target) == _shared(fresh)


def test_nothing_goes_where_it_is_not_known_what_is_needed(house: House, tmp_path: Path) -> None:
    target = tmp_path / "target"
    _, second, _ = _three_backups(house, target)
    before = _shared(target)
    seal = target / "backups" / second / SEAL
    sealed = seal.read_bytes()
    seal.unlink()
    with pytest.raises(PermanentFailure, match=f"{second}: no whole backup any more"):
        drop_old(Target(target), 2, quiet)
    seal.write_bytes(sealed)
    listed = Target(target).backup(None) / FILES
    listed.write_bytes(listed.read_bytes()[:-1])
    with pytest.raises(PermanentFailure, match=r"files\.db is damaged"):
        drop_old(Target(target), 1, quiet)
    assert _shared(target) == before
    assert len(Target(target).backups()) == 3


def test_nothing_goes_while_a_backup_is_made(house: House, tmp_path: Path) -> None:
    target = tmp_path / "target"
    house.back_up(target)
    with Target(target).making("one"), pytest.raises(TransientFailure, match="another backup"):
        drop_old(Target(target), 1, quiet)
    with pytest.raises(PermanentFailure, match="holds no backup"):
        drop_old(Target(tmp_path / "nothing"), 1, quiet)
