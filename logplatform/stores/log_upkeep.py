"""What writers and keepers of a log index tell and are told, whatever it is made of.

What belongs here: these few types. What does not: the index (`log_index`).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from logplatform.failures import PermanentFailure


@dataclass(frozen=True, slots=True)
class RefusedDocument:
    """A document that the index does not take, and why; `ordinal` and `source` as in DOCUMENTS."""

    id: str
    ordinal: int
    source: str
    reason: str


Refuse = Callable[[RefusedDocument], None]
"""Takes what the index refuses, one by one, in the writer's thread; the other documents go on."""

Forget = Callable[[sa.Connection, Mapping[str, int]], None]
"""Is told, in the transaction in which they go, how many documents of which origins leave the index by their age."""


@dataclass(frozen=True, slots=True)
class Swept:
    """Event days whose files were merged; files, or documents, that nobody reads any more and that were removed."""

    merged_days: int
    removed: int


def refused_for_good(document: RefusedDocument) -> None:
    """For writers that have no place for what is refused: raises PermanentFailure."""
    raise PermanentFailure(f"record {document.ordinal:,}: the index refuses its document: {document.reason}")
