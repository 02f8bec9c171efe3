"""`GET /metrics`: where everything stands, for a monitoring system to collect.

What belongs here: the answer's form. What does not: measuring (`logplatform.metrics`).
"""

from fastapi import APIRouter, Request, Response
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

router = APIRouter(tags=["metrics"])


@router.get(
    "/metrics",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
def metrics(request: Request) -> Response:
    """All metrics in the text format of Prometheus, or in OpenMetrics where `Accept` asks for it.

    Measured when asked, at most every five seconds. A store that cannot be asked is `logplatform_up` 0 in an answer
    that is a 200 all the same.
    """
    registry = request.app.state.metrics
    if not isinstance(registry, CollectorRegistry):
        raise TypeError("the application was not started")
    encode, content_type = choose_encoder(request.headers.get("accept", ""))
    return Response(encode(registry), media_type=content_type)
