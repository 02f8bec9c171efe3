"""Documents are replaced as a whole, whatever happens to the writer, and to the server."""

import threading
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from logplatform.failures import Conflict
from logplatform.stores.log_index import LogIndex
from logplatform.stores.log_query import (
    ALL,
    Aggregation,
    Filters,
    Search,
)
from logplatform.stores.log_schema import DOCUMENTS
from logplatform_tests.contracts.log_indices import KINDS, PARQUET, opened
from logplatform_tests.uploads.indexed import BEGIN, Event, ndjson, put, some_events

EVENTS = some_events()


@pytest.fixture(params=KINDS)
def mine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[LogIndex]:
    store = PARQUET if request.param == "parquet" else request.getfixturevalue("elasticsearch_store")
    with opened(tmp_path, store) as found:
        yield found


def total(index: LogIndex, filters: Filters = ALL) -> int:
    return index.search(Search(filters=filters, size=1)).total


def at(event: Event) -> datetime:
    return datetime.fromisoformat(event["timestamp"])


def test_an_empty_index_answers(mine: LogIndex) -> None:
    """The first question comes before the first upload."""
    assert mine.search(Search("anything")).total == 0
    assert mine.aggregate(Aggregation()) == [{"count": 0}]
    assert list(mine.export("", Filters())) == []


def test_indexing_again_changes_no_count(mine: LogIndex) -> None:
    """The same upload again replaces its documents by equal ones; a corrected one replaces them by others."""
    assert put(mine, "one", ndjson(EVENTS)) == put(mine, "one", ndjson(EVENTS)) == 600
    assert total(mine) == 600
    put(mine, "one", ndjson(EVENTS[:100]))
    assert sorted(document["number"] for document in mine.export("", Filters())) == sorted(
        event["number"] for event in EVENTS[:100]
    )


def test_nothing_is_seen_before_the_commit(mine: LogIndex) -> None:
    """A worker that dies between writing and committing has done nothing."""
    put(mine, "one", ndjson(EVENTS[:10]))
    batch = DOCUMENTS.empty_table().to_batches() or []
    with mine.replacing(["one"]) as replacement:
        for part in batch:
            replacement.write("2026-03-01", "one", part)
        replacement.ready()
    assert total(mine) == 10


def test_two_writers_of_one_origin_conflict(mine: LogIndex) -> None:
    """One of them wins; the other learns that it must begin again."""
    put(mine, "one", ndjson(EVENTS[:10]))
    with mine.replacing(["one"]) as late:
        late.ready()
        put(mine, "one", ndjson(EVENTS[:20]))
        with pytest.raises(Conflict), mine.database.write() as connection:
            late.commit(connection)
    assert total(mine) == 20


def test_readers_in_other_threads_see_whole_uploads_only(mine: LogIndex) -> None:
    """Each answer is of one moment: all of an upload, or nothing of it."""
    seen: set[int] = set()
    stop = threading.Event()

    def look() -> None:
        while not stop.is_set():
            seen.add(total(mine))

    reader = threading.Thread(target=look)
    reader.start()
    for number in range(5):
        put(mine, f"upload {number}", ndjson(EVENTS[:100]))
    stop.set()
    reader.join()
    assert seen <= {0, 100, 200, 300, 400, 500}


def test_retention_takes_whole_days(mine: LogIndex) -> None:
    """Days before the bound are gone from every answer."""
    put(mine, "one", ndjson(EVENTS))
    gone: Counter[str] = Counter()
    mine.expire("2026-03-03", lambda _connection, origins: gone.update(origins))
    assert gone == {"one": sum(at(event) < BEGIN + timedelta(days=2) for event in EVENTS)}
    assert total(mine) == sum(at(event) >= BEGIN + timedelta(days=2) for event in EVENTS)
