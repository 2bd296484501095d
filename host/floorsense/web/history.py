"""What the storage tells: series, boards and their last known state, quarantine."""

import json
import time
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from floornode.contract.quantities import Quantity, quantity
from floornode.contract.reading import quality
from floorsense.storage import quarantine, series, stations
from floorsense.storage.series import Bucket, Topic
from floorsense.topic_filter import fault_of_filter
from floorsense.web import models
from floorsense.web.doors import VIEWER, require
from floorsense.web.failures import RESPONSES, ErrorBody, Failure
from floorsense.web.intake import store_of

router = APIRouter(prefix="/api/v1", tags=["history"], responses=RESPONSES, dependencies=[require(VIEWER)])

_HOUR_MS = 3_600_000
# One answer holds so many points at most, over all its series.
MAX_POINTS = 100_000


@router.get("/series", response_model=models.SeriesAnswer)
def get_series(
    request: Request,
    topic: Annotated[str, Query(min_length=1, max_length=models.MAX_TOPIC, description="An MQTT topic filter.")],
    from_: Annotated[
        int | None, Query(alias="from", ge=0, le=models.MAX_MS, description="An hour before `to` by default.")
    ] = None,
    to: Annotated[int | None, Query(ge=0, le=models.MAX_MS, description="Excluded; now by default.")] = None,
    step: Annotated[int, Query(ge=0, le=366 * 86_400_000, description="In ms; 0 for every reading.")] = 0,
    limit: Annotated[int, Query(ge=1, le=MAX_POINTS, description="Points of each series.")] = 10_000,
    most: Annotated[int, Query(ge=1, le=1000, description="Series, by topic.")] = 100,
) -> dict[str, Any]:
    """Series of all topics that the filter matches: every reading, or with `step` their mean, least and greatest a step."""
    if fault := fault_of_filter(topic):
        raise Failure(422, "invalid", f"query.topic: {fault}")
    to_ms = int(time.time() * 1000) + 1 if to is None else to
    from_ms = max(0, to_ms - _HOUR_MS) if from_ is None else from_
    if 0 < step < 100:
        raise Failure(422, "invalid", "query.step: at least 100 ms; 0 gives every reading")
    if step and (to_ms - from_ms) // step > limit:
        raise Failure(422, "invalid", f"query.step: more than {limit} steps lie between from and to; take a longer one")
    if limit * most > MAX_POINTS and limit > MAX_POINTS // most:
        limit = max(1, MAX_POINTS // most)
    store = store_of(request)

    def ask(connection: Any) -> dict[str, Any]:
        found = series.matching(connection, topic, most + 1)
        told = []
        for one in found[:most]:
            if step:
                buckets = series.downsampled(connection, one, from_ms, to_ms, step, store.database.timescale)
                told.append(_downsampled(one, buckets))
            else:
                told.append(_raw(one, series.raw(connection, one, from_ms, to_ms, limit + 1), limit))
        return {"from": from_ms, "to": to_ms, "step": step, "truncated": len(found) > most, "series": told}

    return store.read(ask)


@router.get("/stations", response_model=models.Stations)
def get_stations(
    request: Request,
    after: Annotated[str, Query(max_length=200, description="The machine to go on after.")] = "",
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> dict[str, Any]:
    """Boards by name, with their last known state and readings, whether they are there or away."""

    def ask(connection: Any) -> dict[str, Any]:
        found = stations.listed(connection, after, limit + 1)
        page = found[:limit]
        newest = stations.latest(connection, [one["machine"] for one in page])
        for one in page:
            one["latest"] = [_latest(request, reading) for reading in newest[one["machine"]]]
        return {"stations": page, "next": page[-1]["machine"] if len(found) > limit else None}

    _refuse_nul("query.after", after)
    return store_of(request).read(ask)


@router.get("/stations/{site}/{floor}/{machine}", response_model=models.Station, responses={404: {"model": ErrorBody}})
def get_station(request: Request, site: str, floor: str, machine: str) -> dict[str, Any]:
    """One board."""
    name = f"{site}/{floor}/{machine}"
    _refuse_nul("path", name)

    def ask(connection: Any) -> dict[str, Any] | None:
        one = stations.found(connection, name)
        if one is not None:
            one["latest"] = [_latest(request, reading) for reading in stations.latest(connection, [name])[name]]
        return one

    found = store_of(request).read(ask)
    if found is None:
        raise Failure(404, "not-found", "no such machine has been heard of")
    return found


@router.get("/quarantine", response_model=models.Quarantine)
def get_quarantine(
    request: Request,
    before: Annotated[int | None, Query(ge=0, le=2**62, description="The id to go on before.")] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> dict[str, Any]:
    """Refused messages with their reasons, the newest first."""
    entries = store_of(request).read(lambda connection: quarantine.listed(connection, before, limit + 1))
    page = entries[:limit]
    return {"entries": page, "next": page[-1]["id"] if len(entries) > limit else None}


def _raw(topic: Topic, rows: list[Any], limit: int) -> dict[str, Any]:
    told = rows[:limit]
    return {
        "topic": topic.name,
        "unit": getattr(_kind(topic.quantity), "unit", ""),
        "truncated": len(rows) > limit,
        "ts": [row.ts for row in told],
        "value": [row.value for row in told],
        "boot": [row.boot if row.boot >= 0 else None for row in told],
        "seq": [row.seq if row.boot >= 0 else None for row in told],
        "quality": [quality(row.flags) for row in told],
        "more": [None if row.more is None else json.loads(row.more) for row in told],
    }


def _downsampled(topic: Topic, buckets: dict[int, Bucket]) -> dict[str, Any]:
    found = list(buckets.values())
    return {
        "topic": topic.name,
        "unit": getattr(_kind(topic.quantity), "unit", ""),
        "truncated": False,
        "ts": list(buckets),
        "mean": [one.total / one.count if one.count else None for one in found],
        "low": [one.low for one in found],
        "high": [one.high for one in found],
        "count": [one.count for one in found],
        "faults": [one.faults for one in found],
    }


def _latest(request: Request, reading: stations.Latest) -> dict[str, Any]:
    kind = _kind(reading.topic.rpartition("/")[2])
    told = {name: getattr(reading, name) for name in ("topic", "ts", "value", "boot", "seq", "missing", "more")}
    told |= {"unit": kind.unit if kind else "", "quality": quality(reading.flags), "zone": None}
    if kind is not None and reading.value is not None:
        told["zone"] = request.app.state.zones.find(reading.topic, kind, kind.steps(reading.value))
    return told


def _kind(name: str) -> Quantity | None:
    """None for one that a later version has stored, and this one does not know."""
    try:
        kind: Quantity = quantity(name)
    except ValueError:
        return None
    return kind


def _refuse_nul(where: str, text: str) -> None:
    if "\0" in text:
        raise Failure(422, "invalid", f"{where}: no NUL can be in it")
