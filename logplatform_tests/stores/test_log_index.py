"""The log index: what is the embedded one's own, and what is the same for all without any index."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from logplatform.stores.log_query import (
    ALL,
    BadQuery,
    Filters,
    Search,
)
from logplatform.stores.log_text import highlighted
from logplatform.stores.parquet_index import ParquetLogIndex
from logplatform_tests.uploads.indexed import ndjson, open_index, put, some_events

EVENTS = some_events()


@pytest.fixture
def mine(tmp_path: Path) -> Iterator[ParquetLogIndex]:
    with open_index(tmp_path) as found:
        yield found


def total(index: ParquetLogIndex, filters: Filters = ALL) -> int:
    return index.search(Search(filters=filters, size=1)).total


def test_compaction_changes_no_answer(mine: ParquetLogIndex) -> None:
    """Many small files become one; every document stays, and can still be replaced by its upload."""
    for number in range(6):
        put(mine, f"upload {number}", ndjson(EVENTS[number * 100 : number * 100 + 100]))
    before = sorted(str(document) for document in mine.export("", Filters()))
    for day in {file.partition for file in mine.dataset.visible()}:
        mine.dataset.compact(day, ("timestamp",))
    assert len(mine.dataset.visible()) == 4
    assert sorted(str(document) for document in mine.export("", Filters())) == before
    put(mine, "upload 0", ndjson(EVENTS[:50]))
    assert total(mine) == 550


@given(st.text(max_size=300), st.lists(st.text(min_size=1, max_size=5), min_size=1, max_size=3))
def test_highlights_hold_no_markup_but_their_own(text: str, words: list[str]) -> None:
    """A page shows them as they are: what an attacker has logged must stay text."""
    found = highlighted(text, words)
    if found is not None:
        plain = found.replace("<em>", "").replace("</em>", "")
        assert "<" not in plain
        assert ">" not in plain


def test_a_bad_question_names_its_parameter() -> None:
    """The client of the HTTP API reads this message."""
    with pytest.raises(BadQuery, match=r"^size: from 1 to 1000"):
        Search(size=1001)
    with pytest.raises(BadQuery, match=r"^page: only the first"):
        Search(page=101, size=100)
    with pytest.raises(BadQuery, match=r"^date_from: "):
        Filters(since=datetime(2026, 3, 2, tzinfo=UTC), until=datetime(2026, 3, 1, tzinfo=UTC))
    with pytest.raises(BadQuery, match=r"no text field"):
        Filters().term("1; DROP TABLE documents", "x")
