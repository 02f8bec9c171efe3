"""`/api/dashboard`: the events at a glance.

What belongs here: the routes. What does not: the figures (`uploads.figures.dashboard`).
"""

from typing import Annotated

from fastapi import APIRouter, Query

from logplatform.api.errors import responses
from logplatform.api.figures import FigureAnswer, told
from logplatform.api.search_parameters import PeriodParameters
from logplatform.api.served import Given
from logplatform.uploads.figures import dashboard as figures

router = APIRouter(prefix="/api/dashboard", tags=["dashboard"], responses=responses(400, 422, 503))


@router.get("/overview")
async def overview(served: Given, asked: Annotated[PeriodParameters, Query()]) -> FigureAnswer:
    """What there is: how many events, of which time, kinds and levels."""
    return await told(served, asked, figures.overview)


@router.get("/metrics")
async def metrics(served: Given, asked: Annotated[PeriodParameters, Query()]) -> FigureAnswer:
    """Rates over the days that hold events."""
    return await told(served, asked, figures.metrics)


@router.get("/charts")
async def charts(served: Given, asked: Annotated[PeriodParameters, Query()]) -> FigureAnswer:
    """Series to draw: events over time, and their shares."""
    return await told(served, asked, figures.charts)


@router.get("/kpis")
async def kpis(served: Given, asked: Annotated[PeriodParameters, Query()]) -> FigureAnswer:
    """Key figures: revenue, success and error rate, users, response time, suspicious events."""
    return await told(
        served, asked, lambda index, filters: figures.kpis(index, filters, served.settings.uploads.fraud_threshold)
    )
