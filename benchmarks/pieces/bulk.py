"""Writing documents into a real Elasticsearch: the platform's way, and elasticsearch-py's own helper, in turns.

What belongs here: both ways, over the same documents and the same template. What does not: the server, which is told by
LOGPLATFORM_TEST_ELASTICSEARCH.
"""

import os
import sys
import tempfile
import time
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import msgspec
import pyarrow as pa
from elasticsearch import Elasticsearch
from elasticsearch.helpers import parallel_bulk

from logplatform.landing.leases import utc_now
from logplatform.settings.stores import IndexStore
from logplatform.stores.elasticsearch_client import ElasticsearchServer
from logplatform.stores.elasticsearch_documents import LineMaker
from logplatform.stores.elasticsearch_index import ElasticsearchLogIndex, open_elasticsearch
from logplatform.stores.elasticsearch_template import index_of, install
from logplatform.stores.sql import Database
from logplatform.uploads.enrich import Enricher, Provenance
from logplatform.uploads.geoip import open_geoip
from logplatform.uploads.reading import chunks_of, read_records

# The helper's defaults are 500 documents and 4 threads; it is quicker with more in a request.
THEIR_THREADS, THEIR_DOCUMENTS = 4, 5_000

Piece = Callable[[], dict[str, float]]
Documents = list[tuple[str, pa.RecordBatch]]


def both(path: str, count: str, turn: str) -> Piece:
    """Seconds and CPU seconds of this process, of the platform (`ours`) and the helper (`theirs`), in turns of `turn`
    documents; the first turn does not count.
    """
    address = os.environ["LOGPLATFORM_TEST_ELASTICSEARCH"]

    def run() -> dict[str, float]:
        spent: defaultdict[str, float] = defaultdict(float)
        unique = uuid.uuid4().hex[:8]
        ours, theirs = (_section(address, f"bench-{who}-{unique}") for who in ("ours", "theirs"))
        with (
            tempfile.TemporaryDirectory() as folder,
            closing(Database.at(Path(folder) / "uploads.db")) as database,
            open_elasticsearch(ours, "default", database, utc_now) as index,
            Elasticsearch(address, request_timeout=120) as client,
        ):
            _prepare(theirs)
            turns = _turns(Path(path), int(count) + int(turn), int(turn))
            written = 0
            for number, documents in enumerate(turns):
                actions = _dictionaries(documents, theirs.prefix)
                written += len(actions)
                ways = {
                    "ours": partial(_write, index, f"{number:064x}", documents),
                    "theirs": partial(_help, client, actions, theirs.prefix),
                }
                # The server compiles itself in the first turn, which does not count; then they begin by turns.
                for name in sorted(ways, reverse=number % 2 == 1):
                    _timed(spent if number else defaultdict(float), name, ways[name])
                if number:
                    spent["documents"] += len(actions)
                print(number, dict(spent), file=sys.stderr)
            for section in (ours, theirs):
                if client.count(index=section.prefix)["count"] != written:
                    raise AssertionError(f"{section.prefix} does not hold {written} documents")
                _remove(client, section.prefix)
        return dict(spent)

    return run


def _section(address: str, prefix: str) -> IndexStore:
    return IndexStore(type="elasticsearch", url=address, prefix=prefix, replicas=0)


def _prepare(section: IndexStore) -> None:
    with closing(ElasticsearchServer(section)) as server:
        install(server, section.prefix)


def _turns(path: Path, count: int, turn: int) -> Iterator[Documents]:
    """The documents of a file of events, `turn` at a time."""
    enricher = Enricher(open_geoip(None))
    provenance = Provenance("default", "ab" * 32, "job", "json", utc_now())
    documents: Documents = []
    waiting = done = 0
    with path.open("rb") as file:
        for block in read_records(chunks_of(file), "json"):
            made = enricher.enrich(block, provenance).documents
            documents += made
            waiting += sum(batch.num_rows for _, batch in made)
            if waiting >= turn or done + waiting >= count:
                yield documents
                done, waiting, documents = done + waiting, 0, []
            if done >= count:
                return
    if documents:
        yield documents


def _dictionaries(documents: Documents, prefix: str) -> list[dict[str, object]]:
    """The same documents as the helper takes them, ready."""
    with closing(LineMaker()) as maker:
        found = []
        for day, batch in documents:
            lines = maker.lines(batch, index_of(prefix, day), "origin", 1, "")
            for number, one in enumerate(lines.ids):
                body = lines.part(number, number + 1).split(b"\n", 2)[1]
                action = {"_op_type": "create", "_index": index_of(prefix, day), "_id": one}
                found.append({**action, "_source": msgspec.json.decode(body)})
        return found


def _timed(spent: defaultdict[str, float], name: str, run: Callable[[], object]) -> None:
    begun, cpu = time.perf_counter(), time.process_time()
    run()
    spent[name] += time.perf_counter() - begun
    spent[f"{name} cpu"] += time.process_time() - cpu


def _write(index: ElasticsearchLogIndex, origin: str, documents: Documents) -> None:
    with index.replacing([origin]) as replacement:
        for day, batch in documents:
            replacement.write(day, origin, batch)
        replacement.ready()
        with index.database.write() as connection:
            replacement.commit(connection)


def _help(client: Elasticsearch, actions: list[dict[str, object]], prefix: str) -> None:
    for _ in parallel_bulk(client, actions, thread_count=THEIR_THREADS, chunk_size=THEIR_DOCUMENTS):
        pass
    client.indices.refresh(index=prefix)


def _remove(client: Elasticsearch, prefix: str) -> None:
    for name in client.indices.get_alias(name=prefix):
        client.indices.delete(index=name)
    client.indices.delete_index_template(name=prefix)
