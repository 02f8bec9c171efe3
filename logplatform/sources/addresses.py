"""Where servers of files are, and who asks there.

What belongs here: plain values, without any client library. What does not: connecting (`ssh`, `ftp`).
"""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class SshAddress:
    """An SSH server and a login there; `name` is the source's, for messages.

    Without `key_file` and `password` the agent and the user's own keys are tried, as `ssh` does. `host_key` (as in
    known_hosts: `ssh-ed25519 AAAA…`) or the `known_hosts` files tell which server is the right one. Times in seconds.
    """

    name: str
    host: str
    user: str
    port: int = 22
    key_file: Path | None = None
    key_passphrase: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    host_key: str | None = None
    known_hosts: tuple[Path, ...] = ()
    connections: int = 4
    connect_seconds: float = 15
    timeout_seconds: float = 60

    @property
    def place(self) -> str:
        """The server as messages name it."""
        return f"{self.name} ({self.host}:{self.port})"


@dataclass(frozen=True, slots=True)
class FtpAddress:
    """An FTP server and a login there; `name` is the source's, for messages.

    `tls`: the login and all transfers are encrypted (explicit FTPS, RFC 4217), the certificate checked against
    `ca_file` or the system's. `encoding` is that of names; `list_zone` the IANA zone of times in its listings, where
    it cannot tell them otherwise. Times in seconds.
    """

    name: str
    host: str
    user: str
    password: str = field(default="", repr=False)
    port: int = 21
    tls: bool = False
    ca_file: Path | None = None
    passive: bool = True
    encoding: str = "utf-8"
    list_zone: str = "UTC"
    connections: int = 2
    connect_seconds: float = 15
    timeout_seconds: float = 60

    @property
    def place(self) -> str:
        """The server as messages name it."""
        return f"{self.name} ({self.host}:{self.port})"
