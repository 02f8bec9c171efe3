"""The documents of the log index in Elasticsearch, saved as lines of JSON, and brought back by bulk requests.

What belongs here: documents as they are stored. What does not: the moment (`servers`), and what is in them. It is
imported only where the settings choose Elasticsearch.
"""

import io
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
import zstandard

from logplatform.failures import LogplatformError, PermanentFailure, TransientFailure
from logplatform.settings.stores import IndexStore
from logplatform.stores.elasticsearch_asking import Moment
from logplatform.stores.elasticsearch_client import ElasticsearchServer, Gone
from logplatform.stores.elasticsearch_generations import Generations
from logplatform.stores.elasticsearch_template import create, install, prefix_of
from logplatform.stores.log_query import ALL
from logplatform.stores.places import Place
from logplatform.stores.sql import chunks

_KEPT = "60m"
"""A point in time outlives the saving of the rows that comes before the first question to it."""
_AT_ONCE = 1_000
_TRIES = 8
_FIRST_PAUSE_SECONDS = 0.5
_MAY_PASS = frozenset({429, 502, 503, 504})

Write = Callable[[Path], None]


class _Document(msgspec.Struct, frozen=True):
    index: str
    id: str
    source: msgspec.Raw


@contextmanager
def fixed_events(section: IndexStore, tenant: str, place: Place) -> Generator[Write]:
    """What readers see now; the function writes it to a path, whatever is changed meanwhile."""
    prefix = prefix_of(section.prefix, tenant)
    with closing(ElasticsearchServer(section)) as server, closing(place.connect()) as database:
        view = Generations(tenant, prefix, database).view()
        moment = Moment(server, view, _point(server, prefix), None)
        try:
            yield lambda path: _write(moment, path)
        finally:
            # It goes by itself in the end.
            with suppress(LogplatformError):
                if moment.point is not None:
                    server.send("DELETE", "/_pit", {"id": moment.point})


def bring_events_back(section: IndexStore, tenant: str, path: Path) -> None:
    """Put the documents back under the ids they had, and make them findable."""
    prefix = prefix_of(section.prefix, tenant)
    with closing(ElasticsearchServer(section)) as server:
        install(server, prefix)
        made: set[str] = set()
        with path.open("rb") as file, zstandard.ZstdDecompressor().stream_reader(file) as reader:
            for chunk in chunks(io.BufferedReader(reader), _AT_ONCE):
                documents = [msgspec.json.decode(line, type=_Document) for line in chunk]
                for index in {one.index for one in documents} - made:
                    create(server, index)
                    made.add(index)
                _put(server, documents)
        for index in made:
            server.ask("POST", f"/{quote(index)}/_refresh")


def _point(server: ElasticsearchServer, prefix: str) -> str | None:
    try:
        answer = server.ask(
            "POST", f"/{quote(prefix)}/_pit", params={"keep_alive": _KEPT, "ignore_unavailable": "true"}
        )
    except Gone:
        return None
    return str(answer["id"])


def _write(moment: Moment, path: Path) -> None:
    with path.open("wb") as file, zstandard.ZstdCompressor().stream_writer(file, closefd=False) as writer:
        for page in moment.pages({"query": moment.query(ALL)}, ["_shard_doc"], _AT_ONCE):
            for hit in page:
                line = {"index": hit["_index"], "id": hit["_id"], "source": hit["_source"]}
                writer.write(msgspec.json.encode(line) + b"\n")


def _put(server: ElasticsearchServer, documents: Sequence[_Document]) -> None:
    """Put documents; those that a busy server does not take are sent again."""
    waiting, pause = list(documents), _FIRST_PAUSE_SECONDS
    for _ in range(_TRIES):
        answer = server.ask("POST", "/_bulk", b"".join(map(_lines, waiting)))
        results: list[dict[str, Any]] = [item["index"] for item in answer["items"]]
        refused = [one for one in results if one["status"] >= 300 and one["status"] not in _MAY_PASS]
        if refused:
            raise PermanentFailure(f"{server.where} refuses document {refused[0]['_id']}: {refused[0].get('error')}")
        waiting = [one for one, told in zip(waiting, results, strict=True) if told["status"] in _MAY_PASS]
        if not waiting:
            return
        time.sleep(pause)
        pause *= 2
    raise TransientFailure(f"{server.where} is too busy to take documents back; try again")


def _lines(document: _Document) -> bytes:
    action = msgspec.json.encode({"index": {"_index": document.index, "_id": document.id}})
    return action + b"\n" + bytes(document.source) + b"\n"
