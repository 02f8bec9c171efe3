"""Programs of Debian: found, or unpacked here without installing anything.

What belongs here: getting packages by apt. What does not: what a server does with them.

Packages are unpacked, also where root could install them: installing would start their services, change the system,
and could not put two FTP servers side by side.
"""

import shutil
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from logplatform_tests.servers.place import NotHad, cache_folder, locked

_UPDATED_FOR_SECONDS = 24 * 3600


@dataclass(frozen=True, slots=True)
class Tree:
    """Where a package's files are: `/` for one that is installed."""

    root: Path

    def path(self, inside: str) -> Path:
        return self.root / inside.removeprefix("/")

    def environment(self) -> dict[str, str]:
        """What a program of the tree needs to find the libraries that are there."""
        if self.root == Path("/"):
            return {}
        patterns = ("usr/lib/*-linux-gnu*", "lib/*-linux-gnu*", "usr/lib/*-linux-gnu*/systemd")
        folders = [folder for pattern in patterns for folder in self.root.glob(pattern)]
        return {"LD_LIBRARY_PATH": ":".join(str(folder) for folder in folders)} if folders else {}


def installed_or_unpacked(packages: Sequence[str], *needed: str) -> Tree:
    """The tree that holds all `needed` files (patterns): the system's, or one unpacked from `packages`.

    Raises:
        NotHad: There is no apt, or it cannot reach or does not know the packages.
    """
    if _holds(Path("/"), needed):
        return Tree(Path("/"))
    folder = cache_folder() / "debian"
    tree = folder / "-".join(packages)
    folder.mkdir(exist_ok=True)
    if not tree.exists():
        if shutil.which("apt-get") is None:
            raise NotHad(f"{needed[0]} is not there, and without apt-get its package {packages[0]} cannot be had")
        # One at a time: lists and downloads are shared.
        with locked(folder / "lock"):
            if not tree.exists():
                _unpack(packages, folder, tree)
    if not _holds(tree, needed):
        raise NotHad(f"the packages {' '.join(packages)} of this system hold no {' or no '.join(needed)}")
    return Tree(tree)


def _holds(root: Path, needed: Sequence[str]) -> bool:
    return all(any(root.glob(pattern.removeprefix("/"))) for pattern in needed)


def _unpack(packages: Sequence[str], folder: Path, tree: Path) -> None:
    debs, part = folder / "debs", folder / f"{tree.name}.part"
    for made in (folder / "lists" / "partial", debs / "partial"):
        made.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(part, ignore_errors=True)
    for deb in debs.glob("*.deb"):
        deb.unlink()
    part.mkdir()
    options = _options(folder)
    _update(options, folder)
    # Simulated, the installation names exactly the packages that are missing here; one that is installed but lacks
    # the file would not be named, so those asked for stand first.
    plan = _run(["apt-get", *options, "install", "--simulate", "--no-install-recommends", *packages], folder)
    missing = [line.split()[1] for line in plan.splitlines() if line.startswith("Inst ")]
    _run(["apt-get", *options, "download", "-qq", *dict.fromkeys([*packages, *missing])], debs)
    for deb in debs.glob("*.deb"):
        _run(["dpkg-deb", "--extract", str(deb), str(part)], folder)
        deb.unlink()
    part.rename(tree)


def _options(folder: Path) -> list[str]:
    values = {
        "Dir::State::Lists": folder / "lists",
        "Dir::Cache": folder,
        "Dir::Cache::Archives": folder / "debs",
        "Debug::NoLocking": 1,
        "APT::Sandbox::User": "root",
    }
    return [part for name, value in values.items() for part in ("-o", f"{name}={value}")]


def _update(options: Sequence[str], folder: Path) -> None:
    stamp = folder / "updated"
    if stamp.exists() and time.time() - stamp.stat().st_mtime < _UPDATED_FOR_SECONDS:
        return
    _run(["apt-get", *options, "update", "-qq"], folder)
    stamp.touch()


def _run(command: Sequence[str], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    if done.returncode != 0:
        said = (done.stderr or done.stdout).strip()[-500:]
        raise NotHad(f"{command[0]} could not {' '.join(command[-3:])}: {said}")
    return done.stdout
