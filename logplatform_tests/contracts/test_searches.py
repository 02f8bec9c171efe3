"""Saved searches and the history: what was kept is found as it was, by its tenant alone."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from logplatform.stores import searches
from logplatform.stores.searches import SavedSearches, SearchHistory, SearchRefused
from logplatform.stores.sql import Database

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)


class Clock:
    """A second later each time."""

    def __init__(self) -> None:
        self.seconds = 0

    def __call__(self) -> datetime:
        self.seconds += 1
        return BEGIN + timedelta(seconds=self.seconds)


@pytest.fixture
def saved(database: Database) -> SavedSearches:
    return SavedSearches(database, "default", Clock())


@pytest.fixture
def history(database: Database) -> SearchHistory:
    return SearchHistory(database, "default", Clock())


def test_a_saved_search_is_read_changed_and_forgotten(saved: SavedSearches) -> None:
    one = saved.add("failed payments", {"q": "failed", "min_amount": 10.5})
    assert saved.get(one.id) == one
    changed = saved.change(one.id, "Failed", {"q": "declined"})
    assert changed is not None
    assert (changed.name, changed.parameters, changed.created_at) == ("Failed", {"q": "declined"}, one.created_at)
    assert changed.updated_at > one.updated_at
    assert saved.all() == [changed]
    assert saved.remove(one.id)
    assert not saved.remove(one.id)
    assert saved.get(one.id) is None
    assert saved.change(one.id, "again", {}) is None


def test_a_name_stands_for_one_search(saved: SavedSearches) -> None:
    saved.add("a", {})
    other = saved.add("b", {})
    with pytest.raises(SearchRefused, match="'a' is taken"):
        saved.add("a", {"q": "x"})
    with pytest.raises(SearchRefused, match="'a' is taken"):
        saved.change(other.id, "a", {})
    assert [(one.name, one.parameters) for one in saved.all()] == [("a", {}), ("b", {})]


def test_the_number_of_a_search_is_never_given_again(saved: SavedSearches) -> None:
    """A page that still shows the deleted one must not change another."""
    one = saved.add("a", {})
    saved.remove(one.id)
    assert saved.add("b", {}).id > one.id


def test_saved_searches_are_bounded(saved: SavedSearches, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searches, "MAX_SAVED", 2)
    saved.add("a", {})
    saved.add("b", {})
    with pytest.raises(SearchRefused, match="delete one"):
        saved.add("c", {})


def test_the_history_has_each_search_once_the_last_first(history: SearchHistory) -> None:
    for text, total in (("a", 1), ("b", 2), ("a", 3)):
        history.add({"q": text, "level": "ERROR"}, total)
    found = history.last(10)
    assert [(one.parameters["q"], one.total) for one in found] == [("a", 3), ("b", 2)]
    assert found[0].searched_at > found[1].searched_at
    assert history.clear() == 2
    assert history.last(10) == []


def test_the_history_is_bounded(history: SearchHistory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searches, "KEPT_IN_HISTORY", 5)
    for number in range(8):
        history.add({"q": str(number)}, number)
    found = history.last(1_000)
    assert [one.total for one in found] == [7, 6, 5, 4, 3]


def test_tenants_do_not_see_each_other(database: Database, saved: SavedSearches, history: SearchHistory) -> None:
    one = saved.add("a", {})
    history.add({"q": "a"}, 1)
    other = SavedSearches(database, "other", Clock())
    assert other.all() == []
    assert other.get(one.id) is None
    assert other.change(one.id, "mine", {}) is None
    assert not other.remove(one.id)
    assert other.add("a", {}).id != one.id
    assert SearchHistory(database, "other", Clock()).last(10) == []


def test_many_at_once_lose_nothing(saved: SavedSearches, history: SearchHistory) -> None:
    """Requests come in threads."""
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: saved.add(str(number), {}), range(12)))
        list(pool.map(lambda number: history.add({"q": str(number % 5)}, number), range(12)))
    assert len(saved.all()) == 12
    assert len(history.last(100)) == 5
