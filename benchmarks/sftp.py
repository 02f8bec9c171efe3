"""One large file and many small ones over SFTP from OpenSSH on this machine, against paramiko.

What belongs here: the server, its files, the comparison. What does not: the work (`pieces.sftp`).
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path

from benchmarks.measure import Cost, best, work
from benchmarks.table import Comparison
from logplatform_tests.servers.addresses import FileServer
from logplatform_tests.servers.sessions import Session, address_of

_ROUNDS = 2
_SMALL_BYTES = 50_000
_MANY = 8


def compare(folder: Path, large_bytes: int, small_files: int) -> Iterator[Comparison]:
    """Both shapes; paramiko with one connection for the large file, with eight for the small ones."""
    session = Session.of_this_process()
    try:
        server = FileServer.read(address_of("sftp", session))
        login = json.dumps(
            {
                "host": server.host,
                "port": server.port,
                "user": server.username,
                "key": str(server.key_file),
                "hosts": str(server.known_hosts),
            }
        )
        for name, count, size, connections in (
            ("one large file", 1, large_bytes, 1),
            ("small files", small_files, _SMALL_BYTES, _MANY),
        ):
            place = folder / f"sftp-{count}-{size}"
            _fill(place, count, size)
            yield _compared(f"SFTP, {name} ({count} x {size:,} bytes)", login, place, connections)
    finally:
        session.end()


def _compared(name: str, login: str, place: Path, connections: int) -> Comparison:
    ours: list[Cost] = []
    theirs: list[Cost] = []
    for _ in range(_ROUNDS):
        ours.append(work("sftp.ours", login, place))
        theirs.append(work("sftp.paramiko", login, place, connections))
    baseline = f"paramiko getfo, {connections} connection{'s' if connections > 1 else ''}"
    return Comparison(name, baseline, best(ours, "cpu"), best(theirs, "cpu"), by="cpu")


def _fill(place: Path, count: int, size: int) -> None:
    place.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        path = place / f"{number:05}.gz"
        if not path.exists() or path.stat().st_size != size:
            path.write_bytes(os.urandom(size))
        path.chmod(0o644)
