"""Files on their way from a server to their sinks.

What belongs here: taking several at once, checking that they are whole and unchanged, going on over a new link where
one broke. What does not: finding files (`remote`), and what is said over a link (`links`).
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field

from logplatform.failures import LogplatformError, PermanentFailure, TransientFailure, Unreachable
from logplatform.sources.base import Entry, Landed, Receiver, Sink
from logplatform.sources.links import Found, Link, LinkLost, NoSuchFile, NotAllowed, Pool, Reading
from logplatform.sources.names import text_name

_FUTILE = 3
"""So many links in a row may break without much of a file having come; then it is left for later."""
_MUCH = 256 << 10
_SMALL = 1 << 20
_AHEAD_BYTES = 8 << 20


@dataclass(slots=True)
class _Part:
    """How much of one file is received."""

    entry: Entry
    receiver: Receiver | None = None
    done: int = 0
    whole: bool = False


@dataclass(slots=True)
class Transfer:
    """Files on their way over one link, the next small ones begun while one is taken."""

    name: str
    pool: Pool
    path_of: Callable[[str], str]
    sink: Sink
    link: Link | None = None
    dead: LogplatformError | None = None
    _held: ExitStack = field(default_factory=ExitStack)
    _begun: dict[Entry, Reading] = field(default_factory=dict)

    def ahead(self, entries: Iterable[Entry], stack: ExitStack) -> Iterator[Entry]:
        """The entries in their order, the next ones begun before one is handed out."""
        stack.callback(self._drop)
        waiting, bytes_ahead = deque[Entry](), 0
        rest = iter(entries)
        more = True
        while more or waiting:
            while more and (not waiting or (bytes_ahead < _AHEAD_BYTES and len(waiting) < self._window())):
                entry = next(rest, None)
                if entry is None:
                    more = False
                    break
                waiting.append(entry)
                bytes_ahead += entry.size
                self._begin(entry)
            if waiting:
                entry = waiting.popleft()
                bytes_ahead -= entry.size
                yield entry

    def copy(self, entry: Entry) -> Landed:
        """One file into its sink, over as many links as it takes while bytes still come."""
        part, futile = _Part(entry), 0
        with ExitStack() as stack:
            while not part.whole:
                before = part.done
                try:
                    self._send(part, stack)
                except LinkLost as lost:
                    futile = 0 if part.done >= before + _MUCH else futile + 1
                    self._lose()
                    if futile >= _FUTILE:
                        # The server is there, so it is this file's trouble: its attempts are counted.
                        place = f"{self.name}: {entry.path}"
                        raise TransientFailure(f"{place}: broke off {futile} times: {lost}") from lost
                except (NoSuchFile, NotAllowed, TransientFailure) as failure:
                    raise self._named(failure, entry) from failure
        if part.receiver is None or part.receiver.landed is None:
            raise TransientFailure(f"{self.name}: {entry.path}: was not received")
        return part.receiver.landed

    def _send(self, part: "_Part", stack: ExitStack) -> None:
        """What of the file is not received yet, from one link."""
        reading = self._reading(part.entry, part.done)
        stack.callback(reading.close)
        self._check(reading.before(), part.entry, "since it was listed")
        chunks = reading.chunks()
        # The sink is for a file that may be read.
        chunk = next(chunks, b"")
        if part.receiver is None:
            part.receiver = stack.enter_context(self.sink(part.entry))
        while chunk:
            part.receiver.write(chunk)
            part.done += len(chunk)
            chunk = next(chunks, b"")
        self._check(reading.after(), part.entry, "while it was read")
        self._check_length(part.done, part.entry)
        part.whole = True

    def _window(self) -> int:
        return self.link.ahead if self.link is not None else 1

    def _begin(self, entry: Entry) -> None:
        if self.link is not None and entry.size <= _SMALL and entry not in self._begun:
            self._begun[entry] = self.link.read(self._path(entry), entry.size, 0)

    def _reading(self, entry: Entry, offset: int) -> Reading:
        begun = self._begun.pop(entry, None)
        if begun is not None:
            return begun
        return self._connected().read(self._path(entry), entry.size, offset)

    def _connected(self) -> Link:
        if self.dead is not None:
            # The server was asked a moment ago: each of many files would wait for it again.
            raise self.dead
        if self.link is None:
            try:
                self.link = self._held.enter_context(self.pool.link())
            except LogplatformError as failure:
                self.dead = failure
                raise
        return self.link

    def _lose(self) -> None:
        """Give the link up; what was begun over it begins again over the next."""
        if self.link is not None:
            self.link.lost = True
        self._drop()
        self.pool.renew()

    def _drop(self) -> None:
        for reading in self._begun.values():
            reading.close()
        self._begun.clear()
        self.link = None
        self._held.close()

    def _path(self, entry: Entry) -> str:
        return self.path_of(text_name(entry.path))

    def _check(self, found: Found, entry: Entry, when: str) -> None:
        if not same(found, entry):
            raise TransientFailure(f"changed {when}")

    def _check_length(self, received: int, entry: Entry) -> None:
        if received != entry.size:
            raise TransientFailure(f"{received:,} bytes came, not {entry.size:,}")

    def _named(self, failure: LogplatformError, entry: Entry) -> LogplatformError:
        place = f"{self.name}: {entry.path}"
        if isinstance(failure, NoSuchFile):
            return PermanentFailure(f"{place}: no such file any more")
        if isinstance(failure, NotAllowed):
            return PermanentFailure(f"{place}: may not be read")
        return told(failure, f"{place}: {failure}")


def told(failure: LogplatformError, text: str) -> LogplatformError:
    """A failure of the same kind with another text."""
    return next(kind(text) for kind in (Unreachable, TransientFailure, PermanentFailure) if isinstance(failure, kind))


def same(found: Found, entry: Entry) -> bool:
    """Whether what is at the server now is the file that was listed, unchanged."""
    return found.kind == "file" and found.size == entry.size and found.mtime_ns == entry.mtime_ns
