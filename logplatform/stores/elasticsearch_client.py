"""Elasticsearch 8: connecting, asking, and what its failures mean.

What belongs here: one client a server, its answers as plain values, its exceptions as the platform's. What does not:
what is asked (`elasticsearch_query`, `elasticsearch_bulk`), and the index (`elasticsearch_index`).

It is imported only where the settings choose it: the client is in the extra `server`.
"""

import logging
import time
import warnings
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import msgspec

from logplatform.failures import LogplatformError, PermanentFailure, TransientFailure, Unreachable
from logplatform.settings.stores import IndexStore
from logplatform.stores.log_engine import QueryTimeout, QueryTooLarge

try:
    import elastic_transport
    import elasticsearch
except ImportError as error:
    raise PermanentFailure(
        f"stores.index.type: elasticsearch needs a package that is not installed ({error.name}): "
        "pip install 'logplatform[server]'"
    ) from error

MAJOR = 8
"""The client of this version speaks to servers of this version only."""
BUSY = frozenset({429, 502, 503, 504})
"""Statuses of a server, or of a proxy before it, that has too much to do just now."""

_TOO_LARGE = ("circuit_breaking_exception", "too_many_buckets_exception", "too_many_clauses")
_CREDENTIALS = (
    "set stores.index.username and stores.index.password (LOGPLATFORM_STORES__INDEX__PASSWORD), or stores.index.api_key"
)
_TRIES = 5
_FIRST_PAUSE_SECONDS = 0.2

# Without security a server warns with every answer; whoever runs it knows.
warnings.filterwarnings("ignore", category=elasticsearch.ElasticsearchWarning)
# What it tells of each failure is raised here, and told once.
logging.getLogger("elastic_transport").setLevel(logging.ERROR)

Answer = dict[str, Any]


class RequestTooLarge(PermanentFailure):
    """The server takes no request of this size (`http.max_content_length`, or a proxy's bound)."""


class Busy(TransientFailure):
    """The server has too much to do just now."""


class Gone(TransientFailure):
    """What was asked for is not there, or no longer: an index, a point in time."""


class _Json(elastic_transport.JsonSerializer):
    def json_loads(self, data: str | bytes) -> Any:  # noqa: ANN401 (whatever the answer holds)
        return msgspec.json.decode(data)

    def json_dumps(self, data: Any) -> bytes:  # noqa: ANN401 (whatever is asked)
        return msgspec.json.encode(data)


class ElasticsearchServer:
    """The server that `section` names; threads may share one. Nothing is connected before it is asked."""

    def __init__(self, section: IndexStore) -> None:
        self.section = section
        self.where = f"Elasticsearch at {address(section.url)} (stores.index.url)"
        self._client = _client(section)

    def close(self) -> None:
        """Close every connection."""
        self._client.close()

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        params: Mapping[str, str] | None = None,
        deadline: float | None = None,
    ) -> Answer:
        """The answer to a question that may be asked again: a busy server is asked some times.

        Raises QueryTimeout once `deadline` (`time.monotonic()`) has passed, else as `send`.
        """
        pause = _FIRST_PAUSE_SECONDS
        for attempt in range(_TRIES):
            try:
                return self.send(method, path, body, params=params, deadline=deadline)
            except Busy:
                if attempt == _TRIES - 1:
                    raise
                time.sleep(min(pause, max(0.0, _left(deadline, pause))))
                pause *= 2
        raise AssertionError

    def send(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        params: Mapping[str, str] | None = None,
        deadline: float | None = None,
    ) -> Answer:
        """Send a request once; `body` as JSON, or ready lines of NDJSON where it is bytes.

        Raises Unreachable, Busy and other TransientFailures; QueryTooLarge; RequestTooLarge and other
        PermanentFailures; Gone.
        """
        kind = "application/x-ndjson" if isinstance(body, bytes) else "application/json"
        seconds = _left(deadline, self.section.timeout_seconds)
        if seconds <= 0:
            raise _late()
        headers = {"accept": "application/json"} | ({"content-type": kind} if body is not None else {})
        try:
            client = self._client.options(request_timeout=seconds)
            answer = client.perform_request(method, path, params=params, headers=headers, body=body)
        except elasticsearch.UnsupportedProductError as error:
            raise PermanentFailure(
                f"{self.where}: what answers there is no Elasticsearch {MAJOR}; is the address right?"
            ) from error
        except elasticsearch.ApiError as error:
            raise self._refused(error) from error
        except elastic_transport.TransportError as error:
            if isinstance(error, elastic_transport.ConnectionTimeout) and deadline is not None:
                raise _late() from error
            raise self._unanswered(error) from error
        body = answer.body
        return body if isinstance(body, dict) else {"answer": body}

    def _unanswered(self, error: Exception) -> LogplatformError:
        if isinstance(error, elastic_transport.TlsError):
            return PermanentFailure(
                f"{self.where}: no trusted TLS: {_first(error)}; name the authority's certificate in "
                "stores.index.ca_file, or begin the address with http:// where the server has no TLS"
            )
        if isinstance(error, elastic_transport.ConnectionTimeout):
            return Unreachable(f"{self.where} gives no answer within {self.section.timeout_seconds:g} s")
        if isinstance(error, elastic_transport.SerializationError):
            return TransientFailure(f"{self.where} gives an answer that is no JSON; does a proxy stand before it?")
        return Unreachable(f"{self.where} gives no answer: {_first(error)}; is it running, and is the address right?")

    def _refused(self, error: elasticsearch.ApiError) -> LogplatformError:
        status, (kind, reason) = error.meta.status, _reason(error.body)
        told = f"{self.where}: {reason or f'status {status}'}"
        if kind.startswith(_TOO_LARGE):
            return QueryTooLarge("the question needs too much memory of the index; narrow its period or filters")
        if status in BUSY:
            return Busy(f"{self.where} is busy: {reason or f'status {status}'}")
        if status >= 500 or status in {408, 409}:
            return TransientFailure(told)
        if kind == "cluster_block_exception":
            return TransientFailure(f"{told}; free disk space on the server, or lift the block of the index")
        return _REFUSED.get(status, lambda told, _: PermanentFailure(told))(told, self.where)


_REFUSED: dict[int, Callable[[str, str], LogplatformError]] = {
    401: lambda _, where: PermanentFailure(f"{where} does not know who asks; {_CREDENTIALS}"),
    403: lambda told, _: PermanentFailure(f"{told}; give the user the rights that docs/search.md names"),
    404: lambda told, _: Gone(told),
    413: lambda _, where: RequestTooLarge(f"{where} takes no request of this size; lower stores.index.bulk_bytes"),
}


def address(url: str) -> str:
    """Host and port of an address, without a user."""
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 9200)
    return f"{parts.hostname or 'localhost'}:{port}"


def _client(section: IndexStore) -> elasticsearch.Elasticsearch:
    parts = urlsplit(section.url)
    # The client wants a port, and takes no user from the address.
    url = f"{parts.scheme}://{_host(parts.hostname)}:{address(section.url).rpartition(':')[2]}{parts.path}"
    given: dict[str, Any] = {}
    if section.username is not None and section.password is not None:
        given["basic_auth"] = (section.username, section.password.get_secret_value())
    elif section.api_key is not None:
        given["api_key"] = section.api_key.get_secret_value()
    if section.ca_file is not None:
        given["ca_certs"] = str(section.ca_file)
    try:
        # What may be sent again is known here, so the client sends nothing twice by itself.
        return elasticsearch.Elasticsearch(
            url, max_retries=0, retry_on_timeout=False, serializer=_Json(), connections_per_node=16, **given
        )
    except (ValueError, OSError) as error:
        raise PermanentFailure(f"stores.index: {_first(error)}") from error


def _host(name: str | None) -> str:
    return f"[{name}]" if name and ":" in name else name or "localhost"


def _left(deadline: float | None, otherwise: float) -> float:
    return otherwise if deadline is None else deadline - time.monotonic()


def _late() -> QueryTimeout:
    return QueryTimeout("the question takes too long; narrow its period or its filters")


def _reason(body: object) -> tuple[str, str]:
    """Type and reason of the failure that an answer tells of; the reason of its root cause, which says more."""
    found = body.get("error") if isinstance(body, dict) else body
    if not isinstance(found, dict):
        return "", str(found or "").partition("\n")[0][:300]
    causes = [*(found.get("root_cause") or ()), *(one.get("reason") for one in found.get("failed_shards") or ())]
    first = next((one for one in causes if isinstance(one, dict) and one.get("reason")), found)
    return str(first.get("type") or found.get("type") or ""), str(first.get("reason") or found.get("reason"))[:300]


def _first(error: Exception) -> str:
    return str(error).partition("\n")[0][:300] or type(error).__name__
