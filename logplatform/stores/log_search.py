"""Searching in the embedded index: from a question to a page of documents, reading as little as it takes.

What belongs here: the steps of a search. What does not: the SQL of each (`log_sql`), and who is asked (`log_index`).

Documents are wide and a page is small. So first it is counted what is found in each file, and with which score: that
tells in which days the page lies, if it is ordered by time or by score. In their files, the places (file and row) of
the page's documents are found by the few columns that decide, and only these documents are read.
"""

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
SIMILAR_WORDS = 5
"""So many words that are nearly a term take its place where it occurs nowhere."""
_FETCHED_ROWS = 100


class _Place(NamedTuple):
    """Where a document stands, and how well it fits."""

    file: str
    row: int
    score: float


class _Cell(NamedTuple):
    """Documents that were found in a file with the same score (0 where it does not matter); never none."""

    file: str
    score: float
    count: int


@dataclass(frozen=True, slots=True)
class _Window:
    """What a page lies in: files, the lowest and highest score (None: any), and how many of the documents there come
    before the page."""

    files: list[str]
    scores: tuple[float, float] | None
    offset: int


def search_page(reading: Reading, files: Sequence[VisibleFile], search: Search) -> Page:
    """The page of a search over `files`, which `reading` reads.

    Raises BadQuery if its documents take more than MAX_PAGE_BYTES.
    """
    terms = terms_of(search.text)
    if not files or (search.text.strip() and not terms):
        return Page(0, search.page, search.size, [])
    cells, terms = _tally(reading, files, search, terms)
    total = sum(cell.count for cell in cells)
    offset = (search.page - 1) * search.size
    if total <= offset:
        return Page(total, search.page, search.size, [])
    rows = _documents(reading, _places(reading, search, terms, _window(files, cells, search)))
    words = [term.text for term in terms]
    hits = [Hit(row["id"], document(row), place.score, highlights_of(row, words)) for place, row in rows]
    return Page(total, search.page, search.size, hits)


def found_terms(reading: Reading, text: str, filters: Filters) -> list[Term]:
    """The terms of a text that occur; one that does not is replaced by words that are nearly it."""
    terms = terms_of(text)
    if not terms:
        return []
    occurs = reading.rows(occurs_sql(reading.source, filters, terms))[0]
    return _replaced(reading, filters, terms, occurs)


def _tally(
    reading: Reading, files: Sequence[VisibleFile], search: Search, terms: Sequence[Term]
) -> tuple[list[_Cell], list[Term]]:
    """What was found, and the terms that were."""
    if not terms and search.filters == ALL:
        return [_Cell(file.uri, 0.0, file.rows) for file in files if file.rows], []
    by_score = search.order[0] == "_score"
    rows = reading.rows(tally_sql(reading.located, search.filters, terms, by_score=by_score))
    occurs = [any(row[3 + index] for row in rows) for index, _ in enumerate(terms)]
    if not all(occurs):
        terms = _replaced(reading, search.filters, terms, occurs)
        # What takes the place of a term is weighed otherwise, and may be found where the term was not.
        rows = reading.rows(tally_sql(reading.located, search.filters, terms, by_score=by_score)) if terms else []
    return [_Cell(*row[:3]) for row in rows], list(terms)


def _replaced(reading: Reading, filters: Filters, terms: Sequence[Term], occurs: Sequence[bool]) -> list[Term]:
    # Files come by day: the last ones tell how things are called now.
    newest = reading.only(reading.files[::-1])
    found: list[Term] = []
    for term, there in zip(terms, occurs, strict=True):
        if there:
            found.append(term)
        elif distance_allowed(term.text):
            words = newest.rows(similar_sql(newest.source, filters, term, SIMILAR_WORDS))
            found += [Term(word, NEARLY) for (word,) in words]
    return list({term.text: term for term in reversed(found)}.values())[::-1]


def _window(files: Sequence[VisibleFile], cells: Sequence[_Cell], search: Search) -> _Window:
    """By time or score, the cells that the page lies in; else all of them."""
    offset = (search.page - 1) * search.size
    field, order = search.order
    if field not in {"@timestamp", "_score"}:
        return _Window(list({cell.file: None for cell in cells}), None, offset)
    days = {file.uri: file.partition for file in files}
    by_score = field == "_score"
    # Equal scores come by time, the newest first, whatever the order of the scores.
    found = sorted(cells, key=lambda cell: days[cell.file], reverse=by_score or order == "desc")
    if by_score:
        found = sorted(found, key=lambda cell: cell.score, reverse=order == "desc")
    first, last = _reached(found, days, offset), _reached(found, days, offset + search.size - 1)
    chosen = found[first.start : last.stop]
    names = {cell.file for cell in chosen}
    scores = (min(cell.score for cell in chosen), max(cell.score for cell in chosen))
    # Cells before the page's own are counted too if they lie in the same files and between the same scores.
    left_out = sum(
        cell.count
        for cell in found[: first.start]
        if cell.file not in names or not scores[0] <= cell.score <= scores[1]
    )
    return _Window(sorted(names), scores if by_score else None, offset - left_out)


def _reached(cells: Sequence[_Cell], days: Mapping[str, str], offset: int) -> slice:
    """The cells of one day and score, in the midst of which the document after `offset` others is; else the last."""
    begin = until = 0
    for index, cell in enumerate(cells):
        before = cells[index - 1] if index else cell
        if (days[cell.file], cell.score) != (days[before.file], before.score):
            if until > offset:
                return slice(begin, index)
            begin = index
        until += cell.count
    return slice(begin, len(cells))


def _places(reading: Reading, search: Search, terms: Sequence[Term], window: _Window) -> list[_Place]:
    """The places of a page's documents, in order."""
    chosen = reading.only(window.files)
    asked = places_sql(chosen.located, search, terms, window.offset, window.scores)
    return [_Place(*row) for row in chosen.rows(asked)]


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


def highlights_of(row: Mapping[str, Any], words: Sequence[str]) -> dict[str, list[str]]:
    """For each field of a row that holds one of the words, its text around them."""
    if not words:
        return {}
    found = {name: highlighted(row[name], words) for name in TEXT_BOOSTS if row[name]}
    return {name: [text] for name, text in found.items() if text is not None}
