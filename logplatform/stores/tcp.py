"""Whether something listens at an address.

What belongs here: trying to connect, within a time. What does not: what is spoken there.
"""

import socket
from collections.abc import Sequence

from logplatform.failures import Unreachable


def reachable(hosts: Sequence[str], seconds: float, setting: str, default_port: int) -> None:
    """Connect to one of `hosts` (host or host:port), or raise Unreachable, which names the `setting`."""
    reasons: list[str] = []
    for text in hosts:
        host, colon, port = text.rpartition(":")
        try:
            socket.create_connection((host if colon else text, int(port) if colon else default_port), seconds).close()
        except (OSError, ValueError) as error:
            reasons.append(f"{text}: {error}")
        else:
            return
    raise Unreachable(f"{setting}: nothing answers: {'; '.join(reasons)}")
