"""The folders that users read show what the ledger says."""

import gzip

import pytest

from logplatform.archives import unshown
from logplatform.archives.deliver import deliver
from logplatform.archives.job import batch_job
from logplatform.archives.unpack import unpack
from logplatform.failures import TransientFailure
from logplatform.landing.observations import Observation
from logplatform_tests.archives.platform import Platform, access_log


def test_views_follow_the_status(platform: Platform) -> None:
    """The folders that people know show where each file stands; a link of each leads to its bytes."""
    data = access_log("app")
    platform.put("web1", "logs/app.log.gz", gzip.compress(data))
    platform.run()
    assert (platform.data / "extracted" / "web1" / "logs" / "app.log").read_bytes() == data
    assert gzip.decompress((platform.data / "processed" / "web1" / "logs" / "app.log.gz").read_bytes()) == data
    assert not (platform.data / "incoming" / "web1" / "logs" / "app.log.gz").exists()


def test_what_a_dead_run_left_unshown_is_shown_by_the_next_look(
    platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
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
    assert platform.run() == [], "nothing is new"
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


def _no_space(_tenancy: object, _files: object) -> None:
    raise TransientFailure("no space left on device")


def _all(platform: Platform) -> list[Observation]:
    with platform.tenancy() as tenancy:
        return list(tenancy.ledger.find())
