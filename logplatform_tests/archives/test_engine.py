"""Archives from source to events, on real stores: what is delivered, what is refused, what is known already."""

import codecs
import gzip
import json
import os
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from logplatform.archives import compaction, unshown
from logplatform.archives.by_hand import Choice, reopen_failed
from logplatform.archives.deliver import deliver, events_dataset
from logplatform.archives.engine import collect_step, deliver_step, derive_day, run_batch, unpack_step
from logplatform.archives.job import batch_job
from logplatform.archives.measures import arrows, broken
from logplatform.archives.sensors import day_landed, watched
from logplatform.archives.unpack import unpack
from logplatform.failures import LeaseHeld, PermanentFailure, TransientFailure
from logplatform.landing.leases import batch_lease
from logplatform.landing.observations import Observation
from logplatform.orchestration.batches import Bounds, propose
from logplatform.orchestration.discovery import Left, look
from logplatform.sources.base import Entry
from logplatform.stores.schema import observation as table
from logplatform_tests.archives.platform import Platform, access_log
from logplatform_tests.archives.writers import COMPRESS, ENDING

NOTHING_MISSING = {"seen → landed": 0, "landed → extracted": 0, "extracted → events": 0}


@pytest.fixture
def platform(tmp_path: Path) -> Platform:
    return Platform(tmp_path)


def test_every_format_goes_from_source_to_events(platform: Platform) -> None:
    """One log a format, plain too: each delivered once, a second run changes nothing."""
    for compression, pack in COMPRESS.items():
        platform.put("web1", f"{compression}.log{ENDING[compression]}", pack(access_log(compression)))
    platform.put("web1", "plain.log", access_log("plain"))
    raw, extracted, events = platform.run()
    assert (raw.came, raw.out, extracted.out, events.came, events.out) == (5, 5, 5, 15, 15)
    assert set(platform.statuses().values()) == {"processed"}
    before = platform.events()
    assert len(before) == 15
    assert platform.run() == []
    assert platform.events() == before
    assert platform.missing() == NOTHING_MISSING


def test_same_name_on_two_servers_is_two_files(platform: Platform) -> None:
    """Equal content of different servers is not a duplicate, equal names are not the same file."""
    data = gzip.compress(access_log("same"))
    platform.put("web1", "app.log.gz", data)
    platform.put("web2", "app.log.gz", data)
    platform.put("web2", "other.log.gz", data)
    platform.run()
    assert set(platform.statuses().values()) == {"processed"}
    assert [server for server, *_ in platform.events()] == ["web1"] * 3 + ["web2"] * 6


def test_content_under_a_rotated_name_is_seen_and_not_delivered_twice(platform: Platform) -> None:
    """app.log → app.log.1.gz → app.log.2.gz, compressed anew each time; the content decides."""
    log = platform.put("web1", "app.log", access_log("first"))
    platform.run()
    log.unlink()
    platform.put("web1", "app.log.1.gz", gzip.compress(access_log("first"), 1))
    platform.put("web1", "app.log", access_log("second"))
    platform.run()
    platform.put("web1", "app.log.2.gz", gzip.compress(access_log("first"), 9))
    platform.put("web1", "app.log.1.gz", gzip.compress(access_log("second")))
    reports = platform.run()
    assert [status for name, status in platform.statuses().items() if name.endswith(".gz")] == ["seen", "seen"]
    assert sorted(path for _, path, *_ in platform.events()) == ["app.log"] * 6
    assert reports[1].duplicates == 3
    assert platform.missing() == NOTHING_MISSING


def test_rotated_name_with_new_content_is_a_new_file(platform: Platform) -> None:
    """A name that was seen before says nothing about what the file holds now."""
    platform.put("web1", "app.log.1.gz", gzip.compress(access_log("monday")))
    platform.run()
    platform.put("web1", "app.log.1.gz", gzip.compress(access_log("tuesday")))
    platform.run()
    assert len(platform.events()) == 6


def test_two_days_of_equal_text_are_both_delivered(platform: Platform) -> None:
    """A rotation that dates its files never renames one day into another."""
    for day in ("20250517", "20250518"):
        platform.put("web1", f"beat.log-{day}.gz", gzip.compress(b"still alive\n"))
    platform.run()
    assert [message for *_, message in platform.events()] == ["still alive"] * 2


def test_a_touched_file_is_not_delivered_again(platform: Platform) -> None:
    """The same bytes under the same name with a new mtime are the same file."""
    file = platform.put("web1", "app.log.gz", gzip.compress(access_log("app")))
    platform.run()
    os.utime(file, (1_700_000_000, 1_700_000_000))
    platform.run()
    assert len(platform.events()) == 3
    assert sorted(found.status for found in _all(platform)) == ["processed", "seen"]


def test_a_live_log_that_grew_replaces_what_it_was_before(platform: Platform) -> None:
    """Taken at rest, it grew, was rotated: each line is delivered once, and letters of the old version are closed."""
    begun, odd, more = access_log("app", 3), b"odd line\n", access_log("app", 9)[len(access_log("app", 3)) :]
    log = platform.put("web1", "app.log", begun + odd)
    platform.put("web2", "app.log", begun)
    platform.run()
    log.write_bytes(begun + odd + more)
    *_, events = platform.run()
    assert (events.came, events.used, events.out, events.dead_letters) == (13, 12, 12, 1)
    log.write_bytes(access_log("next"))
    platform.put("web1", "app.log.1.gz", gzip.compress(begun + odd + more + more))
    platform.run()
    rows = [(server, path) for server, path, *_ in platform.events()]
    assert rows == [("web1", "app.log")] * 3 + [("web1", "app.log.1.gz")] * 15 + [("web2", "app.log")] * 3
    assert platform.letters() == [("web1/app.log.1.gz", 4, "not a line of the access log format")]
    assert sorted(found.status for found in _all(platform)) == ["processed"] * 3 + ["seen"] * 2
    assert platform.missing() == NOTHING_MISSING


def test_versions_of_a_live_log_in_one_batch_are_delivered_once(platform: Platform) -> None:
    """A run that was held up finds several versions waiting: the last one counts."""
    log = platform.put("web1", "app.log", access_log("app", 3))
    with platform.tenancy() as tenancy:
        for lines in (3, 6, 9):
            log.write_bytes(access_log("app", lines))
            look(tenancy.ledger, watched(tenancy), 30)
            (proposal,) = propose(tenancy.ledger, Bounds(), set(), 1, "test")
            with batch_job(tenancy, proposal.batch_id, "run") as job:
                list(collect_step(job))
        with tenancy.ledger.transaction() as connection:
            tenancy.ledger.assign(connection, [found.id for found in tenancy.ledger.find()], "late")
        run_batch(tenancy, "late", "run")
    assert len(platform.events()) == 9
    assert platform.missing() == NOTHING_MISSING


def test_a_smaller_file_of_the_same_beginning_is_only_replaced_by_its_own_log(platform: Platform) -> None:
    """Other logs, archives and dated files that happen to begin alike are files of their own."""
    for name in ("a.log", "b.log-20250517", "c.log.1"):
        platform.put("web1", name, access_log("same", 3))
    platform.put("web1", "d.log.gz", gzip.compress(access_log("same", 3)))
    platform.run()
    for name in ("other.log", "b.log-20250518", "c.log.2"):
        platform.put("web1", name, access_log("same", 6))
    platform.put("web1", "d.log.1.gz", gzip.compress(access_log("same", 6)))
    platform.run()
    assert set(platform.statuses().values()) == {"processed"}
    assert len(platform.events()) == 4 * 3 + 4 * 6


def test_bad_archives_go_to_quarantine_and_the_rest_goes_on(platform: Platform) -> None:
    """Each kind of bad archive: a clear reason, a note beside its bytes, and no retry that could not help."""
    good = gzip.compress(access_log("good"))
    platform.put("web1", "good.log.gz", good)
    platform.put("web1", "cut.log.gz", good[:-5])
    platform.put("web1", "tail.log.gz", good + b"junk")
    platform.put("web1", "crc.log.gz", good[:-8] + b"0000" + good[-4:])
    platform.put("web1", "page.log.gz", b"<html>502</html>")
    platform.put("web1", "sub/empty.log.gz", b"")
    raw, extracted, events = platform.run()
    assert (raw.out, extracted.out, extracted.dead_letters, events.came) == (6, 1, 5, 3)
    reasons = {name: found.error for name, found in platform.files().items() if found.status == "error"}
    expected = {"cut": "is cut at byte", "tail": "after the last member", "crc": "checksum", "page": "promises gzip"}
    for name, part in expected.items():
        assert part in (reasons[f"web1/{name}.log.gz"] or "")
    assert "empty file" in (reasons["web1/sub/empty.log.gz"] or "")
    quarantine = platform.data / "error" / "quarantine" / "web1"
    assert (quarantine / "cut.log.gz").read_bytes() == good[:-5]
    note = json.loads((quarantine / "cut.log.gz.json").read_text())
    assert (note["attempts"], note["origin"], note["error_kind"], note["error_type"]) == (
        1, "web1/cut.log.gz", "corruption", "permanent",
    )  # fmt: skip
    assert note["first_time"] <= note["last_time"]
    assert (quarantine / "sub" / "empty.log.gz.json").is_file()
    assert platform.run() == []
    assert platform.missing() == NOTHING_MISSING
    with platform.tenancy() as tenancy:
        found = broken(tenancy)
    assert found.count == 5
    assert "recover --error-type quarantine" in found.sample[0].recover


def test_a_decompression_bomb_is_refused(tmp_path: Path) -> None:
    """Past the limits of the settings an archive is not extracted."""
    platform = Platform(tmp_path, archives={"limits": {"max_extracted_bytes": 1_000_000}})
    platform.put("web1", "bomb.gz", gzip.compress(bytes(2_000_000)))
    platform.run()
    assert "max_extracted_bytes" in (platform.files()["web1/bomb.gz"].error or "")


def test_odd_lines_are_dead_letters_with_their_place_and_reason(platform: Platform) -> None:
    """The rest of the file is delivered, secrets are hidden, and lines = events' lines + dead letters."""
    odd = b"what is this? password=hunter2\n"
    platform.put("web1", "app.log.gz", gzip.compress(access_log("app", 10) + odd + access_log("more", 10)))
    *_, events = platform.run()
    assert (events.came, events.used, events.out, events.dead_letters) == (21, 20, 20, 1)
    assert platform.letters() == [("web1/app.log.gz", 11, "not a line of the access log format")]
    with platform.tenancy() as tenancy:
        (letter,) = tenancy.letters.find()
    assert b"hunter2" not in letter.raw
    assert letter.raw.startswith(b"what is this?")
    assert platform.missing() == NOTHING_MISSING


def test_logs_in_utf16_are_read_as_their_mark_says(platform: Platform) -> None:
    """Packed or plain, every line is counted, parsed or refused as in UTF-8; the bytes kept are those that came."""
    text = access_log("café", 3).decode() + "odd ਊ line\n" + access_log("thé", 2).decode()
    platform.put("web1", "little.log.gz", gzip.compress(codecs.BOM_UTF16_LE + text.encode("utf-16-le")))
    platform.put("web1", "big.log", codecs.BOM_UTF16_BE + text.encode("utf-16-be"))
    platform.put("web2", "same.log", text.encode())
    *_, events = platform.run()
    assert (events.came, events.used, events.out, events.dead_letters) == (18, 15, 15, 3)
    message = platform.events("line, message")
    assert sorted(message) == sorted(3 * platform.events("line, message")[:5])
    assert {line for _, line, _ in platform.letters()} == {4}
    assert platform.missing() == NOTHING_MISSING


def test_views_follow_the_status(platform: Platform) -> None:
    """The folders that people know show where each file stands; a link of each leads to its bytes."""
    data = access_log("app")
    platform.put("web1", "logs/app.log.gz", gzip.compress(data))
    platform.run()
    assert (platform.data / "extracted" / "web1" / "logs" / "app.log").read_bytes() == data
    assert gzip.decompress((platform.data / "processed" / "web1" / "logs" / "app.log.gz").read_bytes()) == data
    assert not (platform.data / "incoming" / "web1" / "logs" / "app.log.gz").exists()


def test_what_a_dead_run_left_unshown_is_shown_by_the_next(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its files are committed and in nobody's batch any more; only the note it left tells of them."""
    platform.put("web1", "app.log.gz", gzip.compress(access_log("app")))
    with monkeypatch.context() as broken_disk:
        broken_disk.setattr(unshown, "show", _no_space)
        with pytest.raises(TransientFailure):
            platform.run()
        with platform.tenancy() as tenancy, batch_job(tenancy, _all(platform)[0].batch_id or "", "run") as job:
            for step in (unpack, deliver):
                list(step(job))
    assert platform.statuses() == {"web1/app.log.gz": "processed"}
    assert not (platform.data / "processed").exists()
    platform.put("web2", "other.log.gz", gzip.compress(access_log("other")))
    platform.run()
    assert (platform.data / "processed" / "web1" / "app.log.gz").is_symlink()
    assert not list((platform.data / "tmp").glob("*.unshown"))


def test_two_versions_and_a_folder_of_one_name_are_all_shown(platform: Platform) -> None:
    """A view never hides one file behind another; the later one gets a name that tells its content."""
    for text in ("monday", "tuesday"):
        platform.put("web1", "app.log.gz", gzip.compress(access_log(text)))
        platform.run()
    (platform.root / "servers" / "web1" / "app.log.gz").unlink()
    platform.put("web1", "app.log.gz/inner.gz", gzip.compress(access_log("inner")))
    platform.run()
    shown = sorted(path.name for path in (platform.data / "processed" / "web1").iterdir())
    assert [name.split(".gz")[0] for name in shown] == ["app.log", "app.log", "app.log"]
    contents = {gzip.decompress(path.read_bytes()) for path in (platform.data / "processed" / "web1").iterdir()}
    assert contents == {access_log(text) for text in ("monday", "tuesday", "inner")}


def test_files_dropped_into_incoming_are_taken(platform: Platform) -> None:
    """They are of the server whose folder it is, leave it once they are safe, and rotation is known across."""
    data = gzip.compress(access_log("app"))
    platform.put("web1", "app.log.gz", data)
    platform.run()
    dropped = platform.drop("web1", "app.log.1.gz", gzip.compress(access_log("app"), 1))
    other = platform.drop("web3", "new.log.gz", data)
    platform.run()
    assert not dropped.exists()
    assert not other.exists()
    assert platform.statuses()["incoming/web1/app.log.1.gz"] == "seen"
    assert {server for server, *_ in platform.events()} == {"web1", "web3"}
    assert platform.run() == []


def test_dropped_files_are_left_where_the_settings_say_so(tmp_path: Path) -> None:
    """`archives.incoming: false` leaves them."""
    platform = Platform(tmp_path, archives={"incoming": False})
    file = platform.drop("web1", "app.log.gz", gzip.compress(access_log("app")))
    platform.run()
    assert file.exists()
    assert platform.statuses() == {}


def test_delete_source_removes_only_what_is_verified_and_unchanged(tmp_path: Path) -> None:
    """A corrupt file stays at its source; a removal that a crash prevented is made up for in the next run."""
    platform = Platform(tmp_path)
    platform.archives["sources"] = [{"name": "web1", "path": tmp_path / "servers" / "web1", "delete_source": True}]
    good = platform.put("web1", "good.log.gz", gzip.compress(access_log("good")))
    bad = platform.put("web1", "bad.log.gz", b"no archive")
    platform.run()
    assert (good.exists(), bad.exists()) == (False, True)
    shutil.copyfile(bad, good)
    good.write_bytes(gzip.compress(access_log("good")))
    found = platform.files()["web1/good.log.gz"]
    os.utime(good, ns=(found.mtime_ns, found.mtime_ns))
    platform.put("web1", "next.log.gz", gzip.compress(access_log("next")))
    platform.run()
    assert not good.exists()
    assert len(platform.events()) == 6


def test_a_file_that_vanished_is_an_error_of_its_own(platform: Platform) -> None:
    """Permanent errors are not retried; the others of the batch are delivered."""
    gone = platform.put("web1", "gone.log.gz", gzip.compress(access_log("gone")))
    platform.put("web1", "here.log.gz", gzip.compress(access_log("here")))
    platform.look()
    gone.unlink()
    platform.run()
    found = platform.files()["web1/gone.log.gz"]
    assert (found.status, found.error_kind, found.error_type) == ("error", "copy", "permanent")
    assert (platform.data / "error" / "copy" / "web1" / "gone.log.gz.json").is_file()
    assert platform.statuses()["web1/here.log.gz"] == "processed"
    assert platform.missing() == NOTHING_MISSING


def test_a_version_that_was_replaced_before_it_was_copied_is_superseded(platform: Platform) -> None:
    """It can never be fetched any more, and its successor holds what there is: no error stays behind."""
    platform.put("web1", "app.log.gz", b"first version")
    platform.look()
    platform.put("web1", "app.log.gz", gzip.compress(access_log("app")))
    platform.run()
    assert sorted(found.status for found in _all(platform)) == ["processed", "superseded"]
    assert platform.missing() == NOTHING_MISSING


def test_a_source_that_is_gone_from_the_settings(platform: Platform) -> None:
    """What waits of it is told with the reason; putting the source back and recovering is told too."""
    platform.put("web2", "app.log.gz", gzip.compress(access_log("app")))
    platform.look()
    platform.servers = ("web1",)
    platform.run()
    assert "put it back" in (platform.files()["web2/app.log.gz"].error or "")


def test_an_unreachable_source_does_not_hold_up_the_others(platform: Platform) -> None:
    """The look names it; what is there of the other server is delivered."""
    platform.put("web1", "app.log.gz", gzip.compress(access_log("app")))
    with platform.tenancy() as tenancy:
        shutil.rmtree(platform.root / "servers" / "web2")
        found = look(tenancy.ledger, watched(tenancy), 30)
    assert list(found.failures) == ["web2"]
    assert found.new == 1


def test_deriving_a_day_again_replaces_rows_and_dead_letters(platform: Platform) -> None:
    """With a new setting (another zone) the same bytes give other rows; nothing of the old ones stays."""
    lines = b"2025-05-17 10:00:00 INFO up\n\tat frame\n" * 5
    platform.put("web1", "app.log.gz", gzip.compress(b"\tat nothing\n" + lines))
    platform.run()
    before = platform.events("time")
    platform.settings_more["timezone"] = "Europe/Paris"
    with platform.tenancy() as tenancy:
        reports = derive_day(tenancy, platform.today(), "again")
    after = platform.events("time")
    assert [old[0] - new[0] for old, new in zip(before, after, strict=True)] == [timedelta(hours=2)] * 5
    assert [line for _, line, _ in platform.letters()] == [1]
    assert (reports[2].came, reports[2].used, reports[2].dead_letters) == (11, 10, 1)
    assert platform.missing() == NOTHING_MISSING


def test_deriving_a_day_whose_bytes_are_gone_is_refused_and_changes_nothing(platform: Platform) -> None:
    """An empty day must never be published in place of a full one."""
    platform.put("web1", "app.log.gz", gzip.compress(access_log("app")))
    platform.run()
    before = platform.events()
    with platform.tenancy() as tenancy:
        (found,) = tenancy.ledger.find()
        known = tenancy.ledger.content(found.sha256 or "")
        assert known is not None
        tenancy.files.remove(known.object_key)
        with tenancy.ledger.transaction() as connection:
            tenancy.ledger.describe(connection, known.sha256, removed_at=tenancy.now())
        with pytest.raises(PermanentFailure, match="gone"):
            derive_day(tenancy, found.day, "again")
    assert platform.events() == before


def test_landed_bytes_that_changed_on_disk_are_found_out(platform: Platform) -> None:
    """Deriving again reads the landed bytes; they must still hash to what they did."""
    platform.put("web1", "app.log.gz", gzip.compress(access_log("app")))
    platform.run()
    before = platform.events()
    with platform.tenancy() as tenancy:
        (found,) = tenancy.ledger.find()
        known = tenancy.ledger.content(found.sha256 or "")
        assert known is not None
        path = platform.data / known.object_key
        path.write_bytes(gzip.compress(access_log("other")))
        with pytest.raises(PermanentFailure, match="changed on this disk"):
            derive_day(tenancy, found.day, "again")
    assert platform.events() == before


def test_events_switched_off_make_extraction_the_delivery(tmp_path: Path) -> None:
    """Then a file is processed once it is extracted, and there are no event rows."""
    platform = Platform(tmp_path, archives={"events": False})
    platform.put("web1", "app.log.gz", gzip.compress(access_log("app")))
    reports = platform.run()
    assert len(reports) == 2
    assert platform.statuses() == {"web1/app.log.gz": "processed"}
    assert platform.events() == []


def test_a_batch_is_worked_on_once_at_a_time(platform: Platform) -> None:
    """The lease decides, whoever proposed the batch."""
    platform.put("web1", "app.log.gz", gzip.compress(access_log("app")))
    platform.look()
    with platform.tenancy() as tenancy:
        (proposal,) = propose(tenancy.ledger, Bounds(), set(), 1, "test")
        tenancy.ledger.leases.acquire(batch_lease(proposal.batch_id), "another-host/1/run")
        with pytest.raises(LeaseHeld):
            run_batch(tenancy, proposal.batch_id, "run")
    assert platform.statuses() == {"web1/app.log.gz": "pending"}


def test_collection_pauses_on_a_full_disk(tmp_path: Path) -> None:
    """Below the threshold nothing is fetched and the file waits; with room again it comes in."""
    platform = Platform(
        tmp_path, settings_more={"landing": {"disk_space_threshold_gb": 1e6, "disk_space_target_gb": 1e6}}
    )
    platform.put("web1", "app.log.gz", gzip.compress(access_log("app")))
    with pytest.raises(TransientFailure, match="disk_space_threshold_gb"):
        platform.run()
    assert platform.statuses() == {"web1/app.log.gz": "pending"}
    platform.settings_more = {}
    with platform.tenancy() as tenancy:
        found = next(tenancy.ledger.find())
        run_batch(tenancy, found.batch_id or "", "run")
    assert platform.statuses() == {"web1/app.log.gz": "processed"}


def test_a_growing_file_is_left_for_later() -> None:
    """A recent mtime means growth, also on a clock a little ahead; one that is far ahead tells nothing."""
    now = datetime(2025, 5, 17, 12, tzinfo=UTC)
    settle = timedelta(seconds=60)

    def entry(age: float) -> Entry:
        return Entry("a", 1, int((now.timestamp() - age) * 1e9))

    assert isinstance(day_landed(entry(10), now, settle), Left)
    assert isinstance(day_landed(entry(-300), now, settle), Left)
    assert day_landed(entry(61), now, settle) == now.date()
    assert day_landed(entry(-7200), now, settle) == now.date()
    assert day_landed(Entry("a", 1, 0), now, settle) == now.date()
    assert day_landed(Entry("a", 1, 1 << 62), now, settle) == now.date()


def test_days_of_many_small_files_are_merged(platform: Platform, monkeypatch: pytest.MonkeyPatch) -> None:
    """Batches come and go by the minute; readers see the same rows in few files."""
    monkeypatch.setattr(compaction, "MOST_FILES", 3)
    for number in range(4):
        platform.put("web1", f"app{number}.log.gz", gzip.compress(access_log(f"app{number}")))
        platform.run()
    with platform.tenancy() as tenancy:
        assert len(events_dataset(tenancy).visible()) == 1
        derive_day(tenancy, platform.today(), "again")
    assert len(platform.events()) == 12
    assert platform.missing() == NOTHING_MISSING


def test_a_transient_failure_is_tried_until_the_policy_is_exhausted(platform: Platform) -> None:
    """Content that cannot be read now is no corruption: it waits, counts its attempts, is given up, and recovers."""
    platform.archives["retry"] = {"retry_delay_base": 0, "max_retry_extract": 1}
    platform.put("web1", "app.log.gz", gzip.compress(access_log("app")))
    platform.put("web1", "good.log.gz", gzip.compress(access_log("good")))
    platform.look()
    with platform.tenancy() as tenancy:
        (proposal,) = propose(tenancy.ledger, Bounds(), set(), 1, "test")
        with batch_job(tenancy, proposal.batch_id, "run") as job:
            list(collect_step(job))
        found = next(tenancy.ledger.find(table.c.path == "app.log.gz"))
        key = f"landing/default/archives/{(found.sha256 or '')[:2]}/{found.sha256}"
        data = (platform.data / key).read_bytes()
        (platform.data / key).unlink()
        run_batch(tenancy, proposal.batch_id, "run")
        first = next(tenancy.ledger.find(table.c.id == found.id))
        assert (first.status, first.error_kind, first.error_type, first.attempts) == (
            "error",
            "extract",
            "transient",
            1,
        )
        run_batch(tenancy, proposal.batch_id, "run")
        last = next(tenancy.ledger.find(table.c.id == found.id))
        assert (last.error_type, last.attempts, last.next_attempt_at) == ("permanent", 2, None)
        note = platform.data / "error" / "extract" / "web1" / "app.log.gz.json"
        assert json.loads(note.read_text())["attempts"] == 2
        (platform.data / key).write_bytes(data)
        assert reopen_failed(tenancy, Choice("extract", "web1", "*.gz")) == 1
    platform.run()
    assert set(platform.statuses().values()) == {"processed"}
    assert not note.exists()


def test_content_that_vanished_before_it_was_parsed_holds_nobody_up(platform: Platform) -> None:
    """Its group is parsed without it; the next attempt extracts it again."""
    for name in ("a", "b", "c"):
        platform.put("web1", f"{name}.log.gz", gzip.compress(access_log(name)))
    platform.look()
    with platform.tenancy() as tenancy:
        (proposal,) = propose(tenancy.ledger, Bounds(), set(), 1, "test")
        with batch_job(tenancy, proposal.batch_id, "run") as job:
            list(collect_step(job))
            list(unpack_step(job))
            found = next(tenancy.ledger.find(table.c.path == "b.log.gz"))
            known = tenancy.ledger.content(found.sha256 or "")
            assert known is not None
            tenancy.files.remove(known.content_key or "")
            list(deliver_step(job))
        assert {path for _, path, *_ in platform.events()} == {"a.log.gz", "c.log.gz"}
        run_batch(tenancy, proposal.batch_id, "run")
    assert len(platform.events()) == 9
    assert platform.missing() == NOTHING_MISSING


def test_arrows_count_the_store_not_the_last_run(platform: Platform) -> None:
    """A row that is lost behind the ledger's back is found, whatever ran green since."""
    platform.put("web1", "app.log.gz", gzip.compress(access_log("app")))
    platform.run()
    with platform.tenancy() as tenancy:
        with tenancy.database.write() as connection:
            connection.exec_driver_sql("UPDATE content SET lines = lines + 2")
        (arrow,) = [arrow for arrow in arrows(tenancy) if arrow.name == "extracted → events"]
    assert arrow.missing == 2


def _no_space(_tenancy: object, _files: object) -> None:
    raise TransientFailure("no space left on device")


def _all(platform: Platform) -> list[Observation]:
    with platform.tenancy() as tenancy:
        return list(tenancy.ledger.find())
