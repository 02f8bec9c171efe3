"""Retention: each rule by a clock and a disk that the test moves, and the moments between two steps."""

from collections import Counter

import pytest

from logplatform.failures import TransientFailure
from logplatform.landing.observations import Status
from logplatform.landing.retention import GIB, Removed, RetentionPolicy
from logplatform_tests.landing.houses import House


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


def _kinds(removed: list[Removed]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for one in removed:
        counts[one.kind] += one.files
    return +counts
