"""Servers that answer as Elasticsearch does on a bad day.

What belongs here: a proxy that is busy again and again, and one that gives a fixed answer. What does not: assertions.
"""

import http.client
import json
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

TOO_LARGE = 70_000
_BUSY = b'{"error":{"type":"es_rejected_execution_exception","reason":"the queue is full"},"status":429}'


class _Grudging(BaseHTTPRequestHandler):
    """Passes requests on, but answers 429 to every third bulk request, and to all above TOO_LARGE bytes."""

    protocol_version = "HTTP/1.1"
    target = ""
    asked = 0

    def do_POST(self) -> None:
        """Any request, whatever its method."""
        body = self.rfile.read(int(self.headers["content-length"] or 0))
        if self.path.startswith("/_bulk"):
            type(self).asked += 1
            if len(body) > TOO_LARGE or type(self).asked % 3 == 0:
                _answer(self, 429, _BUSY)
                return
        connection = http.client.HTTPConnection(self.target, timeout=120)
        passed = {name: value for name, value in self.headers.items() if name.lower() in {"content-type", "accept"}}
        connection.request(self.command, self.path, body or None, passed)
        got = connection.getresponse()
        _answer(self, got.status, got.read(), got.headers.get("content-type", "application/json"))
        connection.close()

    do_GET = do_PUT = do_DELETE = do_POST  # noqa: N815 (the base's names)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base's name)
        """Nobody reads it."""


class _Fixed(BaseHTTPRequestHandler):
    """Always gives the same answer."""

    status = 200
    body = b""
    product = "Elasticsearch"

    def do_GET(self) -> None:
        """Any request."""
        _answer(self, self.status, self.body, product=self.product)

    do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815 (the base's names)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the base's name)
        """Nobody reads it."""


@contextmanager
def grudging(url: str) -> Generator[str]:
    """The address of a server before the one at `url` that is busy again and again."""
    with _served(type("Handler", (_Grudging,), {"target": urlsplit(url).netloc})) as address:
        yield address


@contextmanager
def fixed(status: int, answer: Mapping[str, Any], product: str = "Elasticsearch") -> Generator[str]:
    """The address of a server that gives one answer to everything."""
    values = {"status": status, "body": json.dumps(answer).encode(), "product": product}
    with _served(type("Handler", (_Fixed,), values)) as address:
        yield address


@contextmanager
def _served(handler: type[BaseHTTPRequestHandler]) -> Generator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def _answer(
    handler: BaseHTTPRequestHandler,
    status: int,
    body: bytes,
    kind: str = "application/json",
    product: str = "Elasticsearch",
) -> None:
    handler.send_response(status)
    handler.send_header("x-elastic-product", product)
    handler.send_header("content-type", kind)
    handler.send_header("content-length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)
