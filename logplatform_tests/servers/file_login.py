"""The one login of the file servers, and files that describe it in the forms they read.

What belongs here: name, password, passwd and shadow lines, a certificate. What does not: the servers themselves.
"""

import subprocess
from pathlib import Path

from logplatform_tests.servers.place import NotHad, server_user

NAME = "pipe"
PASSWORD = "S3cret pass"


def write_login(folder: Path, home: Path) -> None:
    """`passwd`, `group` and `shadow` in `folder`, in the forms of passwd(5), group(5) and shadow(5)."""
    user = server_user()
    (folder / "passwd").write_text(
        f"{NAME}:x:{user.uid}:{user.gid}:{NAME}:{home}:/bin/sh\nroot:x:0:0:root:/root:/bin/sh\n"
    )
    (folder / "group").write_text(f"{NAME}:x:{user.gid}:\n")
    (folder / "shadow").write_text(f"{NAME}:{password_hash()}:19000:0:99999:7:::\n")


def password_hash() -> str:
    """The password as crypt(5) keeps it."""
    return _openssl("passwd", "-6", PASSWORD).strip()


def write_certificate(folder: Path) -> None:
    """`tls.crt` and `tls.key` in `folder`, self-signed for localhost and its address."""
    if (folder / "tls.crt").exists():
        return
    _openssl(
        "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=localhost",
        "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1",
        "-keyout", str(folder / "tls.key"), "-out", str(folder / "tls.crt"),
    )  # fmt: skip
    (folder / "tls.key").chmod(0o600)


def _openssl(*arguments: str) -> str:
    try:
        return subprocess.run(["openssl", *arguments], check=True, capture_output=True, text=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise NotHad(f"openssl: {error}") from error
