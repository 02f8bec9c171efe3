"""Settings of servers that files are fetched from: where they are, and who asks there.

What belongs here: fields that sources of every domain share. What does not: a domain's own fields (`archives`,
`machines`, `uploads`), passwords out of variables of their own (`credentials`), and connecting
(`logplatform.sources`).
"""

import codecs
import re
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from logplatform.settings.base import AnchoredPath, Seconds, Section, Timezone, Whole


def _remote(text: str) -> str:
    path = text.strip().removeprefix("~/")
    if not path or path in {"~", "."} or ".." in path.split("/") or not path.isprintable():
        raise ValueError(
            "a path at the server without `..`, such as /var/log/apps/*.gz (relative: where a login begins)"
        )
    return f"{path}*" if path.endswith("/") else path


def _folder(text: str) -> str:
    path = text.strip()
    path = "" if path in {"", ".", "~", "./", "~/"} else path.removeprefix("~/")
    if ".." in path.split("/") or not path.isprintable():
        raise ValueError("a folder at the server without `..` (relative: below where a login begins)")
    return path if path == "/" else path.rstrip("/")


def _one_or_more(value: object) -> object:
    return [value] if isinstance(value, str) else value


def _of_one_kind(globs: tuple[str, ...]) -> tuple[str, ...]:
    if len({glob.startswith("/") for glob in globs}) > 1:
        raise ValueError("begin all paths with / or none: a file would have two names")
    return globs


def _encoding(name: str) -> str:
    try:
        if "a/b".encode(name) == b"a/b":
            return codecs.lookup(name).name
    except (LookupError, UnicodeError):
        pass
    raise ValueError(f"{name!r} is no encoding of file names (examples: utf-8, latin-1, cp1252)")


def _host(text: str) -> str:
    if not re.fullmatch(r"[^\s/@]+", text):
        raise ValueError("write the host's name or address alone, such as logs.example.com")
    return text


RemotePaths = Annotated[
    tuple[Annotated[str, AfterValidator(_remote)], ...],
    BeforeValidator(_one_or_more),
    Field(min_length=1),
    AfterValidator(_of_one_kind),
]
"""One shell glob over paths at a server, or a list of them; `**` stands for any number of folders."""

RemoteFolder = Annotated[str, AfterValidator(_folder)]
"""A folder at a server; empty: where a login begins."""

Host = Annotated[str, AfterValidator(_host)]
Port = Annotated[Whole, Field(ge=1, le=65_535)]
Timeout = Annotated[Seconds, Field(ge=1)]


class SshServer(Section):
    """A server of files over SSH."""

    host: Host
    port: Port = 22
    user: Annotated[str, Field(min_length=1)]
    key_file: AnchoredPath | None = None
    """A private key; without it and without a password the agent and the keys in ~/.ssh are tried."""
    key_passphrase: SecretStr | None = None
    """Of that key."""
    password: SecretStr | None = None
    """Set it by SSH_PASSWORD_<NAME>, or SSH_PASSWORD for all servers that have no key file; never in this file."""
    known_hosts: AnchoredPath | None = None
    """File with the servers' host keys; left out: ~/.ssh/known_hosts and /etc/ssh/ssh_known_hosts."""
    host_key: str | None = None
    """The server's host key itself (`ssh-ed25519 AAAA…`), in place of such a file."""
    connections: Annotated[Whole, Field(ge=1, le=64)] = 4
    """Connections to this server at the same time."""
    connect_timeout_seconds: Timeout = 15
    """A connection or a login that takes longer has failed."""
    timeout_seconds: Timeout = 60
    """A server that says nothing for so long is given up; it is also asked for a sign of life in between."""


class FtpServer(Section):
    """A server of files over FTP, or explicit FTPS."""

    host: Host
    """Left out: FTP_HOST, as `port`, `user` and `password` are FTP_PORT, FTP_USER and FTP_PASS."""
    port: Port = 21
    user: Annotated[str, Field(min_length=1)]
    password: SecretStr | None = None
    """Set it by FTP_PASS_<NAME>, or FTP_PASS for all servers; never in this file."""
    tls: bool = False
    """Explicit FTPS: login and files are encrypted, the certificate is checked."""
    ca_file: AnchoredPath | None = None
    """Certificates to trust, or the server's own; left out: the system's."""
    passive: bool = True
    """The server opens no connection of its own; false: active mode, where no firewall stands between."""
    encoding: Annotated[str, AfterValidator(_encoding)] = "utf-8"
    """Of file names."""
    list_timezone: Timezone = "UTC"
    """Zone of the times in listings of a server that knows neither MLSD nor MDTM."""
    connections: Annotated[Whole, Field(ge=1, le=64)] = 2
    """Connections to this server at the same time."""
    connect_timeout_seconds: Timeout = 15
    """A connection that takes longer has failed."""
    timeout_seconds: Timeout = 60
    """A server that says nothing for so long is given up."""
