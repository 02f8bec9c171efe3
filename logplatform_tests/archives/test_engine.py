"""Archives from source to events, on real stores: what is delivered, what is refused, what is known already."""

import codecs
import gzip
import json
from datetime import timedelta
from pathlib import Path

import pytest

from logplatform.archives import compaction
from logplatform.archives.deliver import events_dataset
from logplatform.archives.engine import collect_step, deliver_step, derive_day, run_batch, unpack_step
from logplatform.archives.job import batch_job
from logplatform.archives.measures import arrows, broken
from logplatform.failures import PermanentFailure
from logplatform.orchestration.batches import Bounds, propose
from logplatform.stores.schema import observation as table
from logplatform_tests.archives.platform import NOTHING_MISSING, Platform, access_log
from logplatform_tests.archives.writers import COMPRESS, ENDING


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
