"""Searching in Elasticsearch: a page of documents, and the words that stand for one which occurs nowhere.

What belongs here: the steps of a search. What does not: the query of each (`elasticsearch_query`).
"""

from collections.abc import Mapping, Sequence
from typing import Any

import duckdb
import pyarrow as pa

from logplatform.stores import log_search
from logplatform.stores.elasticsearch_asking import Moment
from logplatform.stores.elasticsearch_documents import row_of
from logplatform.stores.elasticsearch_query import Query, hits, nearly, occurs, scores
from logplatform.stores.elasticsearch_template import WHEN, field_of
from logplatform.stores.log_query import ALL, TEXT_BOOSTS, BadQuery, Filters, Hit, Page, Search
from logplatform.stores.log_schema import document
from logplatform.stores.log_sql import similar_sql
from logplatform.stores.log_text import NEARLY, Term, distance_allowed, terms_of

CANDIDATES = 1_000
"""The newest documents with words nearly a term, in which those words are counted."""
# A page of so few documents is read at once: none is larger than a record and its fields may be.
_FEW = 25
_SCORE_DIGITS = 6

Found = dict[str, Any]


def search_page(moment: Moment, search: Search) -> Page:
    """The page of a search. Raises BadQuery if its documents take more than `log_search.MAX_PAGE_BYTES`."""
    terms = terms_of(search.text)
    if search.text.strip() and not terms:
        return _empty(search)
    answer = moment.ask(_page_of(moment, search, terms))
    missing = _missing(answer, terms)
    if missing:
        terms = replaced(moment, search.filters, terms, missing)
        if not terms:
            return _empty(search)
        answer = moment.ask(_page_of(moment, search, terms))
    found: list[Found] = answer["hits"]["hits"]
    sources = _documents(moment, found)
    words = [term.text for term in terms]
    return Page(
        int(answer["hits"]["total"]["value"]),
        search.page,
        search.size,
        [_hit(one, source, words) for one, source in zip(found, sources, strict=True)],
    )


def found_terms(moment: Moment, text: str, filters: Filters) -> list[Term]:
    """The terms of a text that occur; one that does not is replaced by words that are nearly it."""
    terms = terms_of(text)
    if not terms:
        return []
    query = {**moment.query(filters, hits(terms))}
    answer = moment.ask({"size": 0, "track_total_hits": True, "query": query, **_occurrences(terms)})
    return replaced(moment, filters, terms, _missing(answer, terms))


def replaced(moment: Moment, filters: Filters, terms: Sequence[Term], missing: set[str]) -> list[Term]:
    """The terms, with words that are nearly them in place of those that are missing."""
    found: list[Term] = []
    for term in terms:
        if term.text not in missing:
            found.append(term)
        elif distance_allowed(term.text):
            found += [Term(word, NEARLY) for word in _similar(moment, filters, term)]
    return list({term.text: term for term in reversed(found)}.values())[::-1]


def _page_of(moment: Moment, search: Search, terms: Sequence[Term]) -> Found:
    """The request for a page: with the documents if they are few, else with their sizes."""
    field, way = search.order
    query = moment.query(search.filters)
    if terms:
        query["bool"]["must"] = [scores(terms)]
    first: Query = {"_score": {"order": way}}
    if field != "_score":
        first = {WHEN if field == "@timestamp" else field_of(field): {"order": way, "missing": "_last"}}
    return {
        "query": query,
        "from": (search.page - 1) * search.size,
        "size": search.size,
        "sort": [first, {WHEN: "desc"}, {"id": "asc"}],
        "track_scores": bool(terms),
        "track_total_hits": True,
        "_source": search.size <= _FEW,
        "docvalue_fields": ["bytes", "id"],
        **(_occurrences(terms) if len(terms) > 1 else {}),
    }


def _occurrences(terms: Sequence[Term]) -> Found:
    return {"aggs": {"occurs": {"filters": {"filters": [occurs(term) for term in terms]}}}}


def _missing(answer: Found, terms: Sequence[Term]) -> set[str]:
    """The terms that occur in nothing that was found."""
    if not answer["hits"]["total"]["value"]:
        return {term.text for term in terms}
    found = answer.get("aggregations")
    buckets = found["occurs"]["buckets"] if found else []
    return {term.text for term, bucket in zip(terms, buckets, strict=False) if not bucket["doc_count"]}


def _documents(moment: Moment, found: Sequence[Found]) -> list[Found]:
    """The documents of hits, in their order."""
    size = sum(int(one["fields"]["bytes"][0]) for one in found)
    if size > log_search.MAX_PAGE_BYTES:
        raise BadQuery(f"size: these documents take more than {log_search.MAX_PAGE_BYTES >> 20} MiB; ask for fewer")
    if all("_source" in one for one in found):
        return [one["_source"] for one in found]
    ids = [one["fields"]["id"][0] for one in found]
    query = moment.query(ALL, {"terms": {"id": ids}})
    answer = moment.ask({"query": query, "size": len(ids), "track_total_hits": False})
    sources = {one["_source"]["id"]: one["_source"] for one in answer["hits"]["hits"]}
    return [sources[one] for one in ids]


def _hit(found: Found, source: Mapping[str, Any], words: Sequence[str]) -> Hit:
    row = row_of(source)
    score = round(found.get("_score") or 0.0, _SCORE_DIGITS) if words else 0.0
    return Hit(row["id"], document(row), score, log_search.highlights_of(row, words))


def _similar(moment: Moment, filters: Filters, term: Term) -> list[str]:
    """Words that are nearly a term, the nearest and most frequent first, in the newest documents that have any."""
    rows: list[Mapping[str, Any]] = []
    for letters in range(1, distance_allowed(term.text) + 1):
        query = moment.query(filters, nearly(term, letters))
        body = {"query": query, "size": CANDIDATES, "sort": [{WHEN: "desc"}], "_source": list(TEXT_BOOSTS)}
        rows += [one["_source"] for one in moment.ask({**body, "track_total_hits": False})["hits"]["hits"]]
    if not rows:
        return []
    table = pa.table({name: pa.array([row.get(name) for row in rows], pa.string()) for name in TEXT_BOOSTS})
    statement, values = similar_sql("candidates", ALL, term, log_search.SIMILAR_WORDS)
    with duckdb.connect(config={"threads": 1}) as engine:
        engine.register("candidates", table)
        return [word for (word,) in engine.execute(statement, values).fetchall()]


def _empty(search: Search) -> Page:
    return Page(0, search.page, search.size, [])
