"""Searching in the embedded index: from a question to a page of documents, reading as little as it takes.

What belongs here: the steps of a search. What does not: the SQL of each (`log_sql`), and who is asked (`log_index`).

Documents are wide and a page is small. So first it is counted what is found in each file, then the places (file and
row) of the page's documents are found in the few columns that decide, and only these documents are read. By time,
only the days that the page lies in are looked at.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from logplatform.stores.dataset import VisibleFile
from logplatform.stores.log_engine import Reading
from logplatform.stores.log_query import ALL, TEXT_BOOSTS, BadQuery, Filters, Hit, Page, Search
from logplatform.stores.log_schema import document
from logplatform.stores.log_sql import fetch_sql, occurs_sql, places_sql, similar_sql, tally_sql
from logplatform.stores.log_text import NEARLY, Term, distance_allowed, highlighted, terms_of

MAX_PAGE_BYTES = 64 << 20
_SIMILAR_WORDS = 5
_FETCHED_ROWS = 100


class _Place(NamedTuple):
    """Where a document stands, and how well it fits."""

    file: str
    row: int
    score: float


@dataclass(frozen=True, slots=True)
class _Window:
    """The files that a page lies in, and how many of their documents come before it."""

    files: list[str]
    offset: int


def search_page(reading: Reading, files: Sequence[VisibleFile], search: Search) -> Page:
    """The page of a search over `files`, which `reading` reads.

    Raises BadQuery if its documents take more than MAX_PAGE_BYTES.
    """
    terms = terms_of(search.text)
    nothing = Page(0, search.page, search.size, [])
    if not files or (search.text.strip() and not terms):
        return nothing
    found, terms = _tally(reading, files, search.filters, terms)
    if search.text.strip() and not terms:
        return nothing
    window = _window(files, found, search)
    places = _places(reading, search, terms, window)
    rows = _documents(reading, places)
    words = [term.text for term in terms]
    hits = [Hit(row["id"], document(row), place.score, _highlights(row, words)) for place, row in rows]
    return Page(found.total(), search.page, search.size, hits)


def found_terms(reading: Reading, text: str, filters: Filters) -> list[Term]:
    """The terms of a text that occur; one that does not is replaced by words that are nearly it."""
    terms = terms_of(text)
    if not terms:
        return []
    occurs = reading.rows(occurs_sql(reading.source, filters, terms))[0]
    return _replaced(reading, filters, terms, occurs)


def _tally(
    reading: Reading, files: Sequence[VisibleFile], filters: Filters, terms: Sequence[Term]
) -> tuple[Counter[str], list[Term]]:
    """How many documents are found in each file, and the terms that were found."""
    if not terms and filters == ALL:
        return Counter({file.uri: file.rows for file in files}), []
    rows = reading.rows(tally_sql(reading.located, filters, terms))
    occurs = [any(row[2 + index] for row in rows) for index, _ in enumerate(terms)]
    if not all(occurs):
        terms = _replaced(reading, filters, terms, occurs)
        rows = reading.rows(tally_sql(reading.located, filters, terms)) if terms else []
    return Counter({name: count for name, count, *_ in rows}), list(terms)


def _replaced(reading: Reading, filters: Filters, terms: Sequence[Term], occurs: Sequence[bool]) -> list[Term]:
    found: list[Term] = []
    for term, there in zip(terms, occurs, strict=True):
        if there:
            found.append(term)
        elif distance_allowed(term.text):
            words = reading.rows(similar_sql(reading.source, filters, term, _SIMILAR_WORDS))
            found += [Term(word, NEARLY) for (word,) in words]
    return list({term.text: term for term in reversed(found)}.values())[::-1]


def _window(files: Sequence[VisibleFile], found: Mapping[str, int], search: Search) -> _Window:
    """All files with hits or, by time, those of the days that the page lies in."""
    field, order = search.order
    offset = (search.page - 1) * search.size
    holding = [file for file in files if found.get(file.uri)]
    if field != "@timestamp":
        return _Window([file.uri for file in holding], offset)
    days: dict[str, list[VisibleFile]] = {}
    for file in sorted(holding, key=lambda file: file.partition, reverse=order == "desc"):
        days.setdefault(file.partition, []).append(file)
    chosen: list[str] = []
    before = until = 0
    for day in days.values():
        begin, until = until, until + sum(found[file.uri] for file in day)
        if until <= offset:
            continue
        before = before if chosen else begin
        chosen += [file.uri for file in day]
        if until >= offset + search.size:
            break
    return _Window(chosen, offset - before)


def _places(reading: Reading, search: Search, terms: Sequence[Term], window: _Window) -> list[_Place]:
    """The places of a page's documents, in order."""
    if not window.files:
        return []
    chosen = reading.only(window.files)
    return [_Place(*row) for row in chosen.rows(places_sql(chosen.located, search, terms, window.offset))]


def _documents(reading: Reading, places: Sequence[_Place]) -> list[tuple[_Place, dict[str, Any]]]:
    """The whole rows at these places, in their order."""
    wanted: dict[str, list[int]] = {}
    for place in places:
        wanted.setdefault(place.file, []).append(place.row)
    rows: dict[tuple[str, int], dict[str, Any]] = {}
    size = 0
    for file, numbers in wanted.items():
        chosen = reading.only([file])
        for batch in chosen.batches(fetch_sql(chosen.located, numbers), _FETCHED_ROWS):
            size += batch.nbytes
            if size > MAX_PAGE_BYTES:
                raise BadQuery(f"size: these documents take more than {MAX_PAGE_BYTES >> 20} MiB; ask for fewer")
            rows |= {(file, row["file_row_number"]): row for row in batch.to_pylist()}
    return [(place, rows[place.file, place.row]) for place in places]


def _highlights(row: Mapping[str, Any], words: Sequence[str]) -> dict[str, list[str]]:
    if not words:
        return {}
    found = {name: highlighted(row[name], words) for name in TEXT_BOOSTS if row[name]}
    return {name: [text] for name, text in found.items() if text is not None}
