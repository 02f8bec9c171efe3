"""A receiver of alerts: a real HTTP server in a thread, which behaves as it is told."""

import base64
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

Behaviour = int | Literal["hang", "drip", "endless", "nothing", "redirect"]
"""A status to answer; say nothing; a header byte now and then; a body without end; hang up; point elsewhere."""


@dataclass
class Received:
    """One request: its path, its headers (names in lower case), its body."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def told(self) -> dict[str, Any]:
        """The payload."""
        return json.loads(self.body)

    def is_signed(self, secret: bytes) -> bool:
        """Whether the signature is right, worked out here from the words of Standard Webhooks."""
        signed = b".".join((self.headers["webhook-id"].encode(), self.headers["webhook-timestamp"].encode(), self.body))
        wanted = base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()
        return self.headers["webhook-signature"] == f"v1,{wanted}"


@dataclass
class Receiver:
    """What came, in order, and how the next requests are answered (200 where nothing is said)."""

    url: str
    requests: list[Received] = field(default_factory=list)
    behaviours: list[Behaviour] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)

    @property
    def taken(self) -> list[dict[str, Any]]:
        """The payloads of all requests."""
        return [one.told for one in self.requests]


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hung up is what some tests are about."""


@contextmanager
def receiving(behaviours: Sequence[Behaviour] = (), port: int = 0) -> Generator[Receiver]:
    """A receiver on a free port of this machine, until the context ends."""
    receiver = Receiver("", behaviours=list(behaviours))

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            receiver.requests.append(Received(self.path, headers, body))
            _behave(self, receiver, receiver.behaviours.pop(0) if receiver.behaviours else 200)

        def do_GET(self) -> None:
            receiver.requests.append(Received(f"GET {self.path}", {}, b"{}"))
            _behave(self, receiver, 200)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 (the standard library's signature)
            """Nothing is printed."""

    server = _Server(("127.0.0.1", port), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    receiver.url = f"http://127.0.0.1:{server.server_address[1]}/hooks/very-private"
    try:
        yield receiver
    finally:
        receiver.over.set()
        server.shutdown()
        thread.join()
        server.server_close()


def _behave(request: BaseHTTPRequestHandler, receiver: Receiver, behaviour: Behaviour) -> None:
    match behaviour:
        case int():
            request.send_response(behaviour)
            request.end_headers()
        case "redirect":
            request.send_response(307)
            request.send_header("Location", "/elsewhere")
            request.end_headers()
        case "hang":
            receiver.over.wait(30)
        case "nothing":
            request.connection.close()
        case "drip":
            _slowly(request, receiver, [b"HTTP/1.1 200 OK\r\n", *(f"X-{n}: y\r\n".encode() for n in range(10_000))])
        case "endless":
            request.send_response(200)
            request.end_headers()
            _slowly(request, receiver, [b"x" * 1000] * 10_000)


def _slowly(request: BaseHTTPRequestHandler, receiver: Receiver, parts: Sequence[bytes]) -> None:
    for part in parts:
        if receiver.over.is_set():
            return
        request.wfile.write(part)
        request.wfile.flush()
        time.sleep(0.05)
