"""The alarms over HTTP: listed, and acknowledged by an operator."""

import time
from functools import partial
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel

from floorsense.alerts import alarms
from floorsense.web.doors import OPERATOR, VIEWER, require
from floorsense.web.failures import RESPONSES, ErrorBody, Failure
from floorsense.web.intake import store_of

router = APIRouter(prefix="/api/v1/alerts", tags=["alerts"], responses=RESPONSES)


class AlarmBody(BaseModel):
    """``cause``: the topic that broke the rule, or the machine that is silent. Times are Unix ms; null: not yet."""

    id: int
    rule: str
    cause: str
    machine: str
    severity: str
    state: str
    text: str
    onset: int
    opened_at: int
    acked_at: int | None
    acked_by: str | None
    ended: int | None
    cleared_at: int | None
    changed_at: int


class AlarmList(BaseModel):
    """``next``: give it as ``before`` for those that follow; null at the end."""

    alarms: list[AlarmBody]
    next: int | None


@router.get("", response_model=AlarmList, dependencies=[require(VIEWER)])
def get_alarms(
    request: Request,
    state: Annotated[Literal["open", "acknowledged", "cleared"] | None, Query(description="Only these.")] = None,
    before: Annotated[int | None, Query(ge=0, le=2**62)] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> dict[str, Any]:
    """Alarms, the newest first."""
    found = store_of(request).read(lambda connection: alarms.listed(connection, state, before, limit + 1))
    page = found[:limit]
    return {"alarms": [one.as_dict() for one in page], "next": page[-1].id if len(found) > limit else None}


@router.post("/{number}/ack", response_model=AlarmBody, responses={404: {"model": ErrorBody}})
def acknowledge(
    request: Request, number: Annotated[int, Path(ge=1, le=2**62)], who: Annotated[str, require(OPERATOR)]
) -> dict[str, Any]:
    """Acknowledge an alarm. Who did first stays its name."""
    now = int(time.time() * 1000)
    store = store_of(request)
    one, is_new = store.write(partial(alarms.acknowledge, number=number, who=who, now=now))
    if one is None:
        raise Failure(404, "not-found", "there is no such alarm")
    if is_new:
        store.feed.publish([one])
    return one.as_dict()
