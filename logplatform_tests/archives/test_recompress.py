"""Recompressing extracted logs: the same content in less room, whatever happens on the way."""

import gzip
import hashlib
import io
import multiprocessing
import os
import shutil
import signal
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import zstandard

from logplatform.archives import recompress
from logplatform.archives.contents import open_content, original
from logplatform.archives.engine import deliver_step, derive_day
from logplatform.archives.job import days_job
from logplatform.archives.places import is_recompressed
from logplatform.landing.leases import utc_now
from logplatform.landing.observations import Content, Observation
from logplatform.landing.retention import Removed
from logplatform.pruning import prune
from logplatform.stores.files import TEMPORARY, LocalFiles
from logplatform.stores.schema import observation as table
from logplatform.tenancy import Tenancy, open_tenancy
from logplatform_tests.archives.platform import Platform, access_log
from logplatform_tests.faults.killing import Kill, read_course, watcher, write_course

NO_GUARD = {"disk_space_threshold_gb": 0, "disk_space_target_gb": 0}
CHANGES = ("commit", "rename", "unlink", "symlink", "replace")
"""The steps after which another process, or a restart, sees something else."""
_CHILDREN = multiprocessing.get_context("forkserver")
_CHILDREN.set_forkserver_preload([__name__])


def _platform(root: Path, *, on: bool = True) -> Platform:
    return Platform(root, archives={"recompress_extracted": on}, settings_more={"landing": NO_GUARD})


@pytest.fixture
def platform(tmp_path: Path) -> Platform:
    """Two delivered archives and a plain log."""
    platform = _platform(tmp_path / "house")
    platform.put("web1", "app/app.log.gz", gzip.compress(access_log("app", 60)))
    platform.put("web2", "db.log.zst", zstandard.compress(access_log("db", 60)))
    platform.put("web2", "plain.log", access_log("plain"))
    platform.run()
    return platform


def _prune(platform: Platform, later: timedelta = timedelta(0)) -> list[Removed]:
    def now() -> datetime:
        return utc_now() + later

    with open_tenancy(platform.settings, "archives", now) as tenancy:
        return [removed for removed in prune(tenancy) if removed.files]


def _contents(platform: Platform) -> Iterator[tuple[Observation, Content]]:
    with platform.tenancy() as tenancy:
        for found in tenancy.ledger.find():
            known = tenancy.ledger.content(found.sha256 or "")
            assert known is not None
            yield found, known


def _extracted(platform: Platform) -> dict[str, bytes]:
    """What the folder `extracted` shows: names, and the bytes behind them."""
    top = platform.data / "extracted"
    return {str(path.relative_to(top)): path.read_bytes() for path in top.rglob("*") if not path.is_dir()}


def _objects(platform: Platform) -> set[str]:
    return {str(path.relative_to(platform.data)) for path in (platform.data / "contents").rglob("*") if path.is_file()}


def test_off_by_default(tmp_path: Path) -> None:
    platform = Platform(tmp_path, settings_more={"landing": NO_GUARD})
    platform.put("web1", "app.log.gz", gzip.compress(access_log("app")))
    platform.run()
    assert _prune(platform) == []
    assert _extracted(platform) == {"web1/app.log": access_log("app")}


def test_what_is_delivered_is_kept_as_zstd_and_reads_the_same(platform: Platform) -> None:
    """The plain bytes are gone, the row names the others, people find NAME.zst, and a plain log is left alone."""
    (removed,) = _prune(platform)
    assert (removed.kind, removed.files) == ("recompressed", 2)
    shown = _extracted(platform)
    assert set(shown) == {"web1/app/app.log.zst", "web2/db.log.zst", "web2/plain.log"}
    assert shown["web2/plain.log"] == access_log("plain")
    packed = zstandard.ZstdDecompressor().decompressobj()
    assert packed.decompress(shown["web1/app/app.log.zst"]) == access_log("app", 60)
    for found, known in _contents(platform):
        assert is_recompressed(known.content_key or "") == (found.name != "plain.log")
        with open_content(LocalFiles(platform.data), known.content_key or "") as reader:
            assert hashlib.sha256(reader.read()).hexdigest() == known.content_sha256
    recompressed = [known for found, known in _contents(platform) if found.name != "plain.log"]
    assert _objects(platform) == {known.content_key for known in recompressed}
    plain_bytes = sum(known.content_size or 0 for known in recompressed)
    assert removed.bytes == plain_bytes - sum((platform.data / key).stat().st_size for key in _objects(platform))
    assert _prune(platform) == []
    assert set(platform.missing().values()) == {0}


def test_deriving_again_gives_the_same_and_recompresses_anew(platform: Platform) -> None:
    """From the compressed form (events alone) and from the landed bytes, which bring the plain form back."""
    before = platform.events()
    _prune(platform)
    with platform.tenancy() as tenancy:
        derive_day(tenancy, platform.today(), "again")
    assert platform.events() == before
    assert set(_extracted(platform)) == {"web1/app/app.log", "web2/db.log", "web2/plain.log"}
    assert [(it.kind, it.files) for it in _prune(platform)] == [("recompressed", 2)]
    assert set(_extracted(platform)) == {"web1/app/app.log.zst", "web2/db.log.zst", "web2/plain.log"}


def test_events_alone_are_derived_from_the_compressed_form(platform: Platform) -> None:
    before = platform.events()
    _prune(platform)
    with platform.tenancy() as tenancy, days_job(tenancy, (platform.today(),), "again") as job:
        (report,) = deliver_step(job)
    assert report.out == len(before)
    assert platform.events() == before
    assert platform.letters() == []
    assert "web1/app/app.log.zst" in _extracted(platform)


def test_retention_removes_the_compressed_form_as_it_does_the_plain(platform: Platform) -> None:
    _prune(platform)
    kinds = Counter(removed.kind for removed in _prune(platform, timedelta(days=31)))
    # A plain log is one object with two names: the last name takes it along.
    assert (kinds["processed"], kinds["extracted"]) == (2, 3)
    assert _objects(platform) == set()
    assert platform.run() == []


def test_what_is_not_delivered_or_not_what_it_was_is_left_alone(platform: Platform) -> None:
    """Nobody's bytes move while somebody waits for them, and damaged ones are never given a fresh checksum."""
    (app,) = [known for found, known in _contents(platform) if found.name == "app.log.gz"]
    (db,) = [found for found, _ in _contents(platform) if found.name == "db.log.zst"]
    damaged = platform.data / (app.content_key or "")
    damaged.write_bytes(b"x" + damaged.read_bytes()[1:])
    with platform.tenancy() as tenancy, tenancy.database.write() as connection:
        connection.execute(table.update().where(table.c.id == db.id).values(status="extracted"))
    before = _extracted(platform)
    assert _prune(platform) == []
    assert _extracted(platform) == before


def test_nothing_is_recompressed_while_days_are_derived_again(platform: Platform) -> None:
    before = _extracted(platform)
    with platform.tenancy() as tenancy, days_job(tenancy, (platform.today(),), "again"):
        assert _prune(platform) == []
    assert _extracted(platform) == before
    assert [removed.files for removed in _prune(platform)] == [2]


def test_equal_bytes_that_land_meanwhile_keep_the_plain_form(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They were extracted to the same key just before it would go: the row names it again, so it must stay."""
    shown = recompress.show

    def landing(tenancy: Tenancy, files: Iterable[Observation]) -> None:
        shown(tenancy, files)
        platform.put("web2", "copy.log.gz", (platform.root / "servers/web1/app/app.log.gz").read_bytes())
        platform.run("meanwhile")

    monkeypatch.setattr(recompress, "show", landing)
    _prune(platform)
    for found, known in _contents(platform):
        assert is_recompressed(known.content_key or "") == (found.name == "db.log.zst")
        with open_content(LocalFiles(platform.data), known.content_key or "") as reader:
            assert hashlib.sha256(reader.read()).hexdigest() == known.content_sha256
    assert _extracted(platform)["web2/copy.log"] == access_log("app", 60)


def _child(root: Path, kill: Kill | None, course: Path | None) -> None:
    watching = watcher(kill, record=course is not None)
    _prune(_platform(root))
    if course is not None:
        write_course(course, watching, 0)
    os._exit(0)


def _run_child(root: Path, kill: Kill | None, course: Path | None = None) -> int | None:
    child = _CHILDREN.Process(target=_child, args=(root, kill, course))
    child.start()
    child.join()
    return child.exitcode


def test_killed_after_any_change_and_pruned_again_it_is_as_if_nothing_had_been(
    platform: Platform, tmp_path: Path
) -> None:
    """kill -9 right after each commit, rename, unlink and link; then no content is lost, and no object too many."""
    events = platform.events()
    clean, note = tmp_path / "clean", tmp_path / "course.json"
    shutil.copytree(platform.root, clean, symlinks=True)
    assert _run_child(clean, None, note) == 0
    expected = _extracted(_platform(clean)), _objects(_platform(clean))
    course = read_course(note)
    points = [nth for nth, name in enumerate(course.steps, 1) if name in {f"after {change}" for change in CHANGES}]
    assert len(points) > 10
    for nth in points:
        case = tmp_path / f"case {nth}"
        shutil.copytree(platform.root, case, symlinks=True)
        assert _run_child(case, Kill("step", nth)) == -signal.SIGKILL
        killed = _platform(case)
        for _, known in _contents(killed):
            with open_content(LocalFiles(killed.data), known.content_key or "") as reader:
                assert hashlib.sha256(reader.read()).hexdigest() == known.content_sha256, f"step {nth}"
        _prune(killed)
        # What the dead process left behind is swept once it is old enough.
        _prune(killed, timedelta(days=8))
        assert (_extracted(killed), _objects(killed)) == expected, f"step {nth}"
        assert not list((killed.data / TEMPORARY).glob("*.unshown"))
        assert killed.events() == events


def test_the_reader_of_compressed_content_seeks_like_a_file(tmp_path: Path) -> None:
    """The parser looks at the middle and the end of a file before it reads it."""
    data = b"".join(f"line {number}\n".encode() for number in range(300_000))
    with original(io.BytesIO(zstandard.compress(data))) as reader:
        for offset in (0, len(data) // 2, len(data) - 100, 5, len(data) + 10):
            reader.seek(offset)
            assert reader.read(64) == data[offset : offset + 64]
        reader.seek(0)
        assert reader.read() == data


def test_compressed_content_that_is_cut_cannot_be_read() -> None:
    """As an OSError, which the delivery takes for a file that cannot be read now; never as a shorter log."""
    packed = zstandard.compress(os.urandom(1 << 20))
    with original(io.BytesIO(packed[:-10])) as reader, pytest.raises(OSError, match="cut"):
        reader.read()
