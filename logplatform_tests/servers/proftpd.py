"""ProFTPD, which lists by MLSD, plain and with TLS.

What belongs here: getting and running ProFTPD. What does not: files of single tests (`isolation`).
"""

import grp
import pwd
from pathlib import Path
from urllib.parse import quote

from logplatform_tests.servers.debian import Tree, installed_or_unpacked
from logplatform_tests.servers.file_login import NAME, PASSWORD, password_hash, write_certificate
from logplatform_tests.servers.place import server_user
from logplatform_tests.servers.ports import LOOPBACK, greeting
from logplatform_tests.servers.processes import Launch
from logplatform_tests.servers.server import Server


class ProFtpd(Server):
    name = "ftp"
    variable = "LOGPLATFORM_TEST_FTP"
    scheme = "ftp"

    def get(self) -> None:
        self._tree()

    def prepare(self, folder: Path, port: int) -> Launch:
        files, user = folder / "files", server_user()
        files.mkdir(exist_ok=True)
        (folder / "users").write_text(f"{NAME}:{password_hash()}:{user.uid}:{user.gid}::{files}:/bin/false\n")
        # ProFTPD refuses a file of users that others may read.
        (folder / "users").chmod(0o600)
        (folder / "proftpd.conf").write_text("\n".join(self.configuration(folder, port)) + "\n")
        program = self._tree().path("usr/sbin/proftpd")
        return Launch([str(program), "-n", "-c", str(folder / "proftpd.conf")], self._tree().environment())

    def ready(self, folder: Path, port: int) -> bool:
        return greeting(port).startswith(b"220")

    def address(self, folder: Path, port: int) -> str:
        return f"{self.scheme}://{NAME}:{quote(PASSWORD)}@{LOOPBACK}:{port}{quote(str(folder / 'files'))}"

    def configuration(self, folder: Path, port: int) -> list[str]:
        user = server_user()
        return [
            f"ModulePath {self._tree().path('usr/lib/proftpd')}",
            "ServerName files",
            "ServerType standalone",
            "DefaultServer on",
            f"DefaultAddress {LOOPBACK}",
            "SocketBindTight on",
            f"Port {port}",
            "UseIPv6 off",
            f"User {pwd.getpwuid(user.uid).pw_name}",
            f"Group {grp.getgrgid(user.gid).gr_name}",
            f"PidFile {folder}/proftpd.pid",
            f"ScoreboardFile {folder}/scoreboard",
            f"DelayTable {folder}/delay",
            f"SystemLog {folder}/log",
            f"TransferLog {folder}/transfers",
            "WtmpLog off",
            "AuthOrder mod_auth_file.c",
            f"AuthUserFile {folder}/users",
            "RequireValidShell off",
            "UseFtpUsers off",
            "AllowOverwrite on",
            "AllowStoreRestart on",
            "AllowRetrieveRestart on",
            "MaxInstances 200",
            "UseReverseDNS off",
        ]

    def _tree(self) -> Tree:
        return installed_or_unpacked(
            ["proftpd-core", "proftpd-mod-crypto"], "usr/sbin/proftpd", "usr/lib/proftpd/mod_tls.so"
        )


class ProFtpdTls(ProFtpd):
    """Nothing goes without TLS, and a data connection must continue the session of the control connection."""

    name = "ftps"
    variable = "LOGPLATFORM_TEST_FTPS"
    scheme = "ftps"

    def prepare(self, folder: Path, port: int) -> Launch:
        write_certificate(folder)
        return super().prepare(folder, port)

    def address(self, folder: Path, port: int) -> str:
        return f"{super().address(folder, port)}?certificate={quote(str(folder / 'tls.crt'))}"

    def configuration(self, folder: Path, port: int) -> list[str]:
        return [
            *super().configuration(folder, port),
            "LoadModule mod_tls.c",
            "TLSEngine on",
            f"TLSRSACertificateFile {folder}/tls.crt",
            f"TLSRSACertificateKeyFile {folder}/tls.key",
            "TLSProtocol TLSv1.2 TLSv1.3",
            "TLSRequired on",
            "TLSVerifyClient off",
            f"TLSLog {folder}/tls.log",
        ]
