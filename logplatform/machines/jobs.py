"""The text of a `JobProfiel` event: `R:215023 L:3359.0 C:7016 G ALU` is reference, length and colour.

What belongs here: reading that text. What does not: when a job began (`session`).
"""

import re
from decimal import Decimal
from functools import lru_cache
from typing import Final, NamedTuple

NO_COLOUR: Final = "N/A"

# The whole text in its everyday form, which saves three searches in most lines.
_USUAL = re.compile(r"R:(?![LC]:)(\S+) L:([0-9]{1,9}(?:\.[0-9]{1,4})?) C:(\S+)(?: +(\S.*))?", re.DOTALL)
_REFERENCE = re.compile(r"(?:^|\s)R:\s*(?![LC]:)(\S+)")
_LENGTH = re.compile(r"(?:^|\s)L:\s*([0-9]{1,9}(?:[.,][0-9]{1,4})?)(?=\s|$)")
_COLOUR = re.compile(r"(?:^|\s)C:\s*(\S+)(?:\s+(.*))?$", re.DOTALL)


_LONGEST_KEPT: Final = 256


class JobText(NamedTuple):
    """What a job profile tells: `reference` and `longueur` (mm) are None where missing or unreadable.

    `couleur` is one word, `N/A` where missing; `details` is what follows it. A tuple, because a day may have very many.
    """

    reference: str | None
    longueur: Decimal | None
    couleur: str
    details: str | None


def read_job(text: str) -> JobText:
    """Reads the details of a `JobProfiel` event; never raises."""
    # A machine chooses among few jobs, again and again: what is the same is read and kept once.
    return _read_often(text) if len(text) <= _LONGEST_KEPT else _read(text)


def _read(text: str) -> JobText:
    usual = _USUAL.fullmatch(text)
    if usual is not None:
        return JobText(usual[1], Decimal(usual[2]), usual[3], usual[4])
    reference, length, colour = _REFERENCE.search(text), _LENGTH.search(text), _COLOUR.search(text)
    return JobText(
        None if reference is None else reference[1],
        None if length is None else Decimal(length[1].replace(",", ".")),
        NO_COLOUR if colour is None else colour[1],
        None if colour is None else (colour[2] or None),
    )


@lru_cache(maxsize=4_096)
def _read_often(text: str) -> JobText:
    return _read(text)
