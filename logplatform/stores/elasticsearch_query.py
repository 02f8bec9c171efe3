"""Questions to the log index as queries of Elasticsearch.

What belongs here: filters and texts as JSON. What does not: asking (`elasticsearch_search`, `elasticsearch_figures`).

A term of a text is found wherever it stands in a value, and scores as in the embedded index (`log_text`): in its best
field, by how it stands there. Hence constant scores in place of Elasticsearch's own, and values in lower case as whole
terms in place of its words.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from logplatform.stores.elasticsearch_generations import View
from logplatform.stores.elasticsearch_template import field_of, lowered, words_of
from logplatform.stores.log_query import TEXT_BOOSTS, Filters
from logplatform.stores.log_text import BEGINNING, INSIDE, WHOLE, Term

Query = dict[str, Any]

MOST_TERMS = 65_536
"""Values of one `terms` query (`index.max_terms_count`)."""
# Lucene's classes know no \x: what is no letter, digit or _ of ASCII, as in `log_text.NO_WORD`.
_NO_WORD = "[\x00-/:-@\\[-\\^`{-\x7f]"
_JOKER = re.compile(r"([*?\\])")
_SIGN = re.compile(r"[^0-9a-z_\x80-\U0010ffff]")


def condition(filters: Filters, view: View) -> list[Query]:
    """The conditions of filters, over what readers see."""
    found: list[Query] = [{"range": {"generation": {"lte": view.newest}}}]
    if view.hidden:
        found.append({"bool": {"must_not": {"terms": {"generation": sorted(view.hidden)}}}})
    found += [_one_of(name, values) for name, values in filters.terms]
    for name, lowest, highest in filters.ranges:
        bounds = {"gte": lowest, "lte": highest}
        found.append({"range": {field_of(name): {key: value for key, value in bounds.items() if value is not None}}})
    found += [present(name) for name in filters.present]
    found += [_beginning(name, begin) for name, begin in filters.prefixes]
    period = {"gte": _moment(filters.since), "lt": _moment(filters.until)}
    if given := {key: value for key, value in period.items() if value is not None}:
        found.append({"range": {"@timestamp": given}})
    return found


def present(name: str) -> Query:
    """Documents in which a column is not null; a value that is too long for a term is one too."""
    field = field_of(name)
    return {"bool": {"should": [{"exists": {"field": field}}, {"term": {"_ignored": field}}]}}


@dataclass(frozen=True, slots=True)
class Place:
    """A field that a term occurs in. Most terms occur in one field, and a pattern costs, whatever it finds."""

    term: Term
    field: str


def places(terms: Sequence[Term]) -> list[Place]:
    """Every field that terms might occur in."""
    return [Place(term, name) for term in terms for name in TEXT_BOOSTS]


def hits(found: Sequence[Place]) -> Query:
    """Documents in which a term occurs in its field."""
    return {"bool": {"should": [occurs(place) for place in found]}}


def occurs(place: Place) -> Query:
    """Documents in which one term occurs in one field."""
    return _pattern(place, INSIDE)


def scores(found: Sequence[Place]) -> Query:
    """Documents in which a term occurs in its field, with their scores: the sum of each term's in its best field."""
    by_term: dict[str, list[Query]] = {}
    for place in found:
        by_term.setdefault(place.term.text, []).extend(_fits(place))
    return {"bool": {"should": [{"dis_max": {"queries": queries}} for queries in by_term.values()]}}


def nearly(term: Term, letters: int) -> Query:
    """Documents with words that are so many letters off from a term."""
    fuzzy = {"value": term.text, "fuzziness": letters, "max_expansions": 1_000, "transpositions": True}
    return {"bool": {"should": [{"fuzzy": {words_of(name): fuzzy}} for name in TEXT_BOOSTS]}}


def _fits(place: Place) -> list[Query]:
    """Each way in which a term may stand in a field, with its score; what holds of them decides by the highest."""
    boost = TEXT_BOOSTS[place.field] * place.term.weight
    ways = (INSIDE, BEGINNING, WHOLE)
    return [{"constant_score": {"filter": _pattern(place, way), "boost": boost * way}} for way in ways]


def _pattern(place: Place, way: float) -> Query:
    field, text = str(lowered(place.field)), place.term.text
    if way == INSIDE:
        escaped = _JOKER.sub(r"\\\1", text)
        return {"wildcard": {field: {"value": f"*{escaped}*"}}}
    begin = f"(.*{_NO_WORD})?{_quoted(text)}"
    pattern = f"{begin}({_NO_WORD}.*)?" if way == WHOLE else f"{begin}.*"
    return {"regexp": {field: {"value": pattern, "flags": "NONE", "max_determinized_states": 100_000}}}


def _quoted(text: str) -> str:
    """A text as a regular expression (Lucene) that matches just it."""
    return _SIGN.sub(lambda found: f"\\{found[0]}", text)


def _one_of(name: str, values: Sequence[str]) -> Query:
    parts = [list(values[begin : begin + MOST_TERMS]) for begin in range(0, len(values), MOST_TERMS)] or [[]]
    return {"bool": {"should": [{"terms": {field_of(name): part}} for part in parts]}}


def _beginning(name: str, begin: str) -> Query:
    if (field := lowered(name)) is not None:
        return {"prefix": {field: {"value": begin.lower()}}}
    return {"prefix": {field_of(name): {"value": begin, "case_insensitive": True}}}


def _moment(moment: datetime | None) -> str | None:
    return None if moment is None else f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S.%fZ}"
