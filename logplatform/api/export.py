"""`GET /api/search/export`: all documents that are found, as a file.

What belongs here: the route, and its stream. What does not: the file's form (`uploads.export`).
"""

from collections.abc import AsyncGenerator, Generator
from typing import Annotated

from anyio import to_thread
from fastapi import APIRouter, Query
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from logplatform.api.asking import EXPORT_SECONDS, Questions, refusing
from logplatform.api.errors import Refused, responses
from logplatform.api.search_parameters import ExportParameters
from logplatform.api.served import Given
from logplatform.stores.log_query import check_text
from logplatform.uploads.export import ExportFormat, exported

router = APIRouter(prefix="/api/search", tags=["search"])

_MEDIA: dict[ExportFormat, str] = {"csv": "text/csv; charset=utf-8", "json": "application/json"}
_TEXT = {"schema": {"type": "string"}}
_LIST = {"schema": {"type": "array", "items": {"type": "object"}}}


class Export(StreamingResponse):
    """A stream whose first part is known; it is closed however its sending ends, so that its place is free again."""

    def __init__(self, first: bytes, rest: AsyncGenerator[bytes], kind: ExportFormat) -> None:
        headers = {"Content-Disposition": f'attachment; filename="documents.{kind}"'}
        super().__init__(_joined(first, rest), media_type=_MEDIA[kind], headers=headers)
        self._rest = rest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it, then close it."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._rest.aclose()


@router.get(
    "/export",
    response_class=StreamingResponse,
    responses={
        200: {"description": "The file", "content": {"text/csv": _TEXT, "application/json": _LIST}},
        **responses(400, 422, 503),
    },
)
async def export(served: Given, asked: Annotated[ExportParameters, Query()]) -> Export:
    """All documents that are found, days in order, in one file; a stream that ends early is no whole file."""
    questions = served.questions
    with refusing():
        filters = asked.filters()
        check_text(asked.text)
    place = object()
    if questions.exports.available_tokens < 1:
        raise Refused(503, "Other exports are being made; ask again later", {"Retry-After": "30"})
    questions.exports.acquire_on_behalf_of_nowait(place)
    parts = exported(questions.index.within(EXPORT_SECONDS).export(asked.text, filters), asked.format)
    rest = _parts(questions, place, parts)
    # What fails at once is told as an error, not as a file that breaks off.
    with refusing():
        first = await anext(rest)
    return Export(first, rest, asked.format)


async def _parts(questions: Questions, place: object, parts: Generator[bytes]) -> AsyncGenerator[bytes]:
    """The parts, each made on a thread; at the end the export's place and its connection to the index are free."""
    try:
        while (part := await to_thread.run_sync(_next, parts, limiter=questions.asked)) is not None:
            yield part
    finally:
        questions.exports.release_on_behalf_of(place)
        parts.close()


def _next(parts: Generator[bytes]) -> bytes | None:
    return next(parts, None)


async def _joined(first: bytes, rest: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    yield first
    async for part in rest:
        yield part
