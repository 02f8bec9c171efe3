"""vsftpd, which knows LIST but not MLSD.

What belongs here: getting and running vsftpd. What does not: files of single tests (`isolation`).

Run by no privileged user it lets in only `anonymous`, which needs no user of the system and may write here.
"""

from pathlib import Path
from urllib.parse import quote

from logplatform_tests.servers.debian import Tree, installed_or_unpacked
from logplatform_tests.servers.ports import LOOPBACK, greeting
from logplatform_tests.servers.processes import Launch
from logplatform_tests.servers.server import Server

_SWITCHES = {
    "listen": True,
    "background": False,
    "run_as_launching_user": True,
    "anonymous_enable": True,
    "local_enable": False,
    "write_enable": True,
    "anon_upload_enable": True,
    "anon_mkdir_write_enable": True,
    "anon_other_write_enable": True,
    "anon_world_readable_only": False,
    "seccomp_sandbox": False,
    "use_localtime": False,
    "utf8_filesystem": True,
    "mdtm_write": True,
}


class Vsftpd(Server):
    name = "ftp-list"
    variable = "LOGPLATFORM_TEST_FTP_LIST"

    def get(self) -> None:
        self._tree()

    def prepare(self, folder: Path, port: int) -> Launch:
        for made in (folder / "files", folder / "empty"):
            made.mkdir(exist_ok=True)
        values = {
            "listen_address": LOOPBACK,
            "listen_port": port,
            "anon_root": folder / "files",
            "anon_umask": "022",
            "secure_chroot_dir": folder / "empty",
        }
        lines = [f"{name}={'YES' if on else 'NO'}" for name, on in _SWITCHES.items()]
        lines += [f"{name}={value}" for name, value in values.items()]
        (folder / "vsftpd.conf").write_text("\n".join(lines) + "\n")
        return Launch(
            [str(self._tree().path("usr/sbin/vsftpd")), str(folder / "vsftpd.conf")], self._tree().environment()
        )

    def ready(self, folder: Path, port: int) -> bool:
        return greeting(port).startswith(b"220")

    def address(self, folder: Path, port: int) -> str:
        return f"ftp://anonymous:nobody%40example.com@{LOOPBACK}:{port}{quote(str(folder / 'files'))}"

    def _tree(self) -> Tree:
        return installed_or_unpacked(["vsftpd"], "usr/sbin/vsftpd")
