"""Who may ask: an API key as soon as one is set, and never a page of another site in somebody's browser.

What belongs here: looking at a request's headers before anything else does. What does not: settings (`settings.api`).

The key comes in the header `X-API-Key`, as `Authorization: Bearer KEY`, or as the password of `Authorization: Basic`
(any user name), which is what a browser asks its user for when it opens a page.
"""

import base64
import binascii
import secrets

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from logplatform.api.errors import error_answer
from logplatform.settings.api import is_loopback

OPEN_PATHS = frozenset({"/api/health", "/health"})
_READING = frozenset({"GET", "HEAD", "OPTIONS"})


class Guard:
    """Middleware that lets through who may ask; `key` None: whoever reaches the server may, from this machine."""

    def __init__(self, app: ASGIApp, key: str | None) -> None:
        self.app = app
        self._key = None if key is None else key.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 401 or 403."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if scope["path"] not in OPEN_PATHS and not self._may_ask(headers):
            answer = error_answer(401, "An API key is needed", {"WWW-Authenticate": _challenge(headers)})
        elif fault := _foreign(headers, scope["method"], with_key=self._key is not None):
            answer = error_answer(403, fault)
        else:
            await self.app(scope, receive, send)
            return
        await answer(scope, receive, send)

    def _may_ask(self, headers: Headers) -> bool:
        if self._key is None:
            return True
        given = _given_key(headers)
        # The time that a comparison takes must not tell how much of the key was right.
        return given is not None and secrets.compare_digest(given, self._key)


def _given_key(headers: Headers) -> bytes | None:
    if "x-api-key" in headers:
        return headers["x-api-key"].encode("latin-1")
    scheme, _, value = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip().encode("latin-1")
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).partition(b":")[2]
        except (binascii.Error, ValueError):
            return None
    return None


def _name_of(host: str) -> str:
    """The name or address of a `Host` header, without the port; what is none comes back as something that is none."""
    if host.startswith("["):
        return host[1:].partition("]")[0] if "]" in host else ""
    return host.partition(":")[0]


def _challenge(headers: Headers) -> str:
    """A browser that opens a page is told to ask its user; programs are told the usual scheme."""
    scheme = "Basic" if "text/html" in headers.get("accept", "") else "Bearer"
    return f'{scheme} realm="logplatform"'


def _foreign(headers: Headers, method: str, *, with_key: bool) -> str | None:
    """Why a request is refused that a page of another site made a browser send; None if it is none.

    Without a key the server trusts this machine, and so its browsers: a name of another site that is made to point
    here (DNS rebinding) shows in `Host`.
    """
    host = headers.get("host", "")
    if not with_key and host and not is_loopback(_name_of(host)):
        return "Without an API key the service answers to the names of this machine only"
    origin = headers.get("origin")
    if origin is not None and method not in _READING and origin.rpartition("://")[2] != host:
        return "Pages of other sites may not send anything here"
    return None
