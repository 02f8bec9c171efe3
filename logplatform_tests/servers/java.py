"""Java, and what Maven gets.

What belongs here: a JDK, Maven, artefacts with their checksums verified. What does not: what is made of them.
"""

import os
import re
import shutil
import subprocess
import zipfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from logplatform_tests.servers.place import NotHad, cache_folder, locked

_PLUGIN = "org.apache.maven.plugins:maven-dependency-plugin:3.6.1"
_PACKAGES = ("openjdk-17-jdk-headless", "maven")


@cache
def java_home() -> Path:
    """A JDK of 17 or later; installed where root or sudo may and there is none. Raises NotHad."""
    _install_missing()
    program = shutil.which("javac")
    if program is None:
        raise NotHad(
            "it needs a Java development kit (17 or later); on Debian: apt-get install openjdk-17-jdk-headless"
        )
    return Path(program).resolve().parent.parent


def get_artifact(coordinates: str) -> Path:
    """One artefact (group:name:version:type), without what it depends on; the file in the local repository."""
    group, name, version, kind = coordinates.split(":")
    repository = cache_folder() / "maven"
    file = repository / group.replace(".", "/") / name / version / f"{name}-{version}.{kind}"
    if not file.exists():
        _maven([f"{_PLUGIN}:get", f"-Dartifact={coordinates}", "-Dtransitive=false"], repository)
    return file


def get_with_dependencies(folder: Path, pom: str) -> None:
    """The jars of all dependencies that run with the project of this pom, in `folder`; it is whole or not there."""
    if folder.exists():
        return
    part = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir()
    (part / "pom.xml").write_text(pom)
    goal = [f"{_PLUGIN}:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={part}"]
    _maven(["-f", str(part / "pom.xml"), *goal], cache_folder() / "maven")
    (part / "pom.xml").unlink()
    part.rename(folder)


def _maven(arguments: Sequence[str], repository: Path) -> None:
    java_home()
    program = shutil.which("mvn")
    if program is None:
        raise NotHad("it needs Maven; on Debian: apt-get install maven")
    settings = cache_folder() / "maven-settings.xml"
    settings.write_text(_only_default_repository(Path(program).resolve().parent.parent / "lib"))
    command = [program, "-q", "-B", "-C", "-s", str(settings), f"-Dmaven.repo.local={repository}", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    if done.returncode != 0:
        raise NotHad(f"Maven could not get it: {(done.stdout + done.stderr).strip()[-500:]}")


def _only_default_repository(libraries: Path) -> str:
    """Settings that send every repository to Maven's own: some projects' poms name mirrors of their own."""
    for jar in libraries.glob("maven-model-builder*.jar"):
        pom = zipfile.ZipFile(jar).read("org/apache/maven/model/pom-4.0.0.xml").decode()
        if found := re.search(r"<url>(.*?)</url>", pom):
            mirror = f"<mirror><id>default-only</id><mirrorOf>*</mirrorOf><url>{found[1]}</url></mirror>"
            return f"<settings><mirrors>{mirror}</mirrors></settings>"
    return "<settings/>"


def _install_missing() -> None:
    """Unpacked, Java finds neither its settings nor its certificates: its packages are installed, or asked for."""
    if shutil.which("javac") and shutil.which("mvn"):
        return
    if shutil.which("apt-get") is None:
        return
    if os.getuid() == 0:
        as_root: list[str] = []
    elif subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False).returncode == 0:
        as_root = ["sudo", "-n"]
    else:
        return
    # Others may install at this moment; apt waits for them.
    install = [
        "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-y", "-qq", "--no-install-recommends",
        "-o", "DPkg::Lock::Timeout=300",
    ]  # fmt: skip
    with locked(cache_folder() / "java.lock"):
        if shutil.which("javac") and shutil.which("mvn"):
            return
        for command in (["apt-get", "update", "-qq"], [*install, *_PACKAGES]):
            subprocess.run([*as_root, *command], capture_output=True, stdin=subprocess.DEVNULL, check=False)
