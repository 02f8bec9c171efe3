"""`GET /metrics`: where everything stands, for a monitoring system to collect.

What belongs here: the answer's form. What does not: measuring (`logplatform.metrics`).
"""

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, CollectorRegistry, generate_latest
from prometheus_client.openmetrics import exposition as openmetrics

router = APIRouter(tags=["metrics"])

_OPENMETRICS = "application/openmetrics-text"
_TEXT = {"schema": {"type": "string"}}


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"description": "All metrics", "content": {"text/plain": _TEXT, _OPENMETRICS: _TEXT}}},
)
def metrics(request: Request) -> Response:
    """All metrics in the text format of Prometheus, or in OpenMetrics where `Accept` asks for it.

    Measured when asked, at most every five seconds. A store that cannot be asked is `logplatform_up` 0 in an answer
    that is a 200 all the same.
    """
    registry = request.app.state.metrics
    if not isinstance(registry, CollectorRegistry):
        raise TypeError("the application was not started")
    if asks_for_openmetrics(request.headers.get("accept", "")):
        return Response(openmetrics.generate_latest(registry), media_type=openmetrics.CONTENT_TYPE_LATEST)
    return Response(generate_latest(registry), media_type=CONTENT_TYPE_PLAIN_0_0_4)


def asks_for_openmetrics(accept: str) -> bool:
    """Whether the header `Accept` names OpenMetrics; its parameters do not matter, and may be anything.

    prometheus_client's own choice fails for a version that is no number.
    """
    return any(wanted.split(";")[0].strip().lower() == _OPENMETRICS for wanted in accept.split(","))
