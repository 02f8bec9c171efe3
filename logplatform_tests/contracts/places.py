"""Places with files, one for each kind of source, and the source that looks at each.

What belongs here: putting files somewhere and opening the source. What does not: the cases (`test_source`).
"""

import os
import shutil
import tempfile
from abc import abstractmethod
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from logplatform.sources.addresses import FtpAddress, SshAddress
from logplatform.sources.base import Source
from logplatform.sources.folder import FolderSource
from logplatform.sources.ftp import ftp_source
from logplatform.sources.sftp import sftp_source
from logplatform_tests.servers.addresses import FileServer

NOBODY = 65_534
SECOND = 1_000_000_000
KINDS = ("folder", "sftp", "ftp", "ftps", "ftp_list")
"""folder: here; sftp: OpenSSH; ftp: ProFTPD with MLSD, ftps the same with TLS; ftp_list: vsftpd without MLSD."""


@dataclass(frozen=True)
class Place:
    """`root` is a folder of this machine; `tick` the difference in time (ns) that its source can tell."""

    root: Path
    tick: int = 1
    line_breaks: bool = True
    """Whether a name may hold one."""
    knows_pipes: bool = True
    """ProFTPD calls a pipe a file, of no bytes."""

    @abstractmethod
    def source(self, *patterns: str) -> Source:
        """The source named web1 of this place."""

    @abstractmethod
    def missing(self) -> Source:
        """One whose folder is not there."""

    def put(self, path: str | bytes, data: bytes = b"x") -> None:
        target = os.path.join(os.fsencode(self.root), os.fsencode(path))  # noqa: PTH118 (a name may be no text)
        os.makedirs(os.path.dirname(target), exist_ok=True)  # noqa: PTH103, PTH120
        with open(target, "wb") as file:  # noqa: PTH123
            file.write(data)

    @contextmanager
    def as_reader(self) -> Generator[None]:
        """As a user who is forbidden something."""
        yield


@dataclass(frozen=True)
class Here(Place):
    def source(self, *patterns: str) -> Source:
        return FolderSource("web1", self.root, patterns or ("*",))

    def missing(self) -> Source:
        return FolderSource("web1", self.root / "none")

    @contextmanager
    def as_reader(self) -> Generator[None]:
        """Nothing is forbidden to root, so the test becomes nobody for a moment."""
        if os.geteuid() != 0:
            yield
            return
        os.seteuid(NOBODY)
        try:
            yield
        finally:
            os.seteuid(0)


def _globs(patterns: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(one if "/" in one else f"**/{one}" for one in patterns or ("*",))


@dataclass(frozen=True)
class OverSsh(Place):
    address: SshAddress = field(kw_only=True)

    def source(self, *patterns: str) -> Source:
        return sftp_source(self.address, str(self.root), _globs(patterns), named_must_exist=True)

    def missing(self) -> Source:
        return sftp_source(self.address, str(self.root / "none"), ("*",), named_must_exist=True)


@dataclass(frozen=True)
class OverFtp(Place):
    """Its folder is named as the login sees it."""

    address: FtpAddress = field(kw_only=True)

    def source(self, *patterns: str) -> Source:
        return ftp_source(self.address, self.root.name, _globs(patterns), named_must_exist=True)

    def missing(self) -> Source:
        return ftp_source(self.address, f"{self.root.name}/none", ("*",), named_must_exist=True)


def ssh_address(server: FileServer, port: int | None = None) -> SshAddress:
    """The server by its key; another port (a proxy's) has the same host key, which known_hosts cannot tell."""
    assert server.known_hosts is not None
    host_key = server.known_hosts.read_text(encoding="utf-8").split(maxsplit=1)[1].strip()
    return SshAddress(
        "web1",
        server.host,
        server.username,
        port or server.port,
        key_file=server.key_file,
        host_key=host_key if port else None,
        known_hosts=(server.known_hosts,),
    )


def ftp_address(server: FileServer, port: int | None = None) -> FtpAddress:
    return FtpAddress(
        "web1",
        server.host,
        server.username,
        server.password,
        port or server.port,
        tls=server.scheme == "ftps",
        ca_file=server.certificate,
    )


def open_place(kind: str, request: pytest.FixtureRequest) -> Iterator[Place]:
    """A place of that kind, empty."""
    if kind == "folder":
        # Not tmp_path: that one is closed to everybody but its owner, and a test here becomes somebody else.
        folder = Path(tempfile.mkdtemp(prefix="logplatform-source-"))
        folder.chmod(0o755)
        yield Here(folder)
        shutil.rmtree(folder)
        return
    server = request.getfixturevalue(f"{kind}_server")
    assert isinstance(server, FileServer)
    if kind == "sftp":
        yield OverSsh(server.folder, SECOND, address=ssh_address(server))
    else:
        yield OverFtp(
            server.folder, SECOND, line_breaks=False, knows_pipes=kind == "ftp_list", address=ftp_address(server)
        )


def with_limit(place: Place, connections: int) -> Place:
    """The same place, asked over at most so many connections."""
    if isinstance(place, OverSsh | OverFtp):
        return replace(place, address=replace(place.address, connections=connections))
    return place
