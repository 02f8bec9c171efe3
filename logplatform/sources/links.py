"""Connections to a server of files: what one can do, and keeping a few of them open between two pieces of work.

What belongs here: the Protocol `Link`, and `Pool`. What does not: SSH and FTP (`sftp`, `ftp`), and what is done over a
link (`remote`).
"""

import os
import threading
import time
import weakref
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from typing import Literal, NamedTuple, Protocol, TypeVar

from logplatform.failures import LogplatformError, PermanentFailure, Unreachable

Result = TypeVar("Result")

IDLE_SECONDS = 20.0
_DOWN_SECONDS = 2.0
_REAP_SECONDS = 5.0

Kind = Literal["file", "folder", "other"]


class Found(NamedTuple):
    """A file or folder at a server: its name (as Python gives names to a file system), size in bytes, mtime in ns."""

    name: str
    kind: Kind
    size: int
    mtime_ns: int


class NoSuchFile(PermanentFailure):
    """There is nothing under this path at the server."""


class NotAllowed(PermanentFailure):
    """The server refuses it to this user."""


class LinkLost(Unreachable):
    """The connection broke, or the server fell silent; what was under way may be tried again over a new one."""


class Reading(Protocol):
    """One file on its way: look at it, take its bytes, look again."""

    def before(self) -> Found:
        """What the file is before its bytes are read; links are not followed where the server can tell."""
        ...

    def chunks(self) -> Iterator[bytes]:
        """Its bytes in order, from the offset that was asked for."""
        ...

    def after(self) -> Found:
        """What the file is once its bytes were read."""
        ...

    def close(self) -> None:
        """Give up what is open; never raises."""
        ...


class Link(Protocol):
    """One connection, used by one thread at a time. Paths are names as Python gives them to a file system.

    Every method raises LinkLost when the connection breaks or the server falls silent, NoSuchFile, NotAllowed, and
    TransientFailure for anything else that the server refuses.
    """

    lost: bool
    """The connection is not to be used again."""

    @property
    def ahead(self) -> int:
        """How many small files may be on their way at the same time."""
        ...

    def folder(self, path: str, takes: Callable[[str], bool]) -> Iterator[Found]:
        """What is in a folder; the mtime is exact for those files whose name `takes`."""
        ...

    def stat(self, path: str) -> Found:
        """One file or folder, links not followed where the server can tell."""
        ...

    def read(self, path: str, size: int, offset: int) -> Reading:
        """Begin to read a file from `offset`; `size` is what it is expected to have."""
        ...

    def remove(self, path: str) -> None:
        """Remove a file."""
        ...

    def try_writing(self, path: str) -> None:
        """Make a folder and remove it."""
        ...

    def close(self) -> None:
        """End the connection; never raises."""
        ...


class Pool:
    """At most `limit` links to one server; those that are free stay open for `IDLE_SECONDS`.

    A server that cannot be reached is not asked again for two seconds: each of a thousand files would wait for it.
    """

    def __init__(self, connect: Callable[[], Link], limit: int) -> None:
        self._connect = connect
        self._limit = limit
        self.forget()
        _pools.add(self)

    def forget(self) -> None:
        """Begin anew without closing anything: a forked child must not speak over its parent's connections."""
        self._room = threading.BoundedSemaphore(self._limit)
        self._lock = threading.Lock()
        self._free: list[tuple[float, Link]] = []
        self._down: tuple[float, LogplatformError] | None = None

    @contextmanager
    def link(self) -> Generator[Link]:
        """A link for this thread alone; raises Unreachable or PermanentFailure if there is none to be had."""
        with self._room:
            link = self._taken()
            try:
                yield link
            except LogplatformError:
                raise
            except BaseException:
                # Left in the middle: what is on the wire is not known, so nobody else gets this link.
                link.lost = True
                raise
            finally:
                self._give_back(link)

    def ask(self, question: Callable[[Link], Result]) -> Result:
        """The answer over a link; asked once more where the link broke, as one that was free may have been cut."""
        try:
            with self.link() as link:
                return question(link)
        except LinkLost:
            self.renew()
        with self.link() as link:
            return question(link)

    def renew(self) -> None:
        """Close the links that are free: the server has cut one, so the others are doubtful."""
        with self._lock:
            free, self._free = self._free, []
        for _, link in free:
            link.close()

    def reap(self, before: float) -> None:
        """Close the links that are free since before that time (of the monotonic clock)."""
        with self._lock:
            old = [link for since, link in self._free if since < before]
            self._free = [(since, link) for since, link in self._free if since >= before]
        for link in old:
            link.close()

    def _taken(self) -> Link:
        with self._lock:
            while self._free:
                _, link = self._free.pop()
                if not link.lost:
                    return link
            if self._down and time.monotonic() - self._down[0] < _DOWN_SECONDS:
                raise type(self._down[1])(str(self._down[1]))
        try:
            link = self._connect()
        except LogplatformError as failure:
            with self._lock:
                self._down = (time.monotonic(), failure)
            raise
        with self._lock:
            self._down = None
        return link

    def _give_back(self, link: Link) -> None:
        if link.lost:
            link.close()
            return
        with self._lock:
            self._free.append((time.monotonic(), link))
        _reaper.start()


_pools: "weakref.WeakSet[Pool]" = weakref.WeakSet()


class _Reaper:
    """One thread a process, begun with the first link that is given back."""

    def __init__(self) -> None:
        self._running = threading.Lock()

    def start(self) -> None:
        if self._running.acquire(blocking=False):
            threading.Thread(target=self._run, name="idle-links", daemon=True).start()

    def forget(self) -> None:
        """In a forked child, where the thread is not."""
        self._running = threading.Lock()
        for pool in list(_pools):
            pool.forget()

    def _run(self) -> None:
        while True:
            time.sleep(_REAP_SECONDS)
            for pool in list(_pools):
                with suppress(LogplatformError, OSError):
                    pool.reap(time.monotonic() - IDLE_SECONDS)


_reaper = _Reaper()
os.register_at_fork(after_in_child=_reaper.forget)
