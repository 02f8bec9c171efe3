"""One moment of an index in Elasticsearch: what is asked together is answered from the same documents.

What belongs here: points in time, pages of all documents, deadlines. What does not: what is asked.

Which generations readers see is told by the manifest, and the documents are frozen by a point in time. Where the
manifest tells, after that point was taken, that documents which are to be seen have been deleted, both are taken again.
"""

import time
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from logplatform.failures import Conflict, LogplatformError
from logplatform.stores.elasticsearch_client import Answer, ElasticsearchServer, Gone
from logplatform.stores.elasticsearch_generations import Generations, View
from logplatform.stores.elasticsearch_query import Query, condition
from logplatform.stores.log_engine import QueryTimeout
from logplatform.stores.log_query import Filters

KEPT = "2m"
"""A point in time is kept so long after each question to it."""
_TRIES = 8
_PAUSE_SECONDS = 0.05
# No index at all is an empty one; a part of an answer is none.
_PIT = {"keep_alive": KEPT, "ignore_unavailable": "true"}
_WHOLE = {"allow_partial_search_results": "false"}


@dataclass(slots=True)
class Moment:
    """What readers see of an index at one moment; `point` None: there is no index yet."""

    server: ElasticsearchServer
    view: View
    point: str | None
    deadline: float | None

    def query(self, filters: Filters, *more: Query) -> Query:
        """The documents of filters that readers see, and for which all of `more` holds."""
        return {"bool": {"filter": [*condition(filters, self.view), *more]}}

    def ask(self, body: Mapping[str, Any]) -> Answer:
        """The answer to a search; empty where there is no index. Raises QueryTimeout as `ElasticsearchServer.ask`."""
        if self.point is None:
            return {"hits": {"total": {"value": 0}, "hits": []}}
        asked = {**body, "pit": {"id": self.point, "keep_alive": KEPT}}
        if self.deadline is not None:
            asked["timeout"] = f"{max(1, int(1000 * (self.deadline - time.monotonic())))}ms"
        answer = self.server.ask("POST", "/_search", asked, params=_WHOLE, deadline=self.deadline)
        self.point = answer.get("pit_id", self.point)
        if answer.get("timed_out"):
            raise QueryTimeout("the question takes too long; narrow its period or its filters")
        return answer

    def pages(self, body: Mapping[str, Any], sort: Sequence[Any], size: int) -> Iterator[list[dict[str, Any]]]:
        """All hits of a search, in order, some at a time."""
        after: Sequence[Any] | None = None
        while True:
            asked = {**body, "sort": sort, "size": size, "track_total_hits": False}
            found = self.ask(asked if after is None else {**asked, "search_after": after})["hits"]["hits"]
            if found:
                yield found
            if len(found) < size:
                return
            after = found[-1]["sort"]


@contextmanager
def this_moment(server: ElasticsearchServer, generations: Generations, deadline: float | None) -> Generator[Moment]:
    """Take a moment; raises Conflict if the index is changed all the time."""
    moment = _taken(server, generations, deadline)
    try:
        yield moment
    finally:
        # It goes by itself soon.
        with suppress(LogplatformError):
            if moment.point is not None:
                server.send("DELETE", "/_pit", {"id": moment.point})


def _taken(server: ElasticsearchServer, generations: Generations, deadline: float | None) -> Moment:
    for _ in range(_TRIES):
        view = generations.view()
        point = _point(server, generations.prefix, deadline)
        if view.holds_after(generations.view()):
            return Moment(server, view, point, deadline)
        if point is not None:
            server.send("DELETE", "/_pit", {"id": point})
        time.sleep(_PAUSE_SECONDS)
    raise Conflict(f"{server.where}: documents are replaced all the time; ask again")


def _point(server: ElasticsearchServer, prefix: str, deadline: float | None) -> str | None:
    try:
        answer = server.ask("POST", f"/{quote(prefix)}/_pit", params=_PIT, deadline=deadline)
    except Gone:
        return None
    return str(answer["id"])
