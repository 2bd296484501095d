"""What is sent to the storage: readings, states, refused messages; and the marks that say what it holds."""

import base64
import binascii
import json
import time
from collections.abc import Iterator

from fastapi import APIRouter, Request

from floornode.contract import mark_pages
from floorsense.ingest.judge import Judge
from floorsense.storage import Arrival, Refused, State, Store
from floorsense.storage.arrivals import MAX_KEPT
from floorsense.web import models
from floorsense.web.doors import OPERATOR, VIEWER, require
from floorsense.web.failures import RESPONSES

router = APIRouter(prefix="/api/v1", tags=["intake"], responses=RESPONSES)
_JUDGE = Judge()
_MOST_REFUSALS = 100


def store_of(request: Request) -> Store:
    store: Store = request.app.state.store
    return store


@router.post("/readings", response_model=models.Accepted, dependencies=[require(OPERATOR)])
def put_readings(request: Request, body: models.Readings) -> models.Accepted:
    """Store a batch of readings, each once: (topic, boot, seq) is known again, or topic, time and value of an unnumbered one.

    A payload that the contract does not let pass goes to quarantine, and its neighbours are stored.
    """
    arrivals: list[Arrival] = []
    refused: list[Refused] = []
    for found in _judged(body.readings):
        if isinstance(found, Arrival):
            arrivals.append(found)
        elif isinstance(found, Refused):
            refused.append(found)
    store = store_of(request)
    written = store.put_readings(arrivals)
    if refused:
        store.put_refused(refused)
    refused += written.refused
    return models.Accepted(
        stored=len(written.stored),
        repeated=written.repeated,
        quarantined=len(refused),
        refused=[models.Refusal(topic=one.topic, reason=one.reason) for one in refused[:_MOST_REFUSALS]],
    )


@router.post("/states", response_model=models.Accepted, dependencies=[require(OPERATOR)])
def put_states(request: Request, body: models.States) -> models.Accepted:
    """Keep status and health messages: of each board the last one."""
    states: list[State] = []
    refused: list[Refused] = []
    for found in _judged(body.states):
        if isinstance(found, State):
            states.append(found)
        elif isinstance(found, Refused):
            refused.append(found)
    store = store_of(request)
    store.put_states(states)
    if refused:
        store.put_refused(refused)
    refusals = [models.Refusal(topic=one.topic, reason=one.reason) for one in refused[:_MOST_REFUSALS]]
    return models.Accepted(stored=len(states), repeated=0, quarantined=len(refused), refused=refusals)


@router.post("/quarantine", response_model=models.Accepted, dependencies=[require(OPERATOR)])
def put_quarantine(request: Request, body: models.RefusedMessages) -> models.Accepted:
    """Keep messages that were refused elsewhere, with the reasons."""
    now = _now()
    refused = [_refused(one, now) for one in body.messages]
    store_of(request).put_refused(refused)
    return models.Accepted(stored=0, repeated=0, quarantined=len(refused), refused=[])


@router.post("/marks", response_model=models.Marks, dependencies=[require(VIEWER)])
def get_marks(request: Request, body: models.Machines) -> models.Marks:
    """What is stored of these machines, as their marks say it. One of which nothing is stored is left out."""
    found = store_of(request).marks(body.machines)
    return models.Marks(marks={machine: json.loads(mark_pages.encode(lives)) for machine, lives in found.items()})


def _judged(messages: list[models.Message]) -> Iterator[Arrival | State | Refused | None]:
    now = _now()
    for one in messages:
        arrived = now if one.arrived is None else one.arrived
        yield _JUDGE.judge_fields(one.topic, one.payload, json.dumps(one.payload).encode(), arrived)


def _refused(one: models.RefusedMessage, now: int) -> Refused:
    payload = _decoded(one.payload)
    size = len(payload) if one.size is None else max(one.size, len(payload))
    return Refused(one.topic, payload[:MAX_KEPT], size, one.reason, now if one.arrived is None else one.arrived)


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        return text.encode()


def _now() -> int:
    return int(time.time() * 1000)
