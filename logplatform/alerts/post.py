"""Posting a message: bounded in time and in bytes, whatever the receiver does.

What belongs here: one request over HTTP. What does not: what is sent (`message`), and when it is tried again
(`dispatch`).

The address is the operator's. A redirect is not followed: it would take a signed message somewhere nobody named.
"""

import http.client
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from urllib.parse import SplitResult, urlsplit

from logplatform.failures import TransientFailure


def post(url: str, body: bytes, headers: Mapping[str, str], timeout_seconds: float) -> None:
    """Post `body`; returns once the receiver has taken it (a 2xx status).

    Raises TransientFailure with the reason, never with the address' path, for anything else: an answer of another
    status, no connection, no whole head of an answer within `timeout_seconds` of the beginning.
    """
    parts = urlsplit(url)
    connection = _connection(parts, timeout_seconds)
    late = threading.Event()
    timer = threading.Timer(timeout_seconds, _cut(connection, late))
    timer.daemon = True
    timer.start()
    try:
        target = f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"
        connection.request("POST", target, body, dict(headers))
        # The status is all that counts: the body, of whatever length, stays unread.
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        raise TransientFailure(f"{_place(parts)}: {_reason(error, late, timeout_seconds)}") from error
    finally:
        timer.cancel()
        connection.close()
    if late.is_set():
        # A head that is cut off looks like a whole one to the parser.
        raise TransientFailure(f"{_place(parts)}: no answer in {timeout_seconds:g} s")
    if not 200 <= status < 300:
        note = ", and redirects are not followed" if 300 <= status < 400 else ""
        raise TransientFailure(f"{_place(parts)}: it answered {status}{note}")


def _connection(parts: SplitResult, timeout_seconds: float) -> http.client.HTTPConnection:
    host = parts.hostname or ""
    if parts.scheme == "https":
        context = ssl.create_default_context()
        return http.client.HTTPSConnection(host, parts.port, timeout=timeout_seconds, context=context)
    return http.client.HTTPConnection(host, parts.port, timeout=timeout_seconds)


def _cut(connection: http.client.HTTPConnection, late: threading.Event) -> Callable[[], None]:
    """End a connection whose receiver goes on sending a byte now and then: the socket's own timeout starts anew."""

    def cut() -> None:
        late.set()
        # None where nothing is connected yet, or all is over.
        if connection.sock is not None:
            with suppress(OSError):
                connection.sock.shutdown(socket.SHUT_RDWR)

    return cut


def _place(parts: SplitResult) -> str:
    return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}"


def _reason(error: Exception, late: threading.Event, timeout_seconds: float) -> str:
    if late.is_set() or isinstance(error, TimeoutError):
        return f"no answer in {timeout_seconds:g} s"
    return str(error) or type(error).__name__
