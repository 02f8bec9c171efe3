"""`/api/search` and `/api/search/autocomplete`: find documents.

What belongs here: these routes and their answers. What does not: parameters (`search_parameters`), searching
(`stores.log_index`), saved searches and the history (`saved`).
"""

import logging
import time
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from fastapi import APIRouter, BackgroundTasks, Query
from pydantic import BaseModel, Field
from sqlalchemy.exc import SQLAlchemyError

from logplatform.api.asking import refusing
from logplatform.api.errors import responses
from logplatform.api.search_parameters import CompletionParameters, SearchParameters
from logplatform.api.served import Given
from logplatform.failures import TransientFailure
from logplatform.stores.log_query import Page
from logplatform.stores.searches import SearchHistory
from logplatform.uploads.completion import Completion, completions

router = APIRouter(prefix="/api/search", tags=["search"])

_log = logging.getLogger(__name__)


class FoundDocument(BaseModel):
    """A document: the record as it came, with what was added. `highlights`: field -> its text around the hits, as
    HTML in which only `<em>` is markup."""

    id: str
    score: float
    document: dict[str, Any]
    highlights: dict[str, list[str]]


class FoundPage(BaseModel):
    """A page. `total` counts all documents that were found, `pages` the pages they fill."""

    total: Annotated[int, Field(ge=0)]
    page: int
    size: int
    pages: Annotated[int, Field(ge=0)]
    took_ms: Annotated[float, Field(ge=0)]
    results: list[FoundDocument]


class SearchAnswer(BaseModel):
    """The answer to a search."""

    success: Literal[True] = True
    data: FoundPage


class CompletionAnswer(BaseModel):
    """Values that begin so, the most frequent first."""

    success: Literal[True] = True
    data: list[Completion]


@router.get("", responses=responses(400, 422, 503))
async def search(served: Given, asked: Annotated[SearchParameters, Query()], after: BackgroundTasks) -> SearchAnswer:
    """Find documents by words and by what their fields hold; words that occur nowhere find those nearly the same."""
    with refusing():
        question = asked.search()
    begun = time.perf_counter()
    found = await served.questions.ask(lambda index: index.search(question))
    took = (time.perf_counter() - begun) * 1000
    told = asked.told()
    if told and found.page == 1:
        # Afterwards: an answer does not wait for the disk.
        after.add_task(remember, served.history, told, found.total)
    return SearchAnswer(data=found_page(found, took))


@router.get("/autocomplete", responses=responses(400, 422, 503))
async def autocomplete(served: Given, asked: Annotated[CompletionParameters, Query()]) -> CompletionAnswer:
    """Values of fields that begin with what was typed, the most frequent first."""
    fields = (asked.field,) if asked.field else None
    found = await served.questions.ask(lambda index: completions(index, asked.q, fields, asked.limit))
    return CompletionAnswer(data=found)


def remember(history: SearchHistory, parameters: Mapping[str, Any], total: int) -> None:
    """Record a search; a history that cannot be written just now is worth a line in the log, and no more."""
    try:
        history.add(parameters, total)
    except (SQLAlchemyError, TransientFailure) as error:
        _log.warning("the search history could not be written: %s", error)


def found_page(found: Page, took_ms: float) -> FoundPage:
    """A page as it is told."""
    results = [
        FoundDocument(id=hit.id, score=hit.score, document=hit.document, highlights=hit.highlights)
        for hit in found.hits
    ]
    pages = -(-found.total // found.size)
    return FoundPage(
        total=found.total, page=found.page, size=found.size, pages=pages, took_ms=round(took_ms, 1), results=results
    )
