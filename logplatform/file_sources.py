"""From the settings of a source of files to the source.

What belongs here: choosing the implementation, and asking each once whether it can be used. What does not: the
implementations (`logplatform.sources`), the stores (`logplatform.tenancy`).
"""

import os
from collections.abc import Sequence
from glob import escape

from logplatform.failures import PermanentFailure
from logplatform.settings.archives import ArchiveFtp, ArchiveSource, ArchiveSsh
from logplatform.settings.machines import MachineFolder, MachineFtp, MachineSource, MachineSsh
from logplatform.settings.model import Domain, Settings
from logplatform.settings.servers import FtpServer, SshServer
from logplatform.settings.uploads import Inbox, InboxFolder, InboxFtp, InboxSsh
from logplatform.sources.addresses import FtpAddress, SshAddress
from logplatform.sources.base import Listing, Source
from logplatform.sources.folder import FolderSource

FileSource = ArchiveSource | MachineSource | Inbox
"""Settings of a source of files, of any domain."""
ServerSource = ArchiveSsh | ArchiveFtp | MachineSsh | MachineFtp | InboxSsh | InboxFtp
"""Settings of one whose files are at a server."""

_LOG = "????????.[lL][oO][gG]"


def enabled_sources(settings: Settings, domain: Domain) -> list[FileSource]:
    """The settings of a domain's sources of files that are switched on; domains without any have none."""
    sources: dict[Domain, Sequence[FileSource]] = {
        "archives": settings.archives.sources,
        "machines": settings.machines.sources,
        "uploads": settings.uploads.inboxes,
    }
    return [source for source in sources.get(domain, ()) if source.enabled]


def open_source(source: FileSource) -> Source:
    """The implementation behind a source's settings; nothing is connected before it is used.

    Raises PermanentFailure if a package that it needs is not installed.
    """
    if isinstance(source, ServerSource):
        return _at_server(source)
    if isinstance(source, MachineFolder):
        return FolderSource(source.name, source.path, _machine_logs(source))
    return FolderSource(source.name, source.path, source.patterns)


def removes(source: FileSource) -> bool:
    """Whether files leave the source once they are safe here."""
    if isinstance(source, InboxFolder | InboxSsh | InboxFtp):
        return not source.keep_files
    return source.delete_source


def check_source(source: FileSource) -> None:
    """Reach the source, log in, and look into its folders; where files are to leave, whether they may.

    Raises Unreachable or PermanentFailure with what helps.
    """
    opened = open_source(source)
    listing = Listing(opened)
    next(iter(listing), None)
    if listing.failure is not None:
        raise listing.failure
    if removes(source):
        _check_removal(opened)


def _check_removal(source: Source) -> None:
    if isinstance(source, FolderSource):
        if not os.access(source.root, os.W_OK | os.X_OK):
            raise PermanentFailure(f"source {source.name}: nothing can be removed from {source.root}")
        return
    from logplatform.sources.remote import RemoteSource  # noqa: PLC0415

    if isinstance(source, RemoteSource):
        source.check_removal()


def _at_server(source: ServerSource) -> Source:
    if isinstance(source, MachineSsh | MachineFtp):
        root, globs = source.path, _machine_logs(source)
        # A machine that has written nothing yet has no folder.
        named_must_exist = False
    else:
        root = "/" if source.remote_path[0].startswith("/") else ""
        globs, named_must_exist = tuple(path.lstrip("/") for path in source.remote_path), True
    # Client libraries are imported where they are used.
    if isinstance(source, SshServer):
        from logplatform.sources.sftp import sftp_source  # noqa: PLC0415

        return sftp_source(ssh_address(source.name, source), root, globs, named_must_exist=named_must_exist)
    from logplatform.sources.ftp import ftp_source  # noqa: PLC0415

    return ftp_source(ftp_address(source.name, source), root, globs, named_must_exist=named_must_exist)


def ssh_address(name: str, server: SshServer) -> SshAddress:
    """The address of a source's server."""
    return SshAddress(
        name=name,
        host=server.host,
        user=server.user,
        port=server.port,
        key_file=server.key_file,
        key_passphrase=server.key_passphrase.get_secret_value() if server.key_passphrase else None,
        password=server.password.get_secret_value() if server.password else None,
        host_key=server.host_key,
        known_hosts=(server.known_hosts,) if server.known_hosts else (),
        connections=server.connections,
        connect_seconds=server.connect_timeout_seconds,
        timeout_seconds=server.timeout_seconds,
    )


def ftp_address(name: str, server: FtpServer) -> FtpAddress:
    """The address of a source's server."""
    return FtpAddress(
        name=name,
        host=server.host,
        user=server.user,
        password=server.password.get_secret_value() if server.password else "",
        port=server.port,
        tls=server.tls,
        ca_file=server.ca_file,
        passive=server.passive,
        encoding=server.encoding,
        list_zone=server.list_timezone,
        connections=server.connections,
        connect_seconds=server.connect_timeout_seconds,
        timeout_seconds=server.timeout_seconds,
    )


def _machine_logs(source: MachineSource) -> tuple[str, ...]:
    folders = [folder.strip("/") for folder in source.folders]
    return tuple(_LOG if folder == "." else f"{escape(folder)}/*" for folder in folders)
