"""Every failure of the API in one form: ``{"error": {"code": "too-large", "message": "..."}}``, and never a traceback."""

import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from floorsense.errors import DatabaseError
from floorsense.storage import Unfit

_LOG = logging.getLogger(__name__)
_MOST_SHOWN = 5
_RETRY_S = "1"
# Words for what Starlette itself answers.
_CODES = {
    400: "bad-request",
    401: "login-required",
    403: "forbidden",
    404: "not-found",
    405: "method-not-allowed",
    413: "too-large",
}


class ErrorText(BaseModel):
    code: str
    message: str


class ErrorBody(BaseModel):
    """What every answer of 400 and above carries."""

    error: ErrorText


class Failure(Exception):
    """An answer of ``status`` with ``code``, a stable word, and ``message``, a line for people."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message


RESPONSES: dict[int | str, dict[str, Any]] = {
    400: {"model": ErrorBody, "description": "The request cannot be read."},
    413: {"model": ErrorBody, "description": "The request, or what it asks for, is too large."},
    422: {"model": ErrorBody, "description": "The request says what cannot be."},
    503: {"model": ErrorBody, "description": "The database is away; try again."},
}


def answer(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse({"error": {"code": code, "message": message}}, status, headers)


def install(app: FastAPI) -> None:
    @app.exception_handler(Failure)
    async def failed(_request: Request, error: Failure) -> JSONResponse:
        return answer(error.status, error.code, error.message)

    @app.exception_handler(DatabaseError)
    async def away(_request: Request, error: DatabaseError) -> JSONResponse:
        # What the database said is for the log: it may name hosts and users.
        _LOG.warning("%s", error)
        return answer(503, "database-away", "the database cannot be reached; try again", {"Retry-After": _RETRY_S})

    @app.exception_handler(Unfit)
    async def unfit(_request: Request, error: Unfit) -> JSONResponse:
        _LOG.warning("refused by the database: %s", error)
        return answer(422, "unfit", "the database refused what the request holds")

    @app.exception_handler(RequestValidationError)
    async def invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
        found = jsonable_encoder(error.errors(), exclude={"input", "ctx", "url"})
        texts = [f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}" for one in found[:_MOST_SHOWN]]
        more = f"; and {len(found) - _MOST_SHOWN} more" if len(found) > _MOST_SHOWN else ""
        unreadable = any(one["type"] == "json_invalid" for one in found)
        text = ("; ".join(texts) + more).encode(errors="replace").decode()
        return answer(400 if unreadable else 422, "bad-json" if unreadable else "invalid", text)

    @app.exception_handler(HTTPException)
    async def refused(_request: Request, error: HTTPException) -> JSONResponse:
        code = _CODES.get(error.status_code, f"http-{error.status_code}")
        return answer(error.status_code, code, str(error.detail).lower(), dict(error.headers or {}))

    @app.exception_handler(Exception)
    async def broken(_request: Request, error: Exception) -> JSONResponse:
        _LOG.error("a fault of floorsense's own", exc_info=error)
        return answer(500, "fault", "a fault of floorsense's own; its log says more")
