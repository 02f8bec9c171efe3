"""One login at an FTP server: commands, the folder it is in, listings and transfers as streams.

What belongs here: the state of the session, and names between Python and the wire. What does not: logging in
(`ftp_client`), and what the answers say of files (`ftp`).
"""

import socket
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress

from logplatform.failures import PermanentFailure, TransientFailure
from logplatform.sources.addresses import FtpAddress
from logplatform.sources.ftp_client import WIRE, Refused, end_data, hang_up, logged_in, spoken
from logplatform.sources.links import LinkLost

CHUNK_BYTES = 256 << 10


class FtpSession:
    """A login; `lost` once the connection is not to be used again. `facts` and `times`: MLSD and MDTM are known."""

    def __init__(self, address: FtpAddress) -> None:
        self.address = address
        self.lost = False
        self.facts = self.times = True
        self.here: str | None = None
        self._type = ""
        self._client = logged_in(address)
        # Commands go by Telnet's rules (RFC 959), where the byte 255 is doubled; vsftpd takes it as it is.
        self._telnet = "vsftpd" not in (self._client.welcome or "").lower()
        try:
            self._home = self._begin()
        except TransientFailure:
            self.close()
            raise

    def command(self, text: str) -> str:
        """Send a command; the answer, if it is a good one."""
        with self._spoken():
            return self._client.sendcmd(text)

    def enter(self, folder: str) -> None:
        """Go into a folder (empty: where the login began); nothing is said if it is this one."""
        path = folder if folder.startswith("/") else f"{self._home.rstrip('/')}/{folder}".rstrip("/") or "/"
        if path == self.here:
            return
        self.here = None
        self.command(f"CWD {self.wire(path)}")
        self.here = path

    def set_type(self, letter: str) -> None:
        """I: bytes as they are, and sizes; A: listings."""
        if self._type != letter:
            self.command(f"TYPE {letter}")
            self._type = letter

    def lines(self, command: str) -> Iterator[str]:
        """The lines of a listing of the folder that was entered, as they are on the wire."""
        self.set_type("A")
        connection = self.transfer(command, None)
        whole = False
        try:
            with self._spoken(), connection.makefile("r", encoding=WIRE, newline="\n") as file:
                for line in file:
                    yield line.rstrip("\n").removesuffix("\r")
            whole = True
        finally:
            if not whole:
                self.lost = True
                end_data(connection)
        self.finish(connection)

    def transfer(self, command: str, offset: int | None) -> socket.socket:
        """The data connection of a command."""
        with self._spoken():
            return self._client.transfercmd(command, offset)

    def receive(self, connection: socket.socket) -> bytes:
        """The next bytes of a data connection; none at its end."""
        with self._spoken():
            return connection.recv(CHUNK_BYTES)

    def finish(self, connection: socket.socket) -> None:
        """End a transfer whose bytes are all here; the server says whether it sees it so too."""
        end_data(connection)
        with self._spoken():
            self._client.voidresp()

    def native(self, wire: str) -> str:
        """A name as Python gives it to a file system."""
        return wire.encode(WIRE).decode(self.address.encoding, errors="surrogateescape")

    def wire(self, name: str) -> str:
        """A name as it is sent; raises PermanentFailure where it cannot be."""
        try:
            wire = name.encode(self.address.encoding, errors="surrogateescape").decode(WIRE)
        except UnicodeEncodeError as error:
            message = f"{name!r} cannot be told in {self.address.encoding}: set the source's `encoding`"
            raise PermanentFailure(message) from error
        if any(sign in wire for sign in "\r\n\0"):
            raise PermanentFailure(f"{name!r}: no FTP command can name a file with a line break")
        return wire.replace("\xff", "\xff\xff") if self._telnet else wire

    def close(self) -> None:
        """Hang up."""
        self.lost = True
        hang_up(self._client)

    def _begin(self) -> str:
        """Ask what the server can, and where the login begins."""
        with suppress(Refused):
            features = self.command("FEAT").upper()
            self.facts = "MLST" in features or "MLSD" in features
            self.times = "MDTM" in features
            if "UTF8" in features and self.address.encoding.replace("-", "").lower() == "utf8":
                with suppress(Refused):
                    self.command("OPTS UTF8 ON")
        try:
            answer = self.command("PWD")
        except Refused:
            return "/"
        _, _, quoted = answer.partition('"')
        return self.native(quoted.rpartition('"')[0].replace('""', '"')) or "/"

    @contextmanager
    def _spoken(self) -> Generator[None]:
        try:
            with spoken(self.address):
                yield
        except LinkLost:
            self.lost = True
            raise
