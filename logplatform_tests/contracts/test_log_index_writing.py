"""Documents are replaced as a whole, whatever happens to the writer, and to the server."""

import threading
from collections import Counter
from datetime import datetime, timedelta

import pytest

from logplatform.failures import Conflict
from logplatform.stores.log_index import LogIndex
from logplatform.stores.log_query import (
    Aggregation,
    Filters,
    Search,
)
from logplatform.stores.log_schema import DOCUMENTS
from logplatform_tests.contracts.log_indices import total
from logplatform_tests.uploads.indexed import BEGIN, Event, ndjson, put, some_events

EVENTS = some_events()


def at(event: Event) -> datetime:
    return datetime.fromisoformat(event["timestamp"])


def test_an_empty_index_answers(own_index: LogIndex) -> None:
    """The first question comes before the first upload."""
    assert own_index.search(Search("anything")).total == 0
    assert own_index.aggregate(Aggregation()) == [{"count": 0}]
    assert list(own_index.export("", Filters())) == []


def test_indexing_again_changes_no_count(own_index: LogIndex) -> None:
    """The same upload again replaces its documents by equal ones; a corrected one replaces them by others."""
    assert put(own_index, "one", ndjson(EVENTS)) == put(own_index, "one", ndjson(EVENTS)) == 600
    assert total(own_index) == 600
    put(own_index, "one", ndjson(EVENTS[:100]))
    assert sorted(document["number"] for document in own_index.export("", Filters())) == sorted(
        event["number"] for event in EVENTS[:100]
    )


def test_nothing_is_seen_before_the_commit(own_index: LogIndex) -> None:
    """A worker that dies between writing and committing has done nothing."""
    put(own_index, "one", ndjson(EVENTS[:10]))
    batch = DOCUMENTS.empty_table().to_batches() or []
    with own_index.replacing(["one"]) as replacement:
        for part in batch:
            replacement.write("2026-03-01", "one", part)
        replacement.ready()
    assert total(own_index) == 10


def test_two_writers_of_one_origin_conflict(own_index: LogIndex) -> None:
    """One of them wins; the other learns that it must begin again."""
    put(own_index, "one", ndjson(EVENTS[:10]))
    with own_index.replacing(["one"]) as late:
        late.ready()
        put(own_index, "one", ndjson(EVENTS[:20]))
        with pytest.raises(Conflict), own_index.database.write() as connection:
            late.commit(connection)
    assert total(own_index) == 20


def test_readers_in_other_threads_see_whole_uploads_only(own_index: LogIndex) -> None:
    """Each answer is of one moment: all of an upload, or nothing of it."""
    seen: set[int] = set()
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            seen.add(total(own_index))

    reader = threading.Thread(target=look)
    reader.start()
    for number in range(5):
        put(own_index, f"upload {number}", ndjson(EVENTS[:100]))
    stop.set()
    reader.join()
    assert seen <= {0, 100, 200, 300, 400, 500}


def test_retention_takes_whole_days(own_index: LogIndex) -> None:
    """Days before the bound are gone from every answer."""
    put(own_index, "one", ndjson(EVENTS))
    gone: Counter[str] = Counter()
    own_index.expire("2026-03-03", lambda _connection, origins: gone.update(origins))
    assert gone == {"one": sum(at(event) < BEGIN + timedelta(days=2) for event in EVENTS)}
    assert total(own_index) == sum(at(event) >= BEGIN + timedelta(days=2) for event in EVENTS)
