"""`/api/performance`: response times and database latency, in milliseconds.

What belongs here: the routes. What does not: the figures (`uploads.figures.performance`).
"""

from typing import Annotated

from fastapi import APIRouter, Query

from logplatform.api.errors import responses
from logplatform.api.figures import FigureAnswer, told
from logplatform.api.search_parameters import PeriodParameters
from logplatform.api.served import Given
from logplatform.uploads.figures import performance as figures

router = APIRouter(prefix="/api/performance", tags=["performance"], responses=responses(400, 422, 503))


@router.get("/metrics")
async def metrics(served: Given, asked: Annotated[PeriodParameters, Query()]) -> FigureAnswer:
    """All events that tell a response time: percentiles, slow ones (1,000 ms or more), cache hits."""
    return await told(served, asked, figures.metrics)


@router.get("/api-response-times")
async def api_response_times(served: Given, asked: Annotated[PeriodParameters, Query()]) -> FigureAnswer:
    """Response times by endpoint, those with most requests first."""
    return await told(served, asked, figures.api_response_times)


@router.get("/database-latency")
async def database_latency(served: Given, asked: Annotated[PeriodParameters, Query()]) -> FigureAnswer:
    """Times of database queries; slow ones take 500 ms or more."""
    return await told(served, asked, figures.database_latency)
