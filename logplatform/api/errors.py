"""One shape for everything that is refused or fails: `{"success": false, "error": "why"}`.

What belongs here: turning exceptions into answers. What does not: deciding what is refused.
"""

import logging
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Literal

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from sqlalchemy.exc import OperationalError
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse

from logplatform.failures import TransientFailure

_MOST_NAME = 50
_log = logging.getLogger(__name__)


class ErrorAnswer(BaseModel):
    """The answer to a request that was refused or failed."""

    success: Literal[False] = False
    error: str


class Refused(HTTPException):
    """Raised by a route: the request is answered with `status` and `reason`."""

    def __init__(self, status: int, reason: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(status, reason, headers)


def error_answer(status: int, reason: str, headers: dict[str, str] | None = None) -> JSONResponse:
    """The answer in the one shape."""
    return JSONResponse({"success": False, "error": reason}, status, headers)


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """For `responses=` of a route: its errors as the OpenAPI document tells them."""
    return {status: {"model": ErrorAnswer, "description": HTTPStatus(status).phrase} for status in statuses}


def install(app: FastAPI) -> None:
    """Make every failure of `app` answer in the one shape; what is no fault of the sender is logged."""

    @app.exception_handler(HTTPException)
    async def refused(request: Request, error: HTTPException) -> JSONResponse:  # noqa: ARG001 (Starlette's signature)
        return error_answer(error.status_code, str(error.detail), dict(error.headers or {}))

    @app.exception_handler(RequestValidationError)
    async def invalid(request: Request, error: RequestValidationError) -> JSONResponse:  # noqa: ARG001 (Starlette's signature)
        if unknown := _unknown(error.errors()):
            return error_answer(400, f"There is no parameter {', '.join(unknown)}")
        return error_answer(422, "; ".join(_told(found) for found in error.errors()))

    @app.exception_handler(ClientDisconnect)
    async def gone(request: Request, error: ClientDisconnect) -> JSONResponse:  # noqa: ARG001 (Starlette's signature)
        # Nobody is there to read the answer; what had come was dropped.
        _log.info("%s %s: the sender went away", request.method, request.url.path)
        return error_answer(400, "The sender went away", {"Connection": "close"})

    @app.exception_handler(TransientFailure)
    @app.exception_handler(OperationalError)
    @app.exception_handler(OSError)
    async def unavailable(request: Request, error: Exception) -> JSONResponse:
        _log.error("%s %s could not be served", request.method, request.url.path, exc_info=error)
        return error_answer(503, "The service cannot do this just now; try again", {"Retry-After": "5"})

    @app.exception_handler(Exception)
    async def failed(request: Request, error: Exception) -> JSONResponse:
        _log.error("%s %s failed", request.method, request.url.path, exc_info=error)
        # The server gives up a connection on which something was raised; the sender must know.
        return error_answer(500, "Internal error; the log of the service tells more", {"Connection": "close"})


def _unknown(errors: Sequence[dict[str, Any]]) -> list[str]:
    """The names of parameters in the address that do not exist."""
    found = (one["loc"] for one in errors if one["type"] == "extra_forbidden")
    return [str(loc[-1])[:_MOST_NAME] for loc in found if loc[0] == "query"]


def _told(found: dict[str, Any]) -> str:
    """`query.size: Input should be less than or equal to 1000`; the value itself is not shown."""
    return f"{'.'.join(str(part) for part in found['loc'])}: {found['msg']}"
