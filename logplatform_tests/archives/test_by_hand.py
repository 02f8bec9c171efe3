"""Single files that a person names: which one is meant, and what is dropped into `incoming/` for it."""

import gzip
import os
from pathlib import Path

import pytest

from logplatform.archives.by_hand import drop, landed_file
from logplatform.failures import PermanentFailure
from logplatform_tests.archives.platform import Platform, access_log


def _elsewhere(platform: Platform, name: str | bytes, text: str) -> Path:
    folder = platform.root / "mail"
    folder.mkdir(exist_ok=True)
    file = folder / os.fsdecode(name)
    file.write_bytes(gzip.compress(access_log(text), mtime=0))
    return file


def test_a_file_here_is_known_by_its_bytes_not_by_its_name(platform: Platform) -> None:
    """An archive that only shares its name with a collected one is not taken for it."""
    platform.put("web1", "logs/app.log.gz", gzip.compress(access_log("app"), mtime=0))
    platform.run()
    same, other = _elsewhere(platform, "mail.gz", "app"), _elsewhere(platform, "app.log.gz", "another")
    with platform.tenancy() as tenancy:
        by_name, by_bytes = landed_file(tenancy, "app.log.gz", None), landed_file(tenancy, str(same), None)
        assert by_name is not None
        assert by_name == by_bytes
        assert landed_file(tenancy, str(other), "web1") is None


def test_a_dropped_file_replaces_no_other_that_waits(platform: Platform) -> None:
    """What somebody else put there stays, and is taken; the same file again is no fault."""
    waiting = platform.drop("web1", "app.log.gz", gzip.compress(access_log("waiting")))
    file = _elsewhere(platform, "app.log.gz", "mine")
    with platform.tenancy() as tenancy:
        with pytest.raises(PermanentFailure, match="is there already and waits"):
            drop(tenancy, "web1", file)
        assert gzip.decompress(waiting.read_bytes()) == access_log("waiting")
        platform.run()
        first = drop(tenancy, "web1", file)
        assert drop(tenancy, "web1", file) == first
    assert [path.name for path in waiting.parent.iterdir() if not path.is_symlink()] == ["app.log.gz"]
    platform.run()
    assert len(platform.events()) == 6


@pytest.mark.parametrize("server", ["", "..", "../outside", "a/b", ".hidden"])
def test_a_server_that_is_no_folder_of_incoming_is_refused(platform: Platform, server: str) -> None:
    """A name cannot lead out of the data root."""
    before = sorted(platform.root.rglob("*"))
    file = _elsewhere(platform, "app.log.gz", "app")
    with platform.tenancy() as tenancy, pytest.raises(PermanentFailure, match="no server's name"):
        drop(tenancy, server, file)
    assert not [path for path in platform.root.rglob("app.log.gz") if path != file]
    assert set(before) <= set(platform.root.rglob("*"))


def test_a_hidden_file_is_told(platform: Platform) -> None:
    """No look at a folder lists it, so it is not copied to where it would never be found."""
    file = _elsewhere(platform, ".app.log.gz", "app")
    with platform.tenancy() as tenancy, pytest.raises(PermanentFailure, match="hidden"):
        drop(tenancy, "web1", file)


def test_names_that_are_no_text_are_dropped_and_looked_at_as_any_other(platform: Platform) -> None:
    """Of the file and of the server's folder; a hidden folder is nobody's."""
    file = _elsewhere(platform, b"caf\xe9.gz", "odd")
    with platform.tenancy() as tenancy:
        found = drop(tenancy, os.fsdecode(b"serveur-\xe9"), file)
    assert found.path.encode().decode() == found.path
    platform.drop(".trash", "old.log.gz", gzip.compress(access_log("old")))
    platform.run()
    assert list(platform.statuses().values()) == ["processed"]
    assert {server for server, *_ in platform.events()} == {found.source.removeprefix("incoming/")}
    assert not [path for path in (platform.data / "incoming").rglob("*.gz") if ".trash" not in path.parts]
