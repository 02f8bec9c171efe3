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
from logplatform.stores.elasticsearch_query import Place, Query, hits, nearly, occurs, places, scores
from logplatform.stores.elasticsearch_template import WHEN, field_of
from logplatform.stores.log_query import ALL, TEXT_BOOSTS, BadQuery, Filters, Hit, Page, Search
from logplatform.stores.log_schema import document
from logplatform.stores.log_sql import similar_sql
from logplatform.stores.log_text import NEARLY, Term, distance_allowed, fits, terms_of

CANDIDATES = 1_000
"""The newest documents with words nearly a term, in which those words are counted."""
# A page of so few documents is read at once: none is larger than a record and its fields may be.
_FEW = 25
_SCORE_DIGITS = 6

Found = dict[str, Any]


def search_page(moment: Moment, search: Search) -> Page:
    """The page of a search. Raises BadQuery if its documents take more than `log_search.MAX_PAGE_BYTES`."""
    found = found_places(moment, search.text, search.filters)
    if search.text.strip() and not found:
        return Page(0, search.page, search.size, [])
    answer = moment.ask(_page_of(moment, search, found))
    shown: list[Found] = answer["hits"]["hits"]
    terms = list({place.term.text: place.term for place in found}.values())
    hits_of_page = [_hit(one, source, terms) for one, source in zip(shown, _documents(moment, shown), strict=True)]
    return Page(int(answer["hits"]["total"]["value"]), search.page, search.size, hits_of_page)


def found_places(moment: Moment, text: str, filters: Filters) -> list[Place]:
    """Where the terms of a text occur; for one that does not, where words do that are nearly it."""
    terms = terms_of(text)
    if not terms:
        return []
    found = _occurring(moment, filters, terms)
    missing = {term.text for term in terms} - {place.term.text for place in found}
    nearly_them = [
        Term(word, NEARLY)
        for term in terms
        if term.text in missing and distance_allowed(term.text)
        for word in _similar(moment, filters, term)
    ]
    known = {place.term.text for place in found}
    others = {term.text: term for term in nearly_them if term.text not in known}
    return found + (_occurring(moment, filters, list(others.values())) if others else [])


def _occurring(moment: Moment, filters: Filters, terms: Sequence[Term]) -> list[Place]:
    """The fields in which each term occurs."""
    all_places = places(terms)
    query = moment.query(filters)
    aggregation = {"filters": {"filters": [occurs(place) for place in all_places]}}
    answer = moment.ask({"size": 0, "track_total_hits": False, "query": query, "aggs": {"occurs": aggregation}})
    found = answer.get("aggregations")
    buckets = found["occurs"]["buckets"] if found else []
    return [place for place, bucket in zip(all_places, buckets, strict=False) if bucket["doc_count"]]


def _page_of(moment: Moment, search: Search, found: Sequence[Place]) -> Found:
    """The request for a page: with the documents if they are few, else with their sizes."""
    field, way = search.order
    by_score = field == "_score"
    query = moment.query(search.filters, *([hits(found)] if found and not by_score else []))
    if found and by_score:
        query["bool"]["must"] = [scores(found)]
    first: Query = {"_score": {"order": way}}
    if not by_score:
        first = {WHEN if field == "@timestamp" else field_of(field): {"order": way, "missing": "_last"}}
    return {
        "query": query,
        "from": (search.page - 1) * search.size,
        "size": search.size,
        "sort": [first, {WHEN: "desc"}, {"id": "asc"}],
        "track_total_hits": True,
        "_source": search.size <= _FEW,
        "docvalue_fields": ["bytes", "id"],
    }


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


def _hit(found: Found, source: Mapping[str, Any], terms: Sequence[Term]) -> Hit:
    row = row_of(source)
    score = found.get("_score")
    # Where the order is another, the server is not asked for scores, which would cost it much.
    told = round(score, _SCORE_DIGITS) if score is not None and terms else score_of(row, terms)
    return Hit(row["id"], document(row), told, log_search.highlights_of(row, [term.text for term in terms]))


def score_of(row: Mapping[str, Any], terms: Sequence[Term]) -> float:
    """How well a row fits terms, as `log_text` tells it: the sum of each term's score in its best field."""
    texts = {name: row[name].lower() for name in TEXT_BOOSTS if row[name]}
    scores_of = (
        max((TEXT_BOOSTS[name] * fits(text, term.text) * term.weight for name, text in texts.items()), default=0.0)
        for term in terms
    )
    return round(sum(scores_of), _SCORE_DIGITS)


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
