"""FTP servers of all habits, and such as are wrong, gone or silent."""

import hashlib
import os
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from logplatform.failures import PermanentFailure, TransientFailure, Unreachable
from logplatform.landing.publish import Landing
from logplatform.sources.base import Source
from logplatform.sources.ftp import ftp_source
from logplatform.stores.files import LocalFiles
from logplatform_tests.contracts.places import ftp_address
from logplatform_tests.servers.addresses import FileServer
from logplatform_tests.servers.proxy import TcpProxy
from logplatform_tests.sources.scripted_ftp import Script, scripted

SECRET = "not-to-be-seen"
FILES = {"20260301.LOG": b"one\n", "a (1) b.log": b"two two\n", " x": b"three"}
STAMP = int(datetime(2026, 3, 1, 10, tzinfo=UTC).timestamp()) * 10**9
DAY = int(datetime(2026, 3, 1, tzinfo=UTC).timestamp()) * 10**9


@pytest.fixture
def landing(files: LocalFiles) -> Landing:
    return Landing(files, "machines", "default")


def _all(source: Source, landing: Landing) -> dict[str, str]:
    fetched = list(source.fetch(source.list(), lambda _: landing.receive()))
    assert [found.failure for found in fetched if found.failure] == []
    return {found.entry.path: found.landed.sha256 for found in fetched if found.landed}


def _iis(name: str, data: bytes) -> str:
    return f"03-01-26  10:00AM {len(data):20} {name}"


def _strange(name: str, data: bytes) -> str:
    return f"{name} ({len(data)} bytes)"


@pytest.mark.parametrize(
    ("script", "mtime_ns"),
    [
        (Script(FILES, {"MLSD", "MLST", "SIZE", "MDTM"}), STAMP),
        (Script(FILES), STAMP),
        (Script(FILES, {"SIZE", "MDTM", "LIST"}, _iis), STAMP),
        (Script(FILES, {"SIZE", "MDTM", "LIST", "NLST"}, _strange), STAMP),
        (Script(FILES, {"SIZE", "MDTM", "LIST", "NLST"}, _strange, "folder/"), STAMP),
        (Script(FILES, {"SIZE", "LIST"}, _iis), DAY),
    ],
    ids=["mlsd", "unix", "iis", "nlst", "nlst with folder", "without mdtm"],
)
def test_any_habit_of_listing_is_read(script: Script, mtime_ns: int, landing: Landing) -> None:
    with scripted(script) as address:
        source = ftp_source(address, "", ("*",), named_must_exist=True)
        listed = {entry.path: entry for entry in source.list()}
        assert {path: entry.size for path, entry in listed.items()} == {n: len(d) for n, d in FILES.items()}
        assert {entry.mtime_ns for entry in listed.values()} == {mtime_ns}
        assert _all(source, landing) == {n: hashlib.sha256(d).hexdigest() for n, d in FILES.items()}


def test_a_transfer_that_breaks_goes_on_where_it_broke(landing: Landing) -> None:
    """An FTP server that cuts off looks like the end of the file."""
    data = os.urandom(3_000_000)
    script = Script({"a.log": data}, cut_after=[1_000_000, 500_000, 10])
    with scripted(script) as address:
        source = ftp_source(address, "", ("*",), named_must_exist=True)
        assert _all(source, landing) == {"a.log": hashlib.sha256(data).hexdigest()}
    assert script.offsets == [0, 1_000_000, 1_500_000, 1_500_010]
    assert script.sent == len(data)


def test_a_transfer_that_never_comes_is_given_up(landing: Landing) -> None:
    script = Script({"a.log": b"x" * 1000, "b.log": b"y"}, cut_after=[500, 0, 0, 0])
    with scripted(script) as address:
        source = ftp_source(address, "", ("*",), named_must_exist=True)
        one, two = source.fetch(source.list(), lambda _: landing.receive())
    assert isinstance(one.failure, TransientFailure)
    assert "plant: a.log: " in str(one.failure)
    assert two.landed is not None
    assert len(list(landing.files.keys(landing.prefix))) == 1


def test_a_server_that_falls_silent_is_given_up_in_time(landing: Landing) -> None:
    """A transfer without a time-out once held up its plant for a night."""
    with scripted(Script({"a.log": b"x" * 1000}, silent_after=10)) as address:
        source = ftp_source(replace(address, timeout_seconds=0.3), "", ("*",), named_must_exist=True)
        begun = time.monotonic()
        (found,) = source.fetch(source.list(), lambda _: landing.receive())
        assert isinstance(found.failure, TransientFailure)
        assert "plant: a.log: broke off 3 times: " in str(found.failure)
        assert "no answer in 0.3 seconds" in str(found.failure)
        assert time.monotonic() - begun < 10


@pytest.mark.parametrize("kind", ["ftp", "ftps"])
def test_a_login_that_is_refused_is_told_without_the_password(kind: str, request: pytest.FixtureRequest) -> None:
    server = request.getfixturevalue(f"{kind}_server")
    address = replace(ftp_address(server), password=SECRET)
    with pytest.raises(PermanentFailure) as caught:
        list(ftp_source(address, "", ("*",), named_must_exist=True).list())
    assert "login of pipe refused (530" in str(caught.value)
    assert "FTP_PASS" in str(caught.value)
    assert SECRET not in f"{caught.value!r}{address!r}"


def test_a_certificate_that_nobody_vouches_for_is_refused(ftps_server: FileServer) -> None:
    address = replace(ftp_address(ftps_server), ca_file=None)
    with pytest.raises(PermanentFailure, match=r"certificate is not trusted.*ca_file"):
        list(ftp_source(address, "", ("*",), named_must_exist=True).list())


def test_a_password_is_not_sent_in_clear_where_tls_is_asked_for(ftp_server: FileServer) -> None:
    address = replace(ftp_address(ftp_server), tls=True, password=SECRET)
    with pytest.raises(PermanentFailure, match="offers no FTPS"):
        list(ftp_source(address, "", ("*",), named_must_exist=True).list())


def test_active_mode_works_too(ftp_server: FileServer, landing: Landing) -> None:
    (ftp_server.folder / "a.log").write_bytes(b"active")
    source = ftp_source(
        replace(ftp_address(ftp_server), passive=False), ftp_server.folder.name, ("*",), named_must_exist=True
    )
    assert list(_all(source, landing)) == ["a.log"]


def test_names_of_another_encoding_are_read_in_it(ftp_server: FileServer, landing: Landing) -> None:
    """An old server names files in latin-1; people read their text."""
    with (Path(os.fsdecode(os.fsencode(ftp_server.folder) + b"/caf\xe9.log"))).open("wb") as file:
        file.write(b"1")
    address = replace(ftp_address(ftp_server), encoding="iso8859-1")
    source = ftp_source(address, ftp_server.folder.name, ("*",), named_must_exist=True)
    assert list(_all(source, landing)) == ["café.log"]


def test_a_server_that_stops_and_starts_is_used_again(ftp_server: FileServer) -> None:
    (ftp_server.folder / "a.log").write_bytes(b"1")
    with TcpProxy("127.0.0.1", ftp_server.port) as proxy:
        address = ftp_address(ftp_server, proxy.port)
        source = ftp_source(address, ftp_server.folder.name, ("*",), named_must_exist=True)
        assert len(list(source.list())) == 1
        proxy.drop()
        with pytest.raises(Unreachable):
            list(source.list())
        proxy.resume()
        time.sleep(2.1)
        assert len(list(source.list())) == 1
        proxy.drop()
        proxy.resume()
        assert len(list(source.list())) == 1
