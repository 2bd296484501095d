"""Logging in and out of the dashboard."""

from typing import Annotated

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from pydantic import Field
from starlette.concurrency import run_in_threadpool

from floorsense.web.accounts import LOGIN_MS, LONGEST, VIEWER
from floorsense.web.doors import COOKIE, Doors
from floorsense.web.failures import RESPONSES, ErrorBody, Failure
from floorsense.web.models import Strict

router = APIRouter(prefix="/api/v1", tags=["login"], responses=RESPONSES)


class Credentials(Strict):
    name: Annotated[str, Field(min_length=1, max_length=64)]
    password: Annotated[str, Field(min_length=1, max_length=LONGEST)]


@router.post("/login", responses={401: {"model": ErrorBody}, 404: {"model": ErrorBody}, 429: {"model": ErrorBody}})
async def log_in(request: Request, body: Credentials) -> JSONResponse:
    """A cookie for twelve hours, for a name and its password. Five tries a minute."""
    doors: Doors = request.app.state.doors
    doors.refuse_strangers(request)
    if doors.accounts is None:
        raise Failure(404, "not-found", "no login is needed here")
    person = await doors.by_name(request, body.name, body.password)
    if person is None:
        raise Failure(401, "login-required", "the name or the password is wrong")
    token = await run_in_threadpool(doors.accounts.log_in, person)
    answer = JSONResponse({"name": person.name, "role": person.role})
    is_secure = request.url.scheme == "https"
    answer.set_cookie(COOKIE, token, max_age=LOGIN_MS // 1000, secure=is_secure, httponly=True, samesite="strict")
    return answer


class Visitor(Strict):
    """``login``: whether they came in by one, and can log out."""

    name: str
    role: str
    login: bool


@router.get("/login", responses={401: {"model": ErrorBody}, 403: {"model": ErrorBody}, 429: {"model": ErrorBody}})
async def who_is_it(request: Request) -> Visitor:
    """Who asks, and what they may."""
    doors: Doors = request.app.state.doors
    person = await doors.admit(request, VIEWER)
    return Visitor(name=person.name, role=person.role, login=COOKIE in request.cookies and doors.accounts is not None)


@router.post("/logout")
async def log_out(request: Request) -> JSONResponse:
    """The cookie opens nothing any more."""
    doors: Doors = request.app.state.doors
    doors.refuse_strangers(request)
    token = request.cookies.get(COOKIE)
    if token and doors.accounts is not None:
        await run_in_threadpool(doors.accounts.log_out, token)
    answer = JSONResponse({})
    answer.delete_cookie(COOKIE)
    return answer
