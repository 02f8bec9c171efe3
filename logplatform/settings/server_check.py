"""Checks of servers' settings against this machine: key files, known hosts, passwords.

What belongs here: what can be told without asking a server. What does not: asking it
(`logplatform.file_sources.check_source`), other checks (`check`).
"""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from logplatform.settings.api import is_loopback
from logplatform.settings.credentials import password_name
from logplatform.settings.servers import FtpServer, SshServer

Fault = tuple[str, str, str, Literal["error", "warning"]]
"""The field, what is wrong, the fix, how bad."""


def server_faults(server: SshServer | FtpServer, name: str) -> Iterator[Fault]:
    """What is wrong, or odd, with the login of the source `name`."""
    yield from _ssh(server, name) if isinstance(server, SshServer) else _ftp(server, name)


def _ssh(server: SshServer, name: str) -> Iterator[Fault]:
    if server.key_file is not None:
        yield from _key(server.key_file)
    elif server.password is None and not os.environ.get("SSH_AUTH_SOCK") and not _own_keys():
        fix = f"set `key_file`, or the variable {password_name(name)} or SSH_PASSWORD"
        yield "key_file", "there is no key, no agent and no password to log in with", fix, "error"
    if server.host_key is None:
        yield from _known_hosts(server)


def _key(path: Path) -> Iterator[Fault]:
    if not path.is_file():
        yield "key_file", f"there is no file {path}", "name the private key", "error"
    elif not os.access(path, os.R_OK):
        yield "key_file", f"{path} cannot be read", "give yourself the right to read it", "error"
    elif path.stat().st_mode & 0o077:
        yield "key_file", f"{path} can be read by others", f"`chmod 600 {path}`", "warning"


def _known_hosts(server: SshServer) -> Iterator[Fault]:
    fix = f"put the server's key there (`ssh-keyscan -p {server.port} {server.host}` shows it), or set `host_key`"
    if server.known_hosts is None:
        usual = (Path("~/.ssh/known_hosts").expanduser(), Path("/etc/ssh/ssh_known_hosts"))
        if not any(path.is_file() for path in usual):
            yield "known_hosts", f"no host key is known: there is no {usual[0]}", fix, "error"
    elif not server.known_hosts.is_file() or not os.access(server.known_hosts, os.R_OK):
        yield "known_hosts", f"there is no file {server.known_hosts}, or it cannot be read", fix, "error"


def _own_keys() -> bool:
    return any(Path("~/.ssh").expanduser().glob("id_*"))


def _ftp(server: FtpServer, name: str) -> Iterator[Fault]:
    if server.password is None and server.user not in {"anonymous", "ftp"}:
        fix = f"set the variable {password_name(name, 'FTP_PASS')} or FTP_PASS"
        yield "password", f"there is no password for {server.user}", fix, "error"
    if server.ca_file is not None and not server.ca_file.is_file():
        yield "ca_file", f"there is no file {server.ca_file}", "name the certificate", "error"
    if not server.tls and not is_loopback(server.host):
        message = f"the password and all files go to {server.host} unencrypted"
        yield "tls", message, "set `tls: true` if the server knows FTPS", "warning"
