"""Exports: all that is found, as files other programs read, in memory that does not grow."""

import csv
import io
import json
import threading
from collections import Counter
from pathlib import Path

import httpx
import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from logplatform.api.asking import MAX_EXPORTS
from logplatform.uploads.export import COLUMNS, exported
from logplatform_tests.api.conftest import Service
from logplatform_tests.uploads.indexed import ndjson, put, some_events

EVENTS = some_events()


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


@pytest.fixture
def filled(service: Service) -> Service:
    put(service.room.index, "one", ndjson(EVENTS))
    return service


def test_both_forms_hold_each_document_once(filled: Service) -> None:
    answer = filled.client.get("/api/search/export", params={"format": "csv"})
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="documents.csv"'
    rows = rows_of(answer.text)
    assert Counter(json.loads(row["other"])["number"] for row in rows) == Counter(one["number"] for one in EVENTS)
    by_number = {one["number"]: one for one in EVENTS}
    for row in rows:
        event = by_number[json.loads(row["other"])["number"]]
        for name, value in event.items():
            if name in COLUMNS:
                number = isinstance(value, int | float) and not isinstance(value, bool)
                assert (float(row[name]) if number else row[name]) == (value if number else str(value))
    answer = filled.client.get("/api/search/export", params={"format": "json"})
    assert answer.headers["content-type"] == "application/json"
    found = answer.json()
    assert sorted(one["number"] for one in found) == list(range(600))
    days = [one["@timestamp"][:10] for one in found]
    assert days == sorted(days)


@pytest.mark.parametrize(
    "parameters",
    [{"q": "payment"}, {"level": "error", "min_amount": "100"}, {"date_from": "2026-03-02", "date_to": "2026-03-02"}],
)
def test_an_export_has_what_a_search_finds(filled: Service, parameters: dict[str, str]) -> None:
    total = filled.client.get("/api/search", params=parameters).json()["data"]["total"]
    assert total
    assert len(filled.client.get("/api/search/export", params={**parameters, "format": "json"}).json()) == total
    assert len(rows_of(filled.client.get("/api/search/export", params=parameters).text)) == total


def test_nothing_found_is_an_empty_file_and_nonsense_an_error(filled: Service) -> None:
    nothing = {"q": "zzzzzzzzz"}
    assert filled.client.get("/api/search/export", params={**nothing, "format": "json"}).json() == []
    assert rows_of(filled.client.get("/api/search/export", params=nothing).text) == []
    for parameters, status in (
        ({"format": "xml"}, 422),
        ({"min_amount": 2, "max_amount": 1}, 400),
        ({"date_to": "x"}, 422),
    ):
        answer = filled.client.get("/api/search/export", params=parameters)
        assert (answer.status_code, answer.json()["success"]) == (status, False)


@given(
    st.lists(
        st.dictionaries(
            st.sampled_from(["message", "service", "user_agent", "mine"]), st.text(max_size=20), max_size=4
        ),
        max_size=5,
    )
)
def test_no_cell_is_a_formula_and_no_text_is_lost(documents: list[dict[str, str]]) -> None:
    """A spreadsheet that opens the file runs nothing; but for the sign before them, texts are as they came."""
    rows = list(csv.reader(io.StringIO(b"".join(exported(documents, "csv")).decode(), newline="")))
    assert tuple(rows[0]) == COLUMNS
    assert len(rows) == len(documents) + 1
    for document, row in zip(documents, rows[1:], strict=True):
        assert not any(cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n")) for cell in row)
        cells = dict(zip(COLUMNS, row, strict=True))
        for name in ("message", "service", "user_agent"):
            assert cells[name].removeprefix("'") == document.get(name, "").removeprefix("'")
        assert json.loads(cells["other"] or "{}") == {name: document[name] for name in document if name == "mine"}


def test_numbers_stay_numbers() -> None:
    (row,) = rows_of(b"".join(exported([{"amount": -5.5, "fraud_score": 7, "cache_hit": True}], "csv")).decode())
    assert (row["amount"], row["fraud_score"], row["cache_hit"]) == ("-5.5", "7", "True")


def test_a_client_that_goes_away_leaves_its_place_to_others(filled: Service) -> None:
    """More exports than there are places would wait for ever if a broken one kept its own."""
    for number in range(8):
        put(filled.room.index, f"more {number}", ndjson({**one, "message": "x" * 3000} for one in EVENTS))
    for _ in range(3 * MAX_EXPORTS):
        with httpx.stream("GET", f"{filled.url}/api/search/export", params={"format": "json"}) as answer:
            if answer.status_code == 503:
                break
            next(answer.iter_bytes())
    deadline = threading.Event()
    for _ in range(200):
        answer = filled.client.get("/api/search/export", params={"format": "json"})
        if answer.status_code == 200:
            break
        assert "Other exports" in answer.json()["error"]
        deadline.wait(0.1)
    assert len(answer.json()) == 9 * 600


@pytest.mark.slow
def test_memory_does_not_grow_with_the_export(service: Service, tmp_path: Path) -> None:
    """Four times as many documents take no more memory, read slowly or not."""
    process = psutil.Process()

    def peak() -> tuple[int, int]:
        most = size = 0
        with service.client.stream("GET", "/api/search/export", params={"format": "json"}) as answer:
            for number, part in enumerate(answer.iter_bytes(1 << 16)):
                size += len(part)
                if number % 20 == 0:
                    most = max(most, process.memory_info().rss)
        return size, most

    def add(first: int, last: int) -> None:
        for number in range(first, last):
            put(service.room.index, str(number), ndjson({**one, "message": "y" * 1500} for one in some_events(5_000)))

    add(0, 2)
    small, before = peak()
    add(2, 8)
    large, after = peak()
    assert large > 3.9 * small > 20_000_000
    assert after - before < 40_000_000
