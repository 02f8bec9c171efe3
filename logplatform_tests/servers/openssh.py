"""OpenSSH with SFTP, for keys and passwords, without any user of the system.

What belongs here: getting and running sshd. What does not: files of single tests (`isolation`).
"""

import subprocess
from pathlib import Path
from urllib.parse import quote

from logplatform_tests.servers.debian import Tree, installed_or_unpacked
from logplatform_tests.servers.file_login import NAME, PASSWORD, write_login
from logplatform_tests.servers.place import NotHad
from logplatform_tests.servers.ports import LOOPBACK, greeting
from logplatform_tests.servers.processes import Launch
from logplatform_tests.servers.server import Server

_SSHD = "usr/sbin/sshd"
_SESSION = "usr/lib/openssh/sshd-session"
_WRAPPER = "usr/lib/*-linux-gnu*/libnss_wrapper.so"


class OpenSsh(Server):
    """`sshd` run by no privileged user lets in only that user; nss_wrapper gives that user the name and password."""

    name = "sftp"
    variable = "LOGPLATFORM_TEST_SFTP"

    def get(self) -> None:
        self._sshd()
        self._wrapper()

    def prepare(self, folder: Path, port: int) -> Launch:
        (folder / "files").mkdir(exist_ok=True)
        write_login(folder, folder / "files")
        for name in ("host_ed25519", "client_ed25519"):
            _key(folder / name)
        (folder / "authorized_keys").write_text((folder / "client_ed25519.pub").read_text())
        kind, key = (folder / "host_ed25519.pub").read_text().split()[:2]
        (folder / "known_hosts").write_text(f"[{LOOPBACK}]:{port} {kind} {key}\n")
        tree = self._sshd()
        (folder / "sshd_config").write_text(_configuration(folder, port, tree))
        return Launch(
            [str(tree.path(_SSHD)), "-D", "-e", "-f", str(folder / "sshd_config")],
            {
                **tree.environment(),
                "LD_PRELOAD": str(self._wrapper()),
                "NSS_WRAPPER_PASSWD": str(folder / "passwd"),
                "NSS_WRAPPER_GROUP": str(folder / "group"),
                "NSS_WRAPPER_SHADOW": str(folder / "shadow"),
            },
        )

    def ready(self, folder: Path, port: int) -> bool:
        return greeting(port).startswith(b"SSH-2.0")

    def address(self, folder: Path, port: int) -> str:
        files, key, hosts = (quote(str(folder / name)) for name in ("files", "client_ed25519", "known_hosts"))
        return f"sftp://{NAME}:{quote(PASSWORD)}@{LOOPBACK}:{port}{files}?key={key}&known_hosts={hosts}"

    def _sshd(self) -> Tree:
        return installed_or_unpacked(["openssh-server"], _SSHD)

    def _wrapper(self) -> Path:
        return next(installed_or_unpacked(["libnss-wrapper"], _WRAPPER).root.glob(_WRAPPER))


def _configuration(folder: Path, port: int, tree: Tree) -> str:
    lines = [
        f"Port {port}",
        f"ListenAddress {LOOPBACK}",
        f"HostKey {folder}/host_ed25519",
        "PidFile none",
        f"AuthorizedKeysFile {folder}/authorized_keys",
        "StrictModes no",
        "PasswordAuthentication yes",
        "KbdInteractiveAuthentication no",
        "UsePAM no",
        "UseDNS no",
        "MaxStartups 200:30:400",
        "MaxSessions 200",
        "Subsystem sftp internal-sftp",
        "LogLevel INFO",
    ]
    # Since OpenSSH 9.8 the listener starts other programs, which an unpacked one must be told of.
    if tree.path(_SESSION).exists() and tree.root != Path("/"):
        lines.append(f"SshdSessionPath {tree.path(_SESSION)}")
    return "\n".join(lines) + "\n"


def _key(path: Path) -> None:
    if path.exists():
        return
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", path.name, "-f", str(path)]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise NotHad(f"ssh-keygen (package openssh-client): {error}") from error
