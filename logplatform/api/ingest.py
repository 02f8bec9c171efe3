"""`POST /api/logs/ingest`: events in the body.

What belongs here: the route. What does not: bodies (`receiving`), what makes events different from a file
(`uploads.requests`).
"""

from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Header, Request

from logplatform.api.answers import Accepted, IngestedData
from logplatform.api.errors import Refused, responses
from logplatform.api.receiving import body_of, take
from logplatform.api.served import Given
from logplatform.uploads.inspection import size_fault
from logplatform.uploads.requests import KeyReused, receive_events

router = APIRouter(prefix="/api/logs", tags=["uploads"])

_EVENT: dict[str, Any] = {
    "type": "object",
    "required": ["timestamp"],
    "properties": {
        "timestamp": {"type": "string", "example": "2026-03-01T10:00:00Z"},
        "event_id": {"type": "string", "description": "The same again, in whatever request, is the same event."},
        "level": {"type": "string", "example": "INFO"},
        "log_type": {"type": "string", "example": "transaction"},
        "message": {"type": "string", "example": "payment completed"},
    },
}
_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": {"oneOf": [_EVENT, {"type": "array", "items": _EVENT}]}}},
    }
}

Key = Annotated[str | None, Header(alias="Idempotency-Key", min_length=1, max_length=255, pattern=r"^[\x21-\x7e]+$")]


@router.post(
    "/ingest",
    status_code=202,
    response_model_exclude_none=True,
    responses=responses(400, 408, 409, 413, 422, 503),
    openapi_extra=_BODY,
)
async def ingest(request: Request, served: Given, idempotency_key: Key = None) -> Accepted:
    """Send one event, a list of them, or one a line, as JSON.

    They are safe once this is answered, and take the way of a file: `GET /api/logs/uploads/{job_id}` tells what
    becomes of them. An `event_id` makes an event the same one in whatever request it comes again. With the header
    `Idempotency-Key` the same request again has the same answer (409 if its body is another). Without either, the
    same body again is answered with `duplicate_of`. Whatever way, nothing is indexed twice.
    """
    body = body_of(request, served.settings.api.body_timeout_seconds)
    try:
        received = await take(served.rooms, partial(receive_events, served.room, idempotency_key), body)
    except KeyReused as error:
        raise Refused(409, str(error)) from error
    record = received.record
    if record is None:
        error = received.error or ""
        if error == "File is empty":
            raise Refused(400, "No event provided")
        raise Refused(413 if error == size_fault(served.room.limits.max_file_bytes) else 400, error)
    told = ("file_id", "job_id", "total_lines", "uploaded_at", "duplicate_of")
    return Accepted(data=IngestedData(**{name: getattr(record, name) for name in told}))
