"""Looking for a text in documents: its terms, how well they fit, where they stand.

What belongs here: what a text means, the same for every part of the embedded index. What does not: SQL around it
(`log_sql`), and other engines, which have their own.

A term scores, in its best field, that field's boost times 1 as a whole word, 0.6 as the beginning of one, 0.3 inside
one; a document's score is the sum over its terms. A term that occurs nowhere stands for the words that are nearly
it: one letter off from 3 letters on, two from 6 on (as Elasticsearch's fuzziness AUTO), at half the score.
"""

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass

MAX_TERMS = 16
WHOLE, BEGINNING, INSIDE, NEARLY = 1.0, 0.6, 0.3, 0.5
_FRAGMENT_CHARS = 200
_CONTEXT_CHARS = 60
_TERM = re.compile(r'"([^"]+)"|([^\s"]+)')
# A letter, a digit or _, or anything beyond ASCII: classes of all letters there are would take RE2 longer to compile
# than a question takes to answer.
WORD = r"[0-9A-Za-z_\x80-\x{10FFFF}]"
NO_WORD = r"[^0-9A-Za-z_\x80-\x{10FFFF}]"


@dataclass(frozen=True, slots=True)
class Term:
    """A term in lower case; `weight`: 1, or less where it stands for another that is nearly the same."""

    text: str
    weight: float = 1.0

    @property
    def whole_word(self) -> str:
        """A regular expression (RE2) for the term as a whole word."""
        return f"{self.beginning}(?:{NO_WORD}|$)"

    @property
    def beginning(self) -> str:
        """A regular expression (RE2) for the term at the beginning of a word."""
        return f"(?:^|{NO_WORD}){re_quote(self.text)}"


def terms_of(text: str) -> list[Term]:
    """The different terms of a text: words, and what stands in quotes; at most MAX_TERMS."""
    found = ((quoted or word).strip().lower() for quoted, word in _TERM.findall(text))
    return [Term(term) for term in list(dict.fromkeys(term for term in found if term))[:MAX_TERMS]]


def distance_allowed(term: str) -> int:
    """How many letters a word may be off and still be nearly the term."""
    return 0 if len(term) < 3 else 1 if len(term) < 6 else 2


def re_quote(text: str) -> str:
    """A text as a regular expression (RE2) that matches just it."""
    return re.sub(r"([\\.+*?()|\[\]{}^$])", r"\\\1", text)


def fits(text: str, term: str) -> float:
    """How well a term fits a text, both in lower case: by the best place where it stands; 0 if it is not there."""
    best, at = 0.0, text.find(term)
    while at >= 0 and best < WHOLE:
        begins = at == 0 or not _is_word(text[at - 1])
        ends = at + len(term) == len(text) or not _is_word(text[at + len(term)])
        best = max(best, (WHOLE if ends else BEGINNING) if begins else INSIDE)
        at = text.find(term, at + 1)
    return best


def _is_word(sign: str) -> bool:
    return sign.isalnum() or sign == "_" or sign >= "\x80"


def highlighted(text: str, terms: Sequence[str]) -> str | None:
    """The part of a text around the first hit, each hit in `<em>`, all else as HTML; None without a hit."""
    pattern = re.compile("|".join(re.escape(term) for term in sorted(terms, key=len, reverse=True)), re.IGNORECASE)
    first = pattern.search(text)
    if first is None:
        return None
    begin = max(0, first.start() - _CONTEXT_CHARS)
    part = text[begin : begin + _FRAGMENT_CHARS]
    pieces, last = [], 0
    for hit in pattern.finditer(part):
        pieces += [html.escape(part[last : hit.start()]), "<em>", html.escape(hit[0]), "</em>"]
        last = hit.end()
    pieces.append(html.escape(part[last:]))
    return ("…" if begin else "") + "".join(pieces) + ("…" if begin + len(part) < len(text) else "")
