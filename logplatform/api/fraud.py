"""`/api/fraud`: suspicious transactions.

What belongs here: the routes. What does not: the figures (`uploads.figures.fraud`).
"""

from typing import Annotated

from fastapi import APIRouter, Query

from logplatform.api.errors import responses
from logplatform.api.figures import FigureAnswer, told
from logplatform.api.search_parameters import FraudParameters
from logplatform.api.served import Given, Served
from logplatform.uploads.figures import fraud as figures
from logplatform.uploads.fraud import FraudRules

router = APIRouter(prefix="/api/fraud", tags=["fraud"], responses=responses(400, 422, 503))


@router.get("/detect")
async def detect(served: Given, asked: Annotated[FraudParameters, Query()]) -> FigureAnswer:
    """The most suspicious transactions with their scores and reasons."""
    return await told(
        served, asked, lambda index, filters: figures.detect(index, filters, _rules(served, asked), asked.limit)
    )


@router.get("/suspicious-activities")
async def suspicious_activities(served: Given, asked: Annotated[FraudParameters, Query()]) -> FigureAnswer:
    """Users with suspicious transactions, addresses that several users pay from, what senders reported."""
    return await told(
        served,
        asked,
        lambda index, filters: figures.suspicious_activities(index, filters, _rules(served, asked), asked.limit),
    )


@router.get("/stats")
async def stats(served: Given, asked: Annotated[FraudParameters, Query()]) -> FigureAnswer:
    """How many transactions were judged, how many are suspicious, and why."""
    return await told(served, asked, lambda index, filters: figures.stats(index, filters, _rules(served, asked)))


def _rules(served: Served, asked: FraudParameters) -> FraudRules:
    """The rules as they are set up, unless the question names another threshold."""
    threshold = served.settings.uploads.fraud_threshold if asked.threshold is None else asked.threshold
    return FraudRules(threshold=threshold)
