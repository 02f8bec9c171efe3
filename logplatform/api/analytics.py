"""`/api/analytics`: what happened, by kind of event.

What belongs here: the routes. What does not: the figures (`uploads.figures.analytics`).
"""

from typing import Annotated

from fastapi import APIRouter, Query

from logplatform.api.errors import responses
from logplatform.api.figures import FigureAnswer, told
from logplatform.api.search_parameters import PeriodParameters, TrendParameters
from logplatform.api.served import Given
from logplatform.uploads.figures import analytics as figures

router = APIRouter(prefix="/api/analytics", tags=["analytics"], responses=responses(400, 422, 503))


@router.get("/transactions")
async def transactions(served: Given, asked: Annotated[PeriodParameters, Query()]) -> FigureAnswer:
    """Transactions and their amounts, by status, method, type, currency, country, day and user."""
    return await told(served, asked, figures.transactions)


@router.get("/errors")
async def errors(served: Given, asked: Annotated[PeriodParameters, Query()]) -> FigureAnswer:
    """Errors by code, type, message, endpoint, service, level and day."""
    return await told(served, asked, figures.errors)


@router.get("/user-behavior")
async def user_behavior(served: Given, asked: Annotated[PeriodParameters, Query()]) -> FigureAnswer:
    """What users do: actions, pages, sessions, durations in milliseconds."""
    return await told(served, asked, figures.user_behavior)


@router.get("/trends")
async def trends(served: Given, asked: Annotated[TrendParameters, Query()]) -> FigureAnswer:
    """How many events of each kind there are over time, and the amounts of transactions."""
    return await told(served, asked, lambda index, filters: figures.trends(index, filters, asked.interval))
