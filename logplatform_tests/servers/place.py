"""Where servers are kept and who they run as.

What belongs here: folders, and the user that servers get in place of root. What does not: what is in the folders.
"""

import fcntl
import os
import pwd
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]


class NotHad(Exception):
    """A server that this machine does not have and that could not be had; the message says why."""


@dataclass(frozen=True, slots=True)
class User:
    """Who a server runs as."""

    uid: int
    gid: int


@cache
def server_user() -> User:
    """`nobody` where root would start servers (several refuse root), else whoever asks."""
    if os.getuid() != 0:
        return User(os.getuid(), os.getgid())
    entry = pwd.getpwnam("nobody")
    return User(entry.pw_uid, entry.pw_gid)


@cache
def servers_folder() -> Path:
    """`.servers` of the project; where the servers' user may not go there, a folder beside other temporary ones."""
    inside = PROJECT / ".servers"
    if server_user().uid == os.getuid() or all(_passable(parent) for parent in inside.parents):
        return inside
    return Path(tempfile.gettempdir()) / f"logplatform-servers-{PROJECT.stat().st_ino}"


def cache_folder() -> Path:
    """What was got once and serves every run."""
    return _made(servers_folder() / "cache")


def run_folder() -> Path:
    """What runs now: a folder for each session that started servers."""
    return _made(servers_folder() / "run")


@contextmanager
def locked(path: Path) -> Generator[None]:
    """Hold the lock of this name against every process and thread; it ends with its holder."""
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def given_to_servers(folder: Path) -> Path:
    """The folder, made and owned by the servers' user with all that is in it."""
    folder.mkdir(parents=True, exist_ok=True)
    user = server_user()
    if user.uid != os.getuid():
        for path in (folder, *folder.rglob("*")):
            os.chown(path, user.uid, user.gid, follow_symlinks=False)
    return folder


def _passable(folder: Path) -> bool:
    return not folder.exists() or bool(folder.stat().st_mode & 0o001)


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder
