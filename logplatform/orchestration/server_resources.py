"""Dagster's resources for sources at servers: what the UI may show of them.

What belongs here: one thin resource a protocol. What does not: folders of this machine, stores (`resources`).

No password, passphrase or key is configuration, which the UI shows: the settings that open the source have them.
"""

from typing import Any

import dagster as dg

from logplatform.file_sources import FileSource, ServerSource, open_source
from logplatform.settings.machines import MachineFtp, MachineSsh
from logplatform.settings.servers import FtpServer
from logplatform.sources.base import Source


class SftpSourceResource(dg.ConfigurableResource[Any]):
    """Files at a server over SSH; yields a `Source`."""

    name: str
    host: str
    port: int
    user: str
    files: list[str]
    key_file: str | None = None
    known_hosts: str | None = None

    def open(self, given: FileSource) -> Source:
        """The source, at this server, with the secrets of `given`; nothing is connected before it is listed."""
        return open_source(given.model_copy(update={"host": self.host, "port": self.port, "user": self.user}))


class FtpSourceResource(dg.ConfigurableResource[Any]):
    """Files at a server over FTP or FTPS; yields a `Source`."""

    name: str
    host: str
    port: int
    user: str
    files: list[str]
    tls: bool = False

    def open(self, given: FileSource) -> Source:
        """The source, at this server, with the secrets of `given`; nothing is connected before it is listed."""
        return open_source(given.model_copy(update={"host": self.host, "port": self.port, "user": self.user}))


def server_resource(source: ServerSource) -> SftpSourceResource | FtpSourceResource:
    """The resource that opens the source of these settings."""
    if isinstance(source, MachineSsh | MachineFtp):
        files = [f"{source.path.rstrip('/')}/{folder}".lstrip("/") for folder in source.folders]
    else:
        files = list(source.remote_path)
    if isinstance(source, FtpServer):
        return FtpSourceResource(
            name=source.name, host=source.host, port=source.port, user=source.user, files=files, tls=source.tls
        )
    return SftpSourceResource(
        name=source.name,
        host=source.host,
        port=source.port,
        user=source.user,
        files=files,
        key_file=str(source.key_file) if source.key_file else None,
        known_hosts=str(source.known_hosts) if source.known_hosts else None,
    )
