"""Files at an SSH server, over SFTP.

What belongs here: listing, reading and removing with SFTP's requests, many on their way at once. What does not:
logging in (`ssh`), walking and sinks (`remote`).

Version 3 of the protocol (draft-ietf-secsh-filexfer-02): times are whole seconds, names are bytes. A read may come
back short, then the rest is asked for; the length is checked in the end.
"""

import stat
from collections import deque
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from functools import lru_cache
from typing import Any, TypeVar

import asyncssh

from logplatform.failures import LogplatformError, TransientFailure
from logplatform.sources.addresses import SshAddress
from logplatform.sources.base import held_mtime
from logplatform.sources.links import Found, LinkLost, NoSuchFile, NotAllowed, Pool
from logplatform.sources.remote import RemoteSource
from logplatform.sources.ssh import connect, soon, submit

Result = TypeVar("Result")

_READ_BYTES = 255 << 10
"""What OpenSSH gives at most in one answer: its packets are 256 KiB."""
_READS_AHEAD = 16
_SMALL = 1 << 20
_FILES_AHEAD = 32
_NAMES_AT_ONCE = 100
_SECOND = 1_000_000_000


def sftp_source(address: SshAddress, root: str, globs: tuple[str, ...], *, named_must_exist: bool) -> RemoteSource:
    """The source; nothing is connected before it is used. Sources of one address share its connections."""
    return RemoteSource(address.name, root, globs, _pool(address), named_must_exist)


@lru_cache(maxsize=1024)
def _pool(address: SshAddress) -> Pool:
    return Pool(lambda: SftpLink(address), address.connections)


class SftpLink:
    """One login with one SFTP session; see `links.Link`."""

    ahead = _FILES_AHEAD

    def __init__(self, address: SshAddress) -> None:
        self.lost = False
        self._address = address
        self._answers = 0
        self._connection = connect(address)
        try:
            self._sftp = self.result(self.begin(self._session()))
        except LogplatformError:
            self.close()
            raise

    def folder(self, path: str, takes: Callable[[str], bool]) -> Iterator[Found]:
        """Read the whole folder; OpenSSH leaves out what may not be looked at, so an odd answer is asked about."""
        del takes
        names = self._sftp.scandir(_wire(path))
        itself = False
        while found := self.result(self.begin(_some(names))):
            itself = itself or any(one.name == "." for one in found)
            yield from found
        if not itself:
            # A folder may be listed, but not entered: then not even itself is in it.
            self.result(self.begin(self._sftp.stat(_wire(path) + b"/.")))

    def stat(self, path: str) -> Found:
        """Without following links."""
        return _found(path, self.result(self.begin(self._sftp.lstat(_wire(path)))))

    def read(self, path: str, size: int, offset: int) -> "SftpReading":
        """A small file's requests go out at once, a large one's when its bytes are asked for."""
        return SftpReading(self, path, size, offset)

    def remove(self, path: str) -> None:
        """Unlink the file."""
        self.result(self.begin(self._sftp.remove(_wire(path))))

    def try_writing(self, path: str) -> None:
        """Make a folder and remove it."""
        self.result(self.begin(self._sftp.mkdir(_wire(path))))
        self.result(self.begin(self._sftp.rmdir(_wire(path))))

    def close(self) -> None:
        """Hang up."""
        self.lost = True
        soon(self._connection.abort)

    @property
    def client(self) -> "asyncssh.SFTPClient":
        """The session."""
        return self._sftp

    def begin(self, work: Coroutine[Any, Any, Result]) -> "Future[Result]":
        """Send a request; `result` takes its answer."""
        return submit(self._counted(work))

    def result(self, future: "Future[Result]") -> Result:
        """The answer; while others come, the server is not silent and is waited for."""
        while True:
            answers = self._answers
            try:
                return future.result(self._address.timeout_seconds)
            except asyncssh.Error as error:
                raise self._failure(error) from error
            except TimeoutError as error:
                if future.done() or self._answers == answers:
                    future.cancel()
                    self.lost = True
                    message = f"{self._address.place}: no answer in {self._address.timeout_seconds:g} seconds"
                    raise LinkLost(message) from error
            except (OSError, ValueError, CancelledError) as error:
                self.lost = True
                raise LinkLost(f"{self._address.place}: connection lost: {error}") from error

    async def _session(self) -> asyncssh.SFTPClient:
        return await self._connection.start_sftp_client(path_encoding=None)

    async def _counted(self, work: Coroutine[Any, Any, Result]) -> Result:
        try:
            return await work
        finally:
            self._answers += 1

    def _failure(self, error: "asyncssh.Error") -> LogplatformError:
        if isinstance(error, asyncssh.SFTPNoSuchFile | asyncssh.SFTPNoSuchPath | asyncssh.SFTPNotADirectory):
            return NoSuchFile("no such file")
        if isinstance(error, asyncssh.SFTPPermissionDenied):
            return NotAllowed("permission denied")
        broken = asyncssh.SFTPConnectionLost | asyncssh.SFTPNoConnection | asyncssh.SFTPBadMessage
        if isinstance(error, asyncssh.SFTPError) and not isinstance(error, broken):
            return TransientFailure(error.reason)
        self.lost = True
        return LinkLost(f"{self._address.place}: connection lost: {error.reason or type(error).__name__}")


class SftpReading:
    """One file on its way; see `links.Reading`."""

    def __init__(self, link: SftpLink, path: str, size: int, offset: int) -> None:
        self._link, self._path, self._size, self._offset = link, _wire(path), size, offset
        self._file: asyncssh.SFTPClientFile | None = None
        self._ahead: deque[Future[bytes]] = deque()
        whole = size <= _SMALL and offset == 0
        self._whole = link.begin(self._read_whole()) if whole else None

    def before(self) -> Found:
        """What stands under the path: opening a pipe would block the whole session."""
        if self._whole is not None:
            return self._link.result(self._whole)[0]
        return _found("", self._link.result(self._link.begin(self._link.client.lstat(self._path))))

    def chunks(self) -> Iterator[bytes]:
        """The bytes that were expected, and one more where the file has grown."""
        if self._whole is not None:
            if data := self._link.result(self._whole)[1]:
                yield data
            return
        self._file = self._link.result(self._link.begin(self._open()))
        for position in range(self._offset, self._size, _READ_BYTES):
            length = min(_READ_BYTES, self._size - position)
            self._ahead.append(self._link.begin(_exactly(self._file, length, position)))
            if len(self._ahead) >= _READS_AHEAD:
                yield self._link.result(self._ahead.popleft())
        while self._ahead:
            yield self._link.result(self._ahead.popleft())

    def after(self) -> Found:
        """The open file: under its path another may stand by now, which is the next look's."""
        if self._whole is not None:
            return self._link.result(self._whole)[2]
        assert self._file is not None  # noqa: S101
        return _found("", self._link.result(self._link.begin(self._file.stat())))

    def close(self) -> None:
        """Give back the handle, and forget what is still on its way."""
        for future in [*self._ahead, *([self._whole] if self._whole is not None else [])]:
            future.cancel()
        self._ahead.clear()
        if self._file is not None and not self._link.lost:
            with suppress(LogplatformError):
                self._link.begin(self._file.close())
        self._file = None

    async def _open(self) -> asyncssh.SFTPClientFile:
        return await self._link.client.open(self._path, "rb", block_size=0)

    async def _read_whole(self) -> tuple[Found, bytes, Found]:
        before = _found("", await self._link.client.lstat(self._path))
        if before.kind != "file" or before.size != self._size:
            return before, b"", before
        file = await self._open()
        try:
            return before, await _exactly(file, self._size, 0), _found("", await file.stat())
        finally:
            await file.close()


async def _some(names: "AsyncIterator[asyncssh.SFTPName]") -> list[Found]:
    """The next names of a listing; none at its end."""
    found: list[Found] = []
    async for name in names:
        found.append(_found(_native(name.filename), name.attrs))
        if len(found) >= _NAMES_AT_ONCE:
            break
    return found


async def _exactly(file: asyncssh.SFTPClientFile, length: int, offset: int) -> bytes:
    """So many bytes; fewer only where the file ends."""
    parts: list[bytes] = []
    while length > 0:
        data = await file.read(min(length, _READ_BYTES), offset)
        if not data:
            break
        parts.append(data)
        length -= len(data)
        offset += len(data)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def _found(name: str, attributes: "asyncssh.SFTPAttrs") -> Found:
    mode = attributes.permissions or 0
    kind = "file" if stat.S_ISREG(mode) else "folder" if stat.S_ISDIR(mode) else "other"
    return Found(name, kind, attributes.size or 0, held_mtime((attributes.mtime or 0) * _SECOND))


def _wire(path: str) -> bytes:
    return (path or ".").encode("utf-8", errors="surrogateescape")


def _native(name: bytes | str) -> str:
    return name if isinstance(name, str) else name.decode("utf-8", errors="surrogateescape")
