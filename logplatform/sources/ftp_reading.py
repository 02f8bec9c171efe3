"""One file's bytes on their way from an FTP server.

What belongs here: RETR from beginning to end, or to its break. What does not: finding files (`ftp`).
"""

import socket
from collections.abc import Iterator
from typing import TYPE_CHECKING

from logplatform.sources.ftp_client import end_data
from logplatform.sources.links import Found

if TYPE_CHECKING:
    from logplatform.sources.ftp import FtpLink


class FtpReading:
    """One file on its way; see `links.Reading`."""

    def __init__(self, link: "FtpLink", path: str, offset: int) -> None:
        self._link, self._path, self._offset = link, path, offset
        self._connection: socket.socket | None = None

    def before(self) -> Found:
        """What the server tells of it now."""
        return self._link.stat(self._path)

    def chunks(self) -> Iterator[bytes]:
        """The bytes; resumed with REST where an offset was asked for."""
        self._connection = self._link.transfer(self._path, self._offset)
        while data := self._link.session.receive(self._connection):
            yield data
        connection, self._connection = self._connection, None
        self._link.session.finish(connection)

    def after(self) -> Found:
        """What the server tells of it now."""
        return self._link.stat(self._path)

    def close(self) -> None:
        """A transfer that is left in the middle ends the link: what else would come is not known."""
        if self._connection is not None:
            self._link.lost = True
            end_data(self._connection)
            self._connection = None
