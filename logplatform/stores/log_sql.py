"""Questions to the log index as SQL for DuckDB.

What belongs here: text of statements and their parameters. What does not: running them (`log_index`).

Names in a statement come from the schema only, values go in as parameters only.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from logplatform.stores.log_query import (
    INTERVALS,
    TEXT_BOOSTS,
    Aggregation,
    Alike,
    Filters,
    Interval,
    Measure,
    Search,
    known,
)
from logplatform.stores.log_text import BEGINNING, INSIDE, WHOLE, WORD, Term, distance_allowed

_SECONDS: dict[Interval, int] = {"minute": 60, "hour": 3_600, "day": 86_400}
_FUNCTIONS = {"sum": "sum({})", "avg": "avg({})", "min": "min({})", "max": "max({})", "distinct": "count(DISTINCT {})"}

# What so many documents do not say is hardly what somebody meant to write; all of them would take seconds.
SIMILAR_IN_DOCUMENTS = 200_000


@dataclass(slots=True)
class Statement:
    """SQL under construction: `value` gives a value its place."""

    parameters: dict[str, Any] = field(default_factory=dict)

    def value(self, value: object) -> str:
        """The placeholder of a value."""
        name = f"v{len(self.parameters)}"
        self.parameters[name] = value
        return f"${name}"

    def where(self, filters: Filters) -> str:
        """The condition of filters; `true` for none."""
        conditions = [f"{name} IN ({', '.join(map(self.value, values))})" for name, values in filters.terms]
        for name, lowest, highest in filters.ranges:
            conditions += [f"{name} >= {self.value(lowest)}"] if lowest is not None else []
            conditions += [f"{name} <= {self.value(highest)}"] if highest is not None else []
        conditions += [f"{name} IS NOT NULL" for name in filters.present]
        conditions += [f"starts_with(lower({name}), {self.value(begin.lower())})" for name, begin in filters.prefixes]
        conditions += [f"timestamp >= {self.value(filters.since)}"] if filters.since is not None else []
        conditions += [f"timestamp < {self.value(filters.until)}"] if filters.until is not None else []
        return " AND ".join(conditions) or "true"

    def found(self, filters: Filters, terms: Sequence[Term]) -> str:
        """The condition that filters hold and, where there are terms, one of them occurs."""
        condition = self.where(filters)
        return f"{condition} AND ({' OR '.join(map(self.hit, terms))})" if terms else condition

    def score(self, terms: Sequence[Term]) -> str:
        """How well a document fits the terms; 0 if not at all."""
        return " + ".join(self._term_score(term) for term in terms) or "0::DOUBLE"

    def hit(self, term: Term) -> str:
        """Whether a term occurs in a document."""
        text = self.value(term.text)
        return "(" + " OR ".join(f"coalesce(contains(lower({name}), {text}), false)" for name in TEXT_BOOSTS) + ")"

    def _term_score(self, term: Term) -> str:
        text, whole, begin = (self.value(part) for part in (term.text, term.whole_word, term.beginning))
        fields = (
            f"CASE WHEN NOT coalesce(contains(lower({name}), {text}), false) THEN 0::DOUBLE "
            f"WHEN regexp_matches(lower({name}), {whole}) THEN {boost * WHOLE * term.weight}::DOUBLE "
            f"WHEN regexp_matches(lower({name}), {begin}) THEN {boost * BEGINNING * term.weight}::DOUBLE "
            f"ELSE {boost * INSIDE * term.weight}::DOUBLE END"
            for name, boost in TEXT_BOOSTS.items()
        )
        return f"greatest({', '.join(fields)})"


def tally_sql(located: str, filters: Filters, terms: Sequence[Term], *, by_score: bool) -> tuple[str, dict[str, Any]]:
    """What is found in each file: its name, a score (0, unless `by_score`), how many documents have it, and for each
    term whether it occurs in them."""
    statement = Statement()
    score = statement.score(terms) if by_score else "0::DOUBLE"
    names = [f"hit_{number}" for number, _ in enumerate(terms)]
    hits = "".join(f", {statement.hit(term)} AS {name}" for name, term in zip(names, terms, strict=True))
    occurs = "".join(f", bool_or({name})" for name in names)
    query = (
        f"SELECT filename, score, count(*){occurs} FROM (SELECT filename, {score} AS score{hits} FROM {located} "  # noqa: S608 (see the module)
        f"WHERE {statement.found(filters, terms)}) GROUP BY filename, score"
    )
    return query, statement.parameters


def places_sql(
    located: str, search: Search, terms: Sequence[Term], offset: int, scores: tuple[float, float] | None
) -> tuple[str, dict[str, Any]]:
    """Where the documents of a page stand, in order: file, row and score; `offset` documents come before.

    `scores`: only documents whose score lies between these two, both included.
    """
    statement = Statement()
    condition = statement.found(search.filters, terms)
    found, order = search.order
    column = {"_score": "score", "@timestamp": "timestamp"}.get(found, found)
    between = "" if scores is None else f"WHERE score BETWEEN {' AND '.join(map(statement.value, scores))} "
    query = (
        f"SELECT filename, file_row_number, score FROM "  # noqa: S608 (see the module)
        f"(SELECT *, {statement.score(terms)} AS score FROM {located} WHERE {condition}) {between}"
        f"ORDER BY {column} {order} NULLS LAST, timestamp DESC, id "
        f"LIMIT {statement.value(search.size)} OFFSET {statement.value(offset)}"
    )
    return query, statement.parameters


def fetch_sql(located: str, rows: Sequence[int]) -> tuple[str, dict[str, Any]]:
    """All columns of the documents in these rows of one file, and `file_row_number`."""
    statement = Statement()
    numbers = statement.value(list(rows))
    return f"SELECT * FROM {located} WHERE list_contains({numbers}, file_row_number)", statement.parameters  # noqa: S608 (see the module)


def documents_sql(source: str, filters: Filters, terms: Sequence[Term]) -> tuple[str, dict[str, Any]]:
    """All columns of the documents that are found."""
    statement = Statement()
    return f"SELECT * FROM {source} WHERE {statement.found(filters, terms)}", statement.parameters  # noqa: S608 (see the module)


def columns_sql(
    source: str, columns: Sequence[str], filters: Filters, order: Sequence[str], alike: Alike | None = None
) -> tuple[str, dict[str, Any]]:
    """Some columns of the documents, sorted; `timestamp` in microseconds since 1970."""
    for name in (*columns, *order):
        known(name)
    statement = Statement()
    condition = statement.where(filters)
    if alike is not None:
        known(alike.field)
        theirs = statement.where(alike.filters)
        condition += f" AND {alike.field} IN (SELECT {alike.field} FROM {source} WHERE {theirs})"  # noqa: S608 (see the module)
    shown = ", ".join("epoch_us(timestamp) AS timestamp" if name == "timestamp" else name for name in columns)
    # The files' own columns, which the names of the result would hide.
    by = ", ".join(f"documents.{name} NULLS LAST" for name in order)
    query = f"SELECT {shown} FROM {source} AS documents WHERE {condition} ORDER BY {by}"  # noqa: S608 (see the module)
    return query, statement.parameters


def occurs_sql(source: str, filters: Filters, terms: Sequence[Term]) -> tuple[str, dict[str, Any]]:
    """For each term whether it occurs at all: one row, a column a term."""
    statement = Statement()
    condition = statement.where(filters)
    columns = ", ".join(f"coalesce(bool_or({statement.hit(term)}), false)" for term in terms)
    return f"SELECT {columns} FROM {source} WHERE {condition}", statement.parameters  # noqa: S608 (see the module)


def similar_sql(source: str, filters: Filters, term: Term, limit: int) -> tuple[str, dict[str, Any]]:
    """Words that are nearly a term, the nearest and most frequent first: column word.

    They are looked for in so many documents as SIMILAR_IN_DOCUMENTS, those that `source` gives first.
    """
    statement = Statement()
    condition = statement.where(filters)
    text, allowed = statement.value(term.text), statement.value(distance_allowed(term.text))
    texts = f"concat_ws(' ', {', '.join(TEXT_BOOSTS)})"
    # Cutting at blanks is quick, and leaves few different pieces for the regular expression, which is not.
    pieces = (
        f"SELECT piece, count(*) AS pieces FROM (SELECT unnest(string_split(lower({texts}), ' ')) AS piece "  # noqa: S608 (see the module)
        f"FROM (SELECT * FROM {source} WHERE {condition} LIMIT {SIMILAR_IN_DOCUMENTS})) GROUP BY piece"
    )
    words = f"SELECT unnest(regexp_extract_all(piece, {statement.value(f'{WORD}+')})) AS word, pieces FROM ({pieces})"  # noqa: S608 (see the module)
    query = (
        f"SELECT word FROM ({words}) WHERE abs(length(word) - length({text})) <= {allowed} "  # noqa: S608 (see the module)
        f"AND damerau_levenshtein(word, {text}) <= {allowed} GROUP BY word "
        f"ORDER BY damerau_levenshtein(word, {text}), sum(pieces) DESC, word LIMIT {statement.value(limit)}"
    )
    return query, statement.parameters


def aggregation_sql(source: str, aggregation: Aggregation, terms: Sequence[Term] = ()) -> tuple[str, dict[str, Any]]:
    """The groups of an aggregation: a column for each name in `by`, and one for each measure."""
    statement = Statement()
    condition = statement.found(aggregation.filters, terms)
    groups = [f"{_group(name)} AS {name}" for name in aggregation.by]
    measures = [f"{_measure(statement, measure)} AS {measure.name}" for measure in aggregation.measures]
    given = "".join(f" AND {name} IS NOT NULL" for name in aggregation.by if name not in INTERVALS)
    by = f" GROUP BY {', '.join(str(number) for number, _ in enumerate(groups, 1))}" if groups else ""
    way = "DESC" if aggregation.descending else "ASC"
    order = [f"{aggregation.order} {way} NULLS LAST"] if aggregation.order else []
    order += [name for name in aggregation.by if name != aggregation.order]
    query = (
        f"SELECT {', '.join([*groups, *measures])} FROM {source} WHERE {condition}{given}{by}"  # noqa: S608 (see the module)
        f"{' ORDER BY ' + ', '.join(order) if order else ''} LIMIT {statement.value(aggregation.limit)}"
    )
    return query, statement.parameters


def _group(name: str) -> str:
    for interval in INTERVALS:
        if name == interval:
            seconds = _SECONDS[interval]
            # Whole numbers, so that no time zone of the session takes part.
            return f"(epoch_us(timestamp) // {seconds * 1_000_000}) * {seconds}"
    return name


def _measure(statement: Statement, measure: Measure) -> str:
    if measure.kind == "count":
        return "count(*)"
    if measure.kind == "percentile":
        return f"quantile_cont({measure.field}, {statement.value(measure.share)}::DOUBLE)"
    return _FUNCTIONS[measure.kind].format(measure.field)
