"""`/api/logs/upload`, `/api/logs/uploads…`: files in, and what became of them.

What belongs here: the routes. What does not: bodies (`receiving`), shapes (`answers`), taking a file
(`uploads.intake`), ingesting it (`uploads.worker`).
"""

from functools import partial
from itertools import islice
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import JSONResponse

from logplatform.api.answers import (
    Batch,
    BatchItem,
    RecentAnswer,
    UploadAnswer,
    Uploaded,
    file_data,
    recent_upload,
    upload_state,
    uploaded_data,
)
from logplatform.api.errors import Refused, responses
from logplatform.api.receiving import FORM_BYTES, body_of, file_bytes, form_of, next_file, only_file, take
from logplatform.api.served import Given, Served
from logplatform.stores.schema import dead_letter
from logplatform.stores.upload_record import UploadRecord
from logplatform.uploads.inspection import size_fault
from logplatform.uploads.intake import Received, receive

FIELD = "file"
MAX_BATCH_FILES = 1_000
ERRORS_TOLD = 20

router = APIRouter(prefix="/api/logs", tags=["uploads"])

_FILE = {"type": "string", "format": "binary"}


def _form(properties: dict[str, Any], required: list[str]) -> dict[str, Any]:
    """The request body in the OpenAPI document: the routes read it themselves, as it comes."""
    schema = {"type": "object", "properties": properties, "required": required}
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}}


@router.post(
    "/upload",
    status_code=201,
    response_model=Uploaded,
    responses=responses(400, 408, 413, 503),
    openapi_extra=_form({FIELD: _FILE}, [FIELD]),
)
async def upload(request: Request, served: Given) -> JSONResponse:
    """Send one file, CSV or JSON (lines, an array or one object), in the field `file`.

    It is safe once this is answered; `GET /api/logs/uploads/{job_id}` tells what becomes of it. The same bytes again
    are answered with `duplicate_of`, and nothing is indexed twice.
    """
    limit = served.room.limits.max_file_bytes
    if _announced(request) > limit + FORM_BYTES:
        raise Refused(413, size_fault(limit))
    form = form_of(request, body_of(request, served.settings.api.body_timeout_seconds))
    part = await next_file(form, FIELD)
    if part is None:
        raise Refused(400, "No file provided")
    received = await take(served.rooms, partial(receive, served.room, part.filename), only_file(form, FIELD))
    record = _taken(served, received)
    answer = Uploaded(data=uploaded_data(record, await _duplicate_status(served, record)))
    return _created(answer)


@router.post(
    "/uploads",
    status_code=201,
    response_model=Batch,
    responses={207: {"model": Batch, "description": "Some files were refused"}, **responses(400, 408, 503)},
    openapi_extra=_form({"files": {"type": "array", "items": _FILE}}, ["files"]),
)
async def upload_several(request: Request, served: Given) -> JSONResponse:
    """Send several files, in fields of any name; each is taken or refused by itself.

    201: all were taken; 207: some were; 400: none was.
    """
    form = form_of(request, body_of(request, served.settings.api.body_timeout_seconds))
    items: list[BatchItem] = []
    while (part := await next_file(form, None)) is not None:
        if len(items) == MAX_BATCH_FILES:
            raise Refused(400, f"More than {MAX_BATCH_FILES} files; those before are safe, send the others again")
        chunks = file_bytes(form)
        received = await take(served.rooms, partial(receive, served.room, part.filename), chunks)
        async for _ in chunks:
            # What a refused file has left is read on to the next one.
            continue
        items.append(await _item(served, part.filename or "", received))
    if not items:
        raise Refused(400, "No file provided")
    taken = sum(item.success for item in items)
    failed = len(items) - taken
    message = f"{taken} of {len(items)} files uploaded successfully"
    error = f"{failed} of {len(items)} files refused" if failed else None
    answer = Batch(success=not failed, message=message, error=error, uploaded=taken, failed=failed, data=items)
    status = 201 if not failed else 207 if taken else 400
    return JSONResponse(answer.model_dump(mode="json", exclude_none=True), status)


@router.get("/uploads/recent", response_model_exclude_none=True, responses=responses(422))
def recent(served: Given, limit: Annotated[int, Query(ge=1, le=100)] = 20) -> RecentAnswer:
    """The newest uploads, newest first."""
    found = [recent_upload(record) for record in served.room.uploads.recent(limit)]
    return RecentAnswer(count=len(found), data=found)


@router.get("/uploads/{job_id}", responses=responses(404, 422))
def state(served: Given, job_id: Annotated[str, Path(max_length=100)]) -> UploadAnswer:
    """What became of an upload: its status, its counts, its first errors."""
    record = served.room.uploads.get(job_id)
    if record is None:
        raise Refused(404, "No such upload")
    first = record if record.duplicate_of is None else served.room.uploads.get(record.duplicate_of)
    found = served.room.tenancy.letters.find(dead_letter.c.origin == record.sha256)
    letters = list(islice(found, ERRORS_TOLD))
    status = None if first is None or first is record else first.status
    return UploadAnswer(data=upload_state(record, letters, status))


def _announced(request: Request) -> int:
    """The length of the body as its sender tells it; 0 if it does not."""
    told = request.headers.get("content-length", "")
    return int(told) if told.isascii() and told.isdigit() else 0


def _taken(served: Served, received: Received) -> UploadRecord:
    if received.record is not None:
        return received.record
    too_large = received.error == size_fault(served.room.limits.max_file_bytes)
    raise Refused(413 if too_large else 400, received.error or "")


async def _duplicate_status(served: Served, record: UploadRecord) -> str | None:
    """What has become of the upload whose bytes are the same."""
    if record.duplicate_of is None:
        return None
    first = await served.asked(served.room.uploads.get, record.duplicate_of)
    return None if first is None else first.status


async def _item(served: Served, filename: str, received: Received) -> BatchItem:
    record = received.record
    if record is None:
        return BatchItem(filename=filename, success=False, error=received.error)
    data = file_data(record, await _duplicate_status(served, record))
    return BatchItem(filename=filename, success=True, data=data)


def _created(answer: Uploaded) -> JSONResponse:
    """With the two fields that tell of a duplicate only where it is one."""
    absent = {name for name in ("duplicate_of", "duplicate_status") if getattr(answer.data, name) is None}
    return JSONResponse(answer.model_dump(mode="json", exclude={"data": absent}), 201)
