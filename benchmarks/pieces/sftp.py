"""Files over SFTP: our source, and paramiko as its manual shows it.

What belongs here: both ways to the same bytes. What does not: the server (`benchmarks.sftp`).
"""

import hashlib
import json
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path

from logplatform.sources.addresses import SshAddress
from logplatform.sources.base import Entry, Landed


class _Hashing:
    """Takes bytes as the landing does, without a disk."""

    def __init__(self) -> None:
        self.landed: Landed | None = None
        self._hash, self._size = hashlib.sha256(), 0

    def write(self, data: bytes | memoryview) -> int:
        self._hash.update(data)
        self._size += len(data)
        return len(data)

    def end(self) -> int:
        self.landed = Landed(self._hash.hexdigest(), self._size, "")
        return self._size


@contextmanager
def _sink(_: Entry) -> Generator[_Hashing]:
    receiver = _Hashing()
    yield receiver
    receiver.end()


def ours(login: str, folder: str) -> Callable[[], dict[str, float]]:
    """List and fetch everything in a folder by our source, over one connection."""
    from logplatform.sources.sftp import sftp_source  # noqa: PLC0415

    given = json.loads(login)
    address = SshAddress(
        "bench", given["host"], given["user"], given["port"], Path(given["key"]), known_hosts=(Path(given["hosts"]),)
    )
    source = sftp_source(address, folder, ("*",), named_must_exist=True)

    def run() -> dict[str, float]:
        landed = [found.landed for found in source.fetch(source.list(), _sink)]
        return {"files": len(landed), "bytes": sum(one.size for one in landed if one)}

    return run


def paramiko(login: str, folder: str, connections: str) -> Callable[[], dict[str, float]]:
    """The same by `getfo`, over several connections, a thread each."""
    import paramiko as library  # noqa: PLC0415

    given = json.loads(login)
    names: list[str] = []
    sizes: list[int] = []
    lock = threading.Lock()

    def client() -> library.SFTPClient:
        ssh = library.SSHClient()
        ssh.load_host_keys(given["hosts"])
        ssh.connect(given["host"], given["port"], given["user"], key_filename=given["key"], look_for_keys=False)
        return ssh.open_sftp()

    def take() -> None:
        sftp = client()
        while True:
            with lock:
                if not names:
                    return
                name = names.pop()
            receiver = _Hashing()
            sftp.getfo(f"{folder}/{name}", receiver)
            sizes.append(receiver.end())

    def run() -> dict[str, float]:
        names.extend(client().listdir(folder))
        threads = [threading.Thread(target=take) for _ in range(int(connections))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return {"files": len(sizes), "bytes": sum(sizes)}

    return run
