"""`/api/search/saved` and `/api/search/history`: searches kept under a name, and those made last.

What belongs here: these routes and their answers. What does not: keeping them (`stores.searches`).

They are plain functions, which FastAPI runs on threads: they ask the ledger's database, not the index.
"""

from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from logplatform.api.asking import refusing
from logplatform.api.errors import Refused, responses
from logplatform.api.search_parameters import SearchParameters
from logplatform.api.served import Given
from logplatform.stores.searches import KEPT_IN_HISTORY, PastSearch, SavedSearch, SearchRefused

router = APIRouter(prefix="/api/search", tags=["search"])

Number = Annotated[int, Path(ge=1, le=2**63 - 1)]


class _Parameters(SearchParameters):
    """Parameters of a search; one that does not exist is a mistake here: it would be kept for ever."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class NamedSearch(BaseModel):
    """A search and its name, which no other may have."""

    name: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
    parameters: _Parameters


class Saved(BaseModel):
    """A saved search; times in UTC."""

    id: int
    name: str
    parameters: dict[str, Any]
    created_at: datetime
    updated_at: datetime


class SavedAnswer(BaseModel):
    """One saved search."""

    success: Literal[True] = True
    data: Saved


class SavedList(BaseModel):
    """All saved searches, by name."""

    success: Literal[True] = True
    data: list[Saved]


class Past(BaseModel):
    """A search that was made, and how many documents it found the last time."""

    parameters: dict[str, Any]
    total: Annotated[int, Field(ge=0)]
    searched_at: datetime


class HistoryAnswer(BaseModel):
    """The last different searches, the newest first."""

    success: Literal[True] = True
    data: list[Past]


@router.get("/saved")
def saved_searches(served: Given) -> SavedList:
    """All saved searches."""
    return SavedList(data=[_told(one) for one in served.saved.all()])


@router.post("/saved", status_code=201, responses=responses(400, 409, 422))
def save(served: Given, given: NamedSearch) -> SavedAnswer:
    """Save a search under a name."""
    _possible(given)
    try:
        return SavedAnswer(data=_told(served.saved.add(given.name, given.parameters.told())))
    except SearchRefused as error:
        raise Refused(409, str(error)) from error


@router.get("/saved/{number}", responses=responses(404, 422))
def saved_search(served: Given, number: Number) -> SavedAnswer:
    """One saved search."""
    return _found(served.saved.get(number))


@router.put("/saved/{number}", responses=responses(400, 404, 409, 422))
def change(served: Given, number: Number, given: NamedSearch) -> SavedAnswer:
    """Give a saved search another name, or other parameters."""
    _possible(given)
    try:
        return _found(served.saved.change(number, given.name, given.parameters.told()))
    except SearchRefused as error:
        raise Refused(409, str(error)) from error


@router.delete("/saved/{number}", status_code=204, responses=responses(404, 422))
def forget(served: Given, number: Number) -> Response:
    """Forget a saved search."""
    if not served.saved.remove(number):
        raise Refused(404, "No such search")
    return Response(status_code=204)


@router.get("/history", responses=responses(422))
def history(served: Given, limit: Annotated[int, Query(ge=1, le=KEPT_IN_HISTORY)] = 20) -> HistoryAnswer:
    """The last different searches that asked for something."""
    return HistoryAnswer(data=[_past(one) for one in served.history.last(limit)])


@router.delete("/history", status_code=204)
def clear_history(served: Given) -> Response:
    """Forget all of them."""
    served.history.clear()
    return Response(status_code=204)


def _possible(given: NamedSearch) -> None:
    """Refuse what could never be asked: a saved search must work."""
    with refusing():
        given.parameters.search()


def _found(one: SavedSearch | None) -> SavedAnswer:
    if one is None:
        raise Refused(404, "No such search")
    return SavedAnswer(data=_told(one))


def _told(one: SavedSearch) -> Saved:
    return Saved(
        id=one.id, name=one.name, parameters=dict(one.parameters), created_at=one.created_at, updated_at=one.updated_at
    )


def _past(one: PastSearch) -> Past:
    return Past(parameters=dict(one.parameters), total=one.total, searched_at=one.searched_at)
