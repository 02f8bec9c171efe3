"""Ports of this machine: one that is free, and whether something answers.

What belongs here: sockets of loopback without a protocol. What does not: cutting and slowing them (`proxy`).
"""

import random
import socket
import time
from collections.abc import Callable
from contextlib import closing

LOOPBACK = "127.0.0.1"

# Below the ports that the kernel gives to connections: a server that stops and starts again finds its port free.
_FIRST, _LAST = 10_240, 32_000


def free_port() -> int:
    """A port that nothing holds now."""
    for _ in range(200):
        port = random.randint(_FIRST, _LAST)
        if is_free(port):
            return port
    raise OSError(f"no port between {_FIRST} and {_LAST} of {LOOPBACK} is free")


def is_free(port: int) -> bool:
    with closing(socket.socket()) as probe:
        # Servers set this too; without it a port counts as taken for a minute after its connections ended.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def accepts(port: int) -> bool:
    try:
        socket.create_connection((LOOPBACK, port), timeout=1).close()
    except OSError:
        return False
    return True


def greeting(port: int, sent: bytes = b"", until: bytes = b"") -> bytes:
    """What comes from the port after `sent`, up to one that holds `until`; empty where none comes in two seconds."""
    got = b""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=2) as connection:
            connection.sendall(sent)
            while (piece := connection.recv(200)) and until not in (got := got + piece):
                pass
    except OSError:
        return b""
    return got


def wait_until(true: Callable[[], bool], seconds: float, every: float = 0.05) -> bool:
    """Whether it came true in time."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(every)
    return True
