"""Replacing documents in Elasticsearch, and deleting those that were replaced.

What belongs here: the writer's side of the index. What does not: which generation readers see
(`elasticsearch_generations`), and requests (`elasticsearch_bulk`).

A document's `_id` is its id: whatever is sent twice is there once. Where that `_id` holds a document of another
generation, which readers may see, nothing is overwritten: the new one gets its generation's number behind the id, until
the old one is deleted.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import quote

import msgspec
import pyarrow as pa
import sqlalchemy as sa

from logplatform.failures import TransientFailure
from logplatform.stores.elasticsearch_bulk import BulkSender, Sent
from logplatform.stores.elasticsearch_client import ElasticsearchServer, Gone
from logplatform.stores.elasticsearch_documents import LineMaker, Lines
from logplatform.stores.elasticsearch_generations import SIGN_OF_LIFE, Generations
from logplatform.stores.elasticsearch_template import create, index_of
from logplatform.stores.log_upkeep import Refuse, RefusedDocument

_DELETED_AT_ONCE = 5_000
_IDS_AT_ONCE = 1_000
_MISSING = frozenset({200, 404, 409})


@dataclass(frozen=True, slots=True)
class Written:
    """Lines on their way: which documents they are of."""

    day: str
    origin: str
    batch: pa.RecordBatch
    suffixed: bool


@dataclass(slots=True)
class ElasticsearchReplacement:
    """See `Replacement`. `opened`: the generation of each origin; `taken`: origins that have documents already."""

    server: ElasticsearchServer
    generations: Generations
    now: Callable[[], datetime]
    opened: dict[str, int]
    taken: Collection[str]
    refuse: Refuse
    made: set[str]
    """Indices that are known to be there."""
    _maker: LineMaker = field(default_factory=LineMaker)
    _sender: BulkSender = field(init=False)
    _rows: Counter[tuple[str, str]] = field(default_factory=Counter)
    _alive_at: datetime = field(init=False)
    _seen: frozenset[int] | None = None
    _waiting: dict[tuple[str, str], list[pa.RecordBatch]] = field(default_factory=dict)
    _waiting_bytes: int = 0

    def __post_init__(self) -> None:
        self._sender = BulkSender(self.server, self._done)
        self._alive_at = self.now()

    def write(self, day: str, origin: str, batch: pa.RecordBatch) -> None:
        """Send documents; what became of those before is known by and by."""
        if not batch.num_rows:
            return
        self._show_life()
        self._waiting.setdefault((day, origin), []).append(batch)
        self._waiting_bytes += batch.nbytes
        # A file may hold many days, and a request for a few documents costs nearly as much as one for thousands.
        if self._waiting_bytes >= self.server.section.bulk_bytes:
            self._flush()

    def ready(self) -> int:
        """Wait for all that was sent, and have the server make it findable."""
        self._flush()
        # What is there already under its id is sent again while this waits.
        self._sender.finish()
        days = {day for day, _ in self._rows}
        for part in _parts(sorted(index_of(self.generations.prefix, day) for day in days), 50):
            answer = self.server.ask("POST", f"/{quote(','.join(part), safe=',')}/_refresh")
            if answer.get("_shards", {}).get("failed"):
                raise TransientFailure(f"{self.server.where}: some shards could not make documents findable")
        self.generations.alive(self.opened.values(), self.now())
        with self.generations.database.read() as connection:
            self._seen = self.generations.manifest.ids_holding(connection, self.opened)
        return self._rows.total()

    def commit(self, connection: sa.Connection) -> frozenset[str]:
        """Make the generations current."""
        if self._seen is None:
            raise ValueError("ready() comes before commit()")
        return self.generations.commit(connection, self.opened, self._seen, self._rows, self.now())

    def close(self) -> None:
        """Let go of threads and memory."""
        self._sender.close()
        self._maker.close()

    def _flush(self) -> None:
        waiting, self._waiting, self._waiting_bytes = self._waiting, {}, 0
        for (day, origin), batches in waiting.items():
            index = index_of(self.generations.prefix, day)
            if index not in self.made:
                create(self.server, index)
                self.made.add(index)
            for batch in pa.Table.from_batches(batches).combine_chunks().to_batches():
                self._send(Written(day, origin, batch, suffixed=origin in self.taken))

    def _send(self, written: Written) -> None:
        number = self.opened[written.origin]
        index = index_of(self.generations.prefix, written.day)
        suffix = f".{number}" if written.suffixed else ""
        self._sender.send(written, self._maker.lines(written.batch, index, written.origin, number, suffix))

    def _done(self, token: object, lines: Lines, sent: Sent) -> None:
        if not isinstance(token, Written):
            raise TypeError(token)
        self._rows[token.day, token.origin] += sent.taken
        for one in sent.refused:
            row = token.batch.slice(one.number, 1).to_pylist()[0]
            self.refuse(RefusedDocument(lines.ids[one.number], row["ordinal"], row["source"], one.reason))
        if sent.there:
            self._there(token, [lines.ids[number] for number in sent.there])

    def _there(self, token: Written, ids: list[str]) -> None:
        """Documents whose id was taken: by this writer, in a request whose answer was lost, or by another one."""
        mine = set(self._mine(token, ids))
        self._rows[token.day, token.origin] += sum(one in mine for one in ids)
        if others := [one for one in ids if one not in mine]:
            keep = set(others)
            chosen = token.batch.filter(pa.array([one in keep for one in token.batch["id"].to_pylist()], pa.bool_()))
            self._send(Written(token.day, token.origin, chosen, suffixed=True))

    def _mine(self, token: Written, ids: list[str]) -> Iterator[str]:
        index = index_of(self.generations.prefix, token.day)
        for part in _parts(ids, _IDS_AT_ONCE):
            params = {"_source_includes": "generation"}
            answer = self.server.ask("POST", f"/{quote(index)}/_mget", {"ids": part}, params=params)
            for one in answer["docs"]:
                if one.get("found") and one["_source"].get("generation") == self.opened[token.origin]:
                    yield str(one["_id"])

    def _show_life(self) -> None:
        now = self.now()
        if now - self._alive_at >= SIGN_OF_LIFE:
            self.generations.alive(self.opened.values(), now)
            self._alive_at = now


def delete(server: ElasticsearchServer, prefix: str, generation: int) -> int:
    """Delete every document of a generation; how many they were. Nothing that came in their place is touched."""
    deleted = 0
    # What was written last is not found before.
    if not _refreshed(server, prefix):
        return 0
    query = {"query": {"term": {"generation": generation}}, "size": _DELETED_AT_ONCE, "_source": False}
    while True:
        body = {**query, "seq_no_primary_term": True, "track_total_hits": False, "sort": ["_doc"]}
        found = server.ask("POST", f"/{quote(prefix)}/_search", body)["hits"]["hits"]
        if not found:
            return deleted
        deleted += _deleted(server, found)
        _refreshed(server, prefix)


def _refreshed(server: ElasticsearchServer, prefix: str) -> bool:
    try:
        server.ask("POST", f"/{quote(prefix)}/_refresh")
    except Gone:
        return False
    return True


def _deleted(server: ElasticsearchServer, found: list[dict[str, Any]]) -> int:
    lines = (
        {
            "delete": {
                "_index": one["_index"],
                "_id": one["_id"],
                "if_seq_no": one["_seq_no"],
                "if_primary_term": one["_primary_term"],
            }
        }
        for one in found
    )
    body = b"".join(msgspec.json.encode(line) + b"\n" for line in lines)
    answer = server.ask("POST", "/_bulk", body, params={"filter_path": "items.*.status,items.*.error.reason"})
    failed = [item["delete"] for item in answer["items"] if item["delete"]["status"] not in _MISSING]
    if failed:
        raise TransientFailure(
            f"{server.where}: {len(failed)} documents could not be deleted: {failed[0].get('error')}"
        )
    return len(found)


def _parts(items: Iterable[str], size: int) -> Iterator[list[str]]:
    given = list(items)
    for begin in range(0, len(given), size):
        yield given[begin : begin + size]
