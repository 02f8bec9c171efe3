"""Files at an FTP server, with or without TLS.

What belongs here: listing, reading and removing with FTP's commands. What does not: the session (`ftp_session`), the
forms of answers (`ftp_listing`), walking and sinks (`remote`, `transfer`).

Folders are entered first and files named without them: servers differ in how they read a path with blanks or
parentheses. MLSD tells everything exactly; without it LIST (else NLST) tells the names, and SIZE and MDTM the rest.
"""

import socket
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from logplatform.failures import PermanentFailure
from logplatform.sources.addresses import FtpAddress
from logplatform.sources.ftp_client import Refused
from logplatform.sources.ftp_listing import fact_line, list_lines, stamp_ns
from logplatform.sources.ftp_reading import FtpReading
from logplatform.sources.ftp_session import FtpSession
from logplatform.sources.links import Found, NoSuchFile, NotAllowed, Pool
from logplatform.sources.remote import RemoteSource

_ABSENT = ("no such", "not found", "not exist", "cannot find")
_FORBIDDEN = ("permission", "denied", "not allowed")
_UNKNOWN = {"500", "501", "502", "504"}
"""Answers to a command that the server does not know."""


def ftp_source(address: FtpAddress, root: str, globs: tuple[str, ...], *, named_must_exist: bool) -> RemoteSource:
    """The source; nothing is connected before it is used. Sources of one address share its connections."""
    return RemoteSource(address.name, root, globs, _pool(address), named_must_exist)


@lru_cache(maxsize=1024)
def _pool(address: FtpAddress) -> Pool:
    return Pool(lambda: FtpLink(address), address.connections)


class FtpLink:
    """One login; see `links.Link`."""

    ahead = 1

    def __init__(self, address: FtpAddress) -> None:
        self.session = FtpSession(address)
        self._zone = ZoneInfo(address.list_zone)

    @property
    def lost(self) -> bool:
        """The connection is not to be used again."""
        return self.session.lost

    @lost.setter
    def lost(self, lost: bool) -> None:
        self.session.lost = lost

    def folder(self, path: str, takes: Callable[[str], bool]) -> Iterator[Found]:
        """MLSD, else LIST, else NLST; the latter two with a question for each file that is taken."""
        self._enter(path)
        if self.session.facts:
            try:
                yield from self._facts_of_folder()
            except Refused as refused:
                if refused.code not in _UNKNOWN:
                    raise self._why(refused, path) from refused
                self.session.facts = False
            else:
                return
        for one in self._listed(path):
            wanted = one.kind == "file" and takes(one.name)
            if exact := self._exact(one) if wanted else one:
                yield exact

    def stat(self, path: str) -> Found:
        """MLST, else SIZE and MDTM; a folder of the file is listed only where these are refused."""
        folder, name = _split(path)
        self._enter(folder)
        if not name:
            return Found("", "folder", 0, 0)
        if self.session.facts and (found := self._fact(name)):
            return found
        try:
            asked = self._asked(name)
        except Refused as refused:
            listed = self._shown(folder, name)
            if listed.kind != "file":
                return listed
            raise NotAllowed(str(refused)) from refused
        return asked if self.session.times else asked._replace(mtime_ns=self._shown(folder, name).mtime_ns)

    def read(self, path: str, size: int, offset: int) -> FtpReading:
        """Nothing is asked for before its bytes are."""
        del size
        return FtpReading(self, path, offset)

    def remove(self, path: str) -> None:
        """Delete the file."""
        folder, name = _split(path)
        self._enter(folder)
        try:
            self.session.command(f"DELE {self.session.wire(name)}")
        except Refused as refused:
            raise NotAllowed(str(refused)) from refused

    def try_writing(self, path: str) -> None:
        """Make a folder and remove it."""
        folder, name = _split(path)
        self._enter(folder)
        for command in ("MKD", "RMD"):
            self.session.command(f"{command} {self.session.wire(name)}")

    def close(self) -> None:
        """Hang up."""
        self.session.close()

    def transfer(self, path: str, offset: int) -> socket.socket:
        """The data connection of a file's bytes from `offset` on."""
        folder, name = _split(path)
        self._enter(folder)
        self.session.set_type("I")
        try:
            return self.session.transfer(f"RETR {self.session.wire(name)}", offset or None)
        except Refused as refused:
            raise NotAllowed(str(refused)) from refused

    def _enter(self, folder: str) -> None:
        try:
            self.session.enter(folder)
        except Refused as refused:
            raise self._why(refused, folder) from refused

    def _why(self, refused: Refused, path: str) -> PermanentFailure:
        """What a refusal means: the words tell, else whether the folder above shows it."""
        words = str(refused).lower()
        if any(word in words for word in _FORBIDDEN):
            return NotAllowed(str(refused))
        above, name = _split(path.rstrip("/"))
        if any(word in words for word in _ABSENT) or not name:
            return NoSuchFile(str(refused))
        try:
            there = any(one.name == name for one in list(self.folder(above, lambda _: False)))
        except (NoSuchFile, NotAllowed) as error:
            return error
        return NotAllowed(str(refused)) if there else NoSuchFile(str(refused))

    def _facts_of_folder(self) -> Iterator[Found]:
        for line in self.session.lines("MLSD"):
            if found := fact_line(line):
                yield self._native(found)

    def _fact(self, name: str) -> Found | None:
        """What MLST tells; None where the server does not know it, or knows nothing of the file."""
        try:
            lines = self.session.command(f"MLST {self.session.wire(name)}").splitlines()
        except Refused as refused:
            self.session.facts = self.session.facts and refused.code not in _UNKNOWN
            return None
        found = next((fact_line(line[1:]) for line in lines if line.startswith(" ")), None)
        return found and found._replace(name=name)

    def _listed(self, path: str) -> list[Found]:
        """What LIST shows of the folder that was entered, else NLST where its form is not known."""
        try:
            lines = list(self.session.lines("LIST"))
        except Refused as refused:
            raise self._why(refused, path) from refused
        found = list_lines(lines, self._zone, datetime.now(UTC))
        if found is None:
            return [self._known(name) for name in self._names()]
        return [self._native(one) for one in found]

    def _shown(self, folder: str, name: str) -> Found:
        """What a listing of its folder shows of one file."""
        for one in list(self.folder(folder, lambda _: False)):
            if one.name == name:
                return one
        raise NoSuchFile("no such file")

    def _names(self) -> list[str]:
        """NLST, with or without the folder before each name."""
        try:
            lines = list(self.session.lines("NLST"))
        except Refused:
            # Some servers say so of an empty folder.
            return []
        return [self.session.native(line.rstrip("/").rpartition("/")[2]) for line in lines if line]

    def _known(self, name: str) -> Found:
        """A name of NLST: a file has a size, a folder can be entered."""
        here = self.session.here or "/"
        with suppress(Refused):
            return Found(name, "file", self._size(name), 0)
        with suppress(Refused):
            self.session.enter(f"{here.rstrip('/')}/{name}")
            self.session.enter(here)
            return Found(name, "folder", 0, 0)
        self.session.enter(here)
        return Found(name, "other", 0, 0)

    def _exact(self, found: Found) -> Found | None:
        """A listed file with its exact size and time; None if it is gone, or may not be asked about."""
        try:
            asked = self._asked(found.name)
        except Refused:
            return None
        return asked if self.session.times else asked._replace(mtime_ns=found.mtime_ns)

    def _asked(self, name: str) -> Found:
        size = self._size(name)
        when = 0
        if self.session.times:
            try:
                when = stamp_ns(self.session.command(f"MDTM {self.session.wire(name)}")[4:])
            except Refused as refused:
                if refused.code not in _UNKNOWN:
                    raise
                self.session.times = False
        return Found(name, "file", size, when)

    def _size(self, name: str) -> int:
        self.session.set_type("I")
        return int(self.session.command(f"SIZE {self.session.wire(name)}")[4:].split()[0])

    def _native(self, found: Found) -> Found:
        return found._replace(name=self.session.native(found.name))


def _split(path: str) -> tuple[str, str]:
    """The folder (empty: where a login begins) and the name."""
    folder, slash, name = path.rpartition("/")
    return folder or slash, name
