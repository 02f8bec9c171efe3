"""What is put into a log index is found, once, by every question, in the same way by every implementation."""

import json
import math
import statistics
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from logplatform.stores import log_search
from logplatform.stores.log_engine import QueryTimeout
from logplatform.stores.log_index import LogIndex
from logplatform.stores.log_query import (
    ALL,
    COUNT,
    Aggregation,
    BadQuery,
    Filters,
    Measure,
    Search,
    SortField,
    SortOrder,
)
from logplatform.stores.log_text import terms_of
from logplatform_tests.contracts.log_indices import KINDS, PARQUET, opened, total
from logplatform_tests.servers import isolation, plugin
from logplatform_tests.uploads.indexed import BEGIN, Event, ndjson, put, some_events

EVENTS = some_events()


@pytest.fixture(scope="module", params=KINDS)
def index(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LogIndex]:
    with ExitStack() as stack:
        store = PARQUET
        if request.param == "elasticsearch":
            store = stack.enter_context(isolation.indices(plugin.address("elasticsearch")))
        found = stack.enter_context(opened(tmp_path_factory.mktemp("index"), store))
        put(found, "one", ndjson(EVENTS[:400]))
        put(found, "two", ndjson(EVENTS[400:]))
        yield found


def numbers(index: LogIndex, search: Search) -> list[int]:
    return [hit.document["number"] for hit in index.search(search).hits]


def at(event: Event) -> datetime:
    return datetime.fromisoformat(event["timestamp"])


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.none() | st.sampled_from(["transaction", "error", "nothing"]),
    st.none() | st.sampled_from(["INFO", "ERROR"]),
    st.none() | st.integers(0, 20_000),
    st.none() | st.integers(0, 96),
    st.none() | st.integers(0, 96),
)
def test_filters_find_what_a_loop_over_the_input_finds(
    index: LogIndex,
    kind: str | None,
    level: str | None,
    amount: int | None,
    since: int | None,
    until: int | None,
) -> None:
    """Every combination of filters counts exactly."""
    bounds = sorted(hours for hours in (since, until) if hours is not None)
    begin = BEGIN + timedelta(hours=bounds[0]) if bounds else None
    end = BEGIN + timedelta(hours=bounds[-1]) if len(bounds) == 2 else None
    filters = Filters(since=begin, until=end)
    expected = EVENTS
    if kind is not None:
        filters, expected = filters.term("log_type", kind), [one for one in expected if one["log_type"] == kind]
    if level is not None:
        filters, expected = filters.term("level", level), [one for one in expected if one["level"] == level]
    if amount is not None:
        filters = filters.at_least("amount", amount)
        expected = [one for one in expected if one.get("amount", -1) >= amount]
    expected = [one for one in expected if (begin is None or at(one) >= begin) and (end is None or at(one) < end)]
    assert total(index, filters) == len(expected)
    found = [row["number"] for row in index.export("", filters)]
    assert sorted(found) == sorted(one["number"] for one in expected)


def test_pages_hold_every_document_once(index: LogIndex) -> None:
    """Turning the pages loses nothing and shows nothing twice, in a fixed order."""
    pages = [numbers(index, Search(page=page, size=100)) for page in range(1, 7)]
    assert sorted(number for page in pages for number in page) == list(range(600))
    newest = index.search(Search(size=600)).hits
    times = [hit.document["@timestamp"] for hit in newest]
    assert times == sorted(times, reverse=True)
    assert index.search(Search(page=8, size=100)).hits == []


@pytest.mark.parametrize("field", [None, "@timestamp", "_score", "amount"])
@pytest.mark.parametrize("order", ["asc", "desc"])
def test_pages_of_a_text_follow_one_order(index: LogIndex, field: SortField | None, order: SortOrder) -> None:
    """Wherever a page lies, in whichever days and scores, it continues the one before."""
    text = "payment card refused shop"
    pages = [
        index.search(Search(text, page=page, size=60, sort_field=field, sort_order=order)) for page in range(1, 11)
    ]
    hits = [hit for page in pages for hit in page.hits]
    words = text.split()
    expected = [event["number"] for event in EVENTS if any(word in json.dumps(event) for word in words)]
    assert sorted(hit.document["number"] for hit in hits) == sorted(expected)
    assert {page.total for page in pages} == {len(expected)}
    way = 1 if order == "asc" else -1
    found = {
        "amount": lambda hit: (hit.document.get("amount") is None, way * hit.document.get("amount", 0)),
        "@timestamp": lambda hit: way * at(hit.document).timestamp(),
    }.get(field or "_score", lambda hit: way * hit.score)
    assert hits == sorted(hits, key=lambda hit: (found(hit), -at(hit.document).timestamp(), hit.id))


def test_a_question_ends_at_its_deadline(index: LogIndex) -> None:
    """What takes too long takes nothing from those who ask next, be it a table or a stream."""
    late = index.within(0.0)
    with pytest.raises(QueryTimeout):
        late.search(Search("payment"))
    with pytest.raises(QueryTimeout):
        list(late.export("", ALL))
    assert total(index) == total(index.within(60)) == 600


def test_groups_of_a_text_are_those_of_its_hits(index: LogIndex) -> None:
    """The histogram above a list of hits tells of the same documents."""
    rows = index.aggregate(Aggregation(("hour",), text="refused declined"))
    hours = Counter(at(one).replace(minute=0, second=0, microsecond=0) for one in EVENTS if "error_message" in one)
    assert {row["hour"]: row["count"] for row in rows} == hours
    assert index.aggregate(Aggregation(text="zzzzzz")) == [{"count": 0}]
    assert index.aggregate(Aggregation(("hour",), text=' " ')) == []


def test_a_page_of_huge_documents_is_refused(own_index: LogIndex, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand documents of a mebibyte each would be too many for the memory of the server."""
    monkeypatch.setattr(log_search, "MAX_PAGE_BYTES", 1 << 20)
    put(own_index, "one", ndjson({**EVENTS[0], "number": number, "message": "x" * 20_000} for number in range(40)))
    with pytest.raises(BadQuery, match=r"^size: these documents take more than 1 MiB"):
        own_index.search(Search(size=40))
    assert len(own_index.search(Search(size=10)).hits) == 10


def test_sorting_by_a_number_puts_nulls_last(index: LogIndex) -> None:
    """A document without an amount is neither the smallest nor the largest."""
    for order in ("asc", "desc"):
        hits = index.search(Search(size=600, sort_field="amount", sort_order=order)).hits
        amounts = [hit.document.get("amount") for hit in hits]
        known = [amount for amount in amounts if amount is not None]
        assert known == sorted(known, reverse=order == "desc")
        assert amounts[len(known) :] == [None] * (600 - len(known))


def test_a_text_is_found_by_any_of_its_words_and_the_best_comes_first(own_index: LogIndex) -> None:
    """A hit in the message counts thrice, in the error message twice; a whole word more than a part of one."""
    messages = [
        {"message": "checkout failed"}, {"error_message": "checkout failed"}, {"service": "checkout"},
        {"message": "checkouts"}, {"message": "precheckout"}, {"message": "nothing of it"},
        {"message": "Checkout of a failed cart"},
    ]  # fmt: skip
    base = {"timestamp": "2026-03-01T10:00:00Z", "log_type": "web"}
    put(own_index, "one", ndjson({**base, "number": number, **one} for number, one in enumerate(messages)))
    assert numbers(own_index, Search("CHECKOUT", size=10))[:2] in ([0, 6], [6, 0])
    assert (
        numbers(own_index, Search("checkout", size=10))[2:] == [1, 3, 2, 4]
        or numbers(own_index, Search("checkout"))[2] == 1
    )
    assert set(numbers(own_index, Search("checkout"))) == {0, 1, 2, 3, 4, 6}
    assert set(numbers(own_index, Search('"checkout failed"'))) == {0, 1}
    assert numbers(own_index, Search("nothing cart"))[0] in {5, 6}
    assert own_index.search(Search("absent")).total == 0


def test_a_misspelt_word_finds_its_neighbours(own_index: LogIndex) -> None:
    """One letter off is nearly right; a word that occurs is never replaced."""
    base = {"timestamp": "2026-03-01T10:00:00Z", "log_type": "web"}
    put(own_index, "one", ndjson([{**base, "message": "GET /checkout/pay 200"}, {**base, "message": "GET /chocolate"}]))
    page = own_index.search(Search("chekout"))
    assert page.total == 1
    assert page.hits[0].highlights == {"message": ["GET /<em>checkout</em>/pay 200"]}
    assert own_index.search(Search("zzzzzz")).total == 0


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(max_size=60))
def test_any_text_can_be_looked_for(index: LogIndex, text: str) -> None:
    """What people type into a search box is no statement: nothing raises, and every hit has a reason."""
    page = index.search(Search(text, size=3))
    if terms_of(text):
        assert all(hit.score > 0 for hit in page.hits)


def test_groups_and_measures_equal_those_of_the_input(index: LogIndex) -> None:
    """Counts, sums, averages, extremes, distinct values and percentiles, by field and by time."""
    paid = [one for one in EVENTS if one["log_type"] == "transaction"]
    measures = (
        COUNT, Measure("total", "sum", "amount"), Measure("mean", "avg", "amount"), Measure("most", "max", "amount"),
        Measure("users", "distinct", "user_id"), Measure("p90", "percentile", "amount", 0.9),
    )  # fmt: skip
    rows = index.aggregate(Aggregation(("currency",), measures, Filters(terms=(("log_type", ("transaction",)),))))
    assert [row["currency"] for row in rows] == ["EUR", "USD"]
    for row in rows:
        own_index = [one for one in paid if one["currency"] == row["currency"]]
        amounts = sorted(one["amount"] for one in own_index)
        assert row["count"] == len(own_index)
        assert math.isclose(row["total"], sum(amounts))
        assert math.isclose(row["mean"], statistics.fmean(amounts))
        assert row["most"] == amounts[-1]
        assert row["users"] == len({one["user_id"] for one in own_index})
        place = 0.9 * (len(amounts) - 1)
        low = amounts[int(place)]
        assert math.isclose(row["p90"], low + (amounts[int(place) + 1] - low) * (place - int(place)))
    hours = Counter(at(one).replace(minute=0, second=0, microsecond=0) for one in EVENTS)
    assert {row["hour"]: row["count"] for row in index.aggregate(Aggregation(("hour",)))} == hours
