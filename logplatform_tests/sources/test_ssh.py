"""SSH servers that are wrong, gone, silent or not who they say they are."""

import hashlib
import os
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from logplatform.failures import PermanentFailure, Unreachable
from logplatform.landing.publish import Landing, PartReceiver
from logplatform.sources.addresses import SshAddress
from logplatform.sources.base import Entry
from logplatform.sources.remote import RemoteSource
from logplatform.sources.sftp import sftp_source
from logplatform.stores.files import LocalFiles
from logplatform_tests.contracts.places import ssh_address
from logplatform_tests.servers.addresses import FileServer
from logplatform_tests.servers.proxy import TcpProxy

SECRET = "not-to-be-seen"


@pytest.fixture
def landing(files: LocalFiles) -> Landing:
    return Landing(files, "archives", "default")


def _source(address: SshAddress, server: FileServer) -> RemoteSource:
    return sftp_source(address, str(server.folder), ("*",), named_must_exist=True)


def _refused(address: SshAddress, server: FileServer) -> str:
    with pytest.raises(PermanentFailure) as caught:
        list(_source(address, server).list())
    assert not isinstance(caught.value, Unreachable)
    assert SECRET not in f"{caught.value!r}{address!r}"
    return str(caught.value)


def test_a_server_whose_key_is_not_known_is_refused(sftp_server: FileServer, tmp_path: Path) -> None:
    """Whoever answers first would get the password, and could give any bytes."""
    (tmp_path / "known_hosts").touch()
    told = _refused(replace(ssh_address(sftp_server), known_hosts=(tmp_path / "known_hosts",)), sftp_server)
    assert "web1 (127.0.0.1:" in told
    assert "is not known" in told
    assert f"ssh-keyscan -p {sftp_server.port} 127.0.0.1" in told
    assert str(tmp_path / "known_hosts") in told


def test_a_server_whose_key_has_changed_is_refused(sftp_server: FileServer, tmp_path: Path) -> None:
    """The same as what somebody in between looks like."""
    address = ssh_address(sftp_server)
    assert sftp_server.key_file is not None
    another = sftp_server.key_file.with_suffix(".pub").read_text(encoding="utf-8").split()
    known = tmp_path / "known_hosts"
    known.write_text(f"[127.0.0.1]:{sftp_server.port} {another[0]} {another[1]}\n", encoding="utf-8")
    told = _refused(replace(address, known_hosts=(known,)), sftp_server)
    assert "CHANGED" in told
    assert f"ssh-keygen -R '[127.0.0.1]:{sftp_server.port}'" in told
    given = replace(address, known_hosts=(), host_key=" ".join(another[:2]))
    assert "not the one that `host_key` names" in _refused(given, sftp_server)


def test_a_host_key_may_be_given_itself(sftp_server: FileServer) -> None:
    address = ssh_address(sftp_server)
    key = address.known_hosts[0].read_text(encoding="utf-8").split(maxsplit=1)[1]
    assert list(_source(replace(address, known_hosts=(), host_key=key), sftp_server).list()) == []


@pytest.mark.parametrize("user", ["pipe", "nobody-of-this-name"])
def test_a_login_that_is_refused_is_told_without_the_password(sftp_server: FileServer, user: str) -> None:
    address = replace(ssh_address(sftp_server), key_file=None, password=SECRET, user=user)
    told = _refused(address, sftp_server)
    assert f"login of {user} refused (a password)" in told
    assert "SSH_PASSWORD" in told


def test_a_password_opens_where_there_is_no_key(sftp_server: FileServer) -> None:
    address = replace(ssh_address(sftp_server), key_file=None, password=sftp_server.password)
    assert list(_source(address, sftp_server).list()) == []


@pytest.mark.parametrize(("content", "told"), [(None, "No such file"), ("no key\n", "is no private key")])
def test_a_key_file_that_is_none_is_told(
    sftp_server: FileServer, tmp_path: Path, content: str | None, told: str
) -> None:
    key = tmp_path / "key"
    if content is not None:
        key.write_text(content, encoding="utf-8")
    assert told in _refused(replace(ssh_address(sftp_server), key_file=key), sftp_server)


def test_a_server_that_is_not_there_fails_every_file_at_once(sftp_server: FileServer, landing: Landing) -> None:
    """Each of a thousand files once waited for the time-out of its own."""
    with TcpProxy("127.0.0.1", sftp_server.port) as proxy:
        address = ssh_address(sftp_server, proxy.port)
        proxy.drop()
        source = _source(address, sftp_server)
        with pytest.raises(Unreachable, match="cannot be reached"):
            list(source.list())
        begun = time.monotonic()
        fetched = list(source.fetch([Entry(f"{n}.gz", 1, 0) for n in range(1000)], lambda _: landing.receive()))
        assert len(fetched) == 1000
        assert all(isinstance(found.failure, Unreachable) for found in fetched)
        assert time.monotonic() - begun < 5


def test_a_server_that_is_silent_is_given_up_in_time(sftp_server: FileServer) -> None:
    with TcpProxy("127.0.0.1", sftp_server.port) as proxy:
        address = replace(ssh_address(sftp_server, proxy.port), timeout_seconds=1, connect_seconds=2)
        source = _source(address, sftp_server)
        assert list(source.list()) == []
        proxy.delay_seconds = 30
        begun = time.monotonic()
        with pytest.raises(Unreachable, match=r"no answer|lost"):
            list(source.list())
        with pytest.raises(Unreachable, match="no answer"):
            list(_source(replace(address, connections=3), sftp_server).list())
        assert time.monotonic() - begun < 12


def test_a_slow_server_is_waited_for(sftp_server: FileServer, landing: Landing) -> None:
    """Bytes that come, however slowly, are no silence."""
    data = os.urandom(1_500_000)
    (sftp_server.folder / "a.log").write_bytes(data)
    with TcpProxy("127.0.0.1", sftp_server.port, delay_seconds=0.1) as proxy:
        address = replace(ssh_address(sftp_server, proxy.port), timeout_seconds=1)
        source = _source(address, sftp_server)
        (found,) = source.fetch(source.list(), lambda _: landing.receive())
    assert found.landed is not None
    assert found.landed.sha256 == hashlib.sha256(data).hexdigest()


def test_a_transfer_that_breaks_goes_on_where_it_broke(sftp_server: FileServer, landing: Landing) -> None:
    """From the beginning again, a large file over a bad line would never come."""
    data = os.urandom(24 << 20)
    (sftp_server.folder / "a.log").write_bytes(data)
    (sftp_server.folder / "b.log").write_bytes(b"small")
    received: list[int] = []
    with TcpProxy("127.0.0.1", sftp_server.port) as proxy:
        source = _source(ssh_address(sftp_server, proxy.port), sftp_server)

        @contextmanager
        def cutting(entry: Entry) -> Generator[PartReceiver]:
            half = entry.size // 2 if entry.size > 1000 else -1

            def tap(data: bytes | memoryview) -> None:
                before = sum(received)
                received.append(len(data))
                if before < half <= before + len(data):
                    proxy.drop()
                    threading.Timer(0.2, proxy.resume).start()
                    time.sleep(0.3)

            with landing.receive(tap) as receiver:
                yield receiver

        entries = sorted(source.list(), key=lambda entry: entry.path)
        one, two = source.fetch(entries, cutting)
    assert one.failure is None
    assert one.landed is not None
    assert one.landed.sha256 == hashlib.sha256(data).hexdigest()
    assert sum(received) == len(data) + len(b"small")
    assert two.landed is not None


def test_after_a_restart_the_server_is_used_again(sftp_server: FileServer) -> None:
    (sftp_server.folder / "a.log").write_bytes(b"1")
    with TcpProxy("127.0.0.1", sftp_server.port) as proxy:
        source = _source(ssh_address(sftp_server, proxy.port), sftp_server)
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
