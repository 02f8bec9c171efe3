"""What the routes of figures share: the answer, and asking for it.

What belongs here: the one way from a figure to its answer. What does not: any route, and any figure
(`uploads.figures`).
"""

from collections.abc import Callable
from typing import Any, Literal

from pydantic import BaseModel

from logplatform.api.asking import refusing
from logplatform.api.search_parameters import PeriodParameters
from logplatform.api.served import Served
from logplatform.stores.log_index import LogIndex
from logplatform.stores.log_query import Filters

Figure = Callable[[LogIndex, Filters], dict[str, Any]]


class FigureAnswer(BaseModel):
    """Figures over the documents of a period. Times in UTC; shares from 0 to 1; null: there is nothing to tell of."""

    success: Literal[True] = True
    data: dict[str, Any]


async def told(served: Served, period: PeriodParameters, figure: Figure) -> FigureAnswer:
    """A figure of a period; Refused if the period is none, or the index cannot answer."""
    with refusing():
        filters = period.filters()
    return FigureAnswer(data=await served.questions.ask(lambda index: figure(index, filters)))
